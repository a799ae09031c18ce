/** `grow-storage` on instances that are only described: from 20 to 30 GiB. */
import { DescribedInstances } from '../described-instances.ts';
import type { MatrixCase } from '../types.ts';

export const matrixCase: MatrixCase = {
  remediation: 'grow-storage',
  stages: ['firing', 'resolved'],
  targetsAtOnce: 20,
  open: async (place) =>
    new DescribedInstances(place, {
      metricName: 'FreeStorageSpace',
      changes: ({ operation }) => operation === 'ModifyDBInstance',
      stateOf: ({ AllocatedStorage }, intent) => {
        const { before, after } = intent as { before: { gib: number }; after: { gib: number } };
        return AllocatedStorage === after.gib ? 'after' : AllocatedStorage === before.gib ? 'before' : 'beyond';
      },
      tell: ({ AllocatedStorage }) => `it has ${AllocatedStorage} GiB`,
    }),
};
