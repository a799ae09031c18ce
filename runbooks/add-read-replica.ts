import { defineRunbook } from '../functions/engine/runbook.ts';
import { manifest } from '../functions/remediations/add-read-replica/manifest.ts';

export const runbook = defineRunbook({
  name: 'add-read-replica',
  summary: 'A DB instance is busy with reads: it gets a read replica, once somebody has approved it.',
  severity: 'P3',
  startedBy: manifest.triggers,
  rungs: ['add-read-replica'],
  guards: [],
  told: 'The contacts of the database, who are asked, and who have to point readers at the replica; and when it may have no more.',
  covers: ['3c/add-read-replica'],
});
