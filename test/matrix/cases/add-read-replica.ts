/** `add-read-replica` on instances that are only described: the first replica. */
import { DescribedInstances } from '../described-instances.ts';
import type { MatrixCase } from '../types.ts';

export const matrixCase: MatrixCase = {
  remediation: 'add-read-replica',
  stages: ['firing', 'resolved'],
  targetsAtOnce: 20,
  open: async (place) =>
    new DescribedInstances(place, {
      metricName: 'ReadIOPS',
      create: { BackupRetentionPeriod: 1 },
      changes: ({ operation }) => operation === 'CreateDBInstanceReadReplica',
      changesOf: ({ ReadReplicaDBInstanceIdentifiers: replicas = [] }) => replicas.length,
      stateOf: ({ ReadReplicaDBInstanceIdentifiers: replicas = [] }, intent) => {
        const { replica } = intent.after as { replica: string };
        if (replicas.length === 0) return 'before';
        return replicas.join() === replica ? 'after' : 'beyond';
      },
      tell: ({ ReadReplicaDBInstanceIdentifiers: replicas = [] }) => `its replicas: ${replicas.join() || 'none'}`,
    }),
};
