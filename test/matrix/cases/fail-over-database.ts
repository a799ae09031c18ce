/**
 * `fail-over-database` on Multi-AZ instances that are only described: its calls and their evidence are RDS's, so no server has to stand behind them (the
 * emulator tests have real pairs).
 */
import type { Placement } from '../../../functions/remediations/fail-over-database/decide.ts';
import { DescribedInstances } from '../described-instances.ts';
import type { MatrixCase } from '../types.ts';

export const matrixCase: MatrixCase = {
  remediation: 'fail-over-database',
  stages: ['firing', 'resolved'],
  targetsAtOnce: 20,
  open: async (place) =>
    new DescribedInstances(place, {
      metricName: 'WriteLatency',
      create: { MultiAZ: true },
      changes: ({ operation, params }) => operation === 'RebootDBInstance' && params.ForceFailover === 'true',
      stateOf: ({ AvailabilityZone }, intent) => {
        const { before, after } = intent as { before: Placement; after: Placement };
        return AvailabilityZone === after.zone ? 'after' : AvailabilityZone === before.zone ? 'before' : 'beyond';
      },
      tell: ({ AvailabilityZone }) => `its primary is in ${AvailabilityZone}`,
    }),
};
