/** `restart-database` on instances that are only described: a restart is one call of RDS's and the status and events that follow. */
import { DescribedInstances } from '../described-instances.ts';
import type { MatrixCase } from '../types.ts';

export const matrixCase: MatrixCase = {
  remediation: 'restart-database',
  stages: ['firing', 'resolved'],
  targetsAtOnce: 20,
  open: async (place) =>
    new DescribedInstances(place, {
      metricName: 'SwapUsage',
      changes: ({ operation }) => operation === 'RebootDBInstance',
      // An instance looks the same before and after: whether RDS was asked tells.
      stateOf: (_instance, _intent, changes) => (changes > 0 ? 'after' : 'before'),
      tell: (_instance, changes) => `RDS was asked ${changes} times to restart it`,
    }),
};
