import { defineRunbook } from '../functions/engine/runbook.ts';

export const runbook = defineRunbook({
  name: 'aws-health-issue',
  summary:
    'AWS says that it has a trouble with something of yours, or with a service that it rests on: a person is told.',
  severity: 'P2',
  startedBy: [{ source: 'health', what: ['issue', 'investigation'] }],
  rungs: ['call-person'],
  guards: [],
  told: 'Everybody who is called for P2, with what is concerned and what AWS says of it; resolved when AWS closes the event.',
  covers: [],
});
