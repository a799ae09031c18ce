import { defineRunbook } from '../functions/engine/runbook.ts';

export const runbook = defineRunbook({
  name: 'aws-health-change',
  summary: 'AWS announces a change of something of yours, or has a message about it: a person is told.',
  severity: 'P3',
  startedBy: [{ source: 'health', what: ['scheduledChange', 'accountNotification'] }],
  rungs: ['call-person'],
  guards: [],
  told: 'Everybody who is called for P3, with what is concerned and what AWS says of it; resolved when AWS closes the event.',
  covers: [],
});
