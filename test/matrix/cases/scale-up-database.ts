/** `scale-up-database` on instances that are only described: from micro to small. */
import { DescribedInstances } from '../described-instances.ts';
import type { MatrixCase } from '../types.ts';

export const matrixCase: MatrixCase = {
  remediation: 'scale-up-database',
  // What its verification does is `grow-storage`’s own.
  stages: ['firing'],
  targetsAtOnce: 20,
  open: async (place) =>
    new DescribedInstances(place, {
      metricName: 'DBLoad',
      changes: ({ operation }) => operation === 'ModifyDBInstance',
      stateOf: ({ DBInstanceClass }, intent) => {
        const { before, after } = intent as { before: { instanceClass: string }; after: { instanceClass: string } };
        if (DBInstanceClass === after.instanceClass) return 'after';
        return DBInstanceClass === before.instanceClass ? 'before' : 'beyond';
      },
      tell: ({ DBInstanceClass }) => `it is a ${DBInstanceClass}`,
    }),
};
