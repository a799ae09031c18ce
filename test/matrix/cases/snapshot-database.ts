/** `snapshot-database` on instances that are only described: what counts is how many snapshots there are, and under which names. */
import { DeleteDBSnapshotCommand, DescribeDBSnapshotsCommand, RDSClient } from '@aws-sdk/client-rds';
import { DescribedInstances } from '../described-instances.ts';
import { type Place, REGION } from '../place.ts';
import type { Inspection, MatrixCase, MatrixTarget, OpenCase, RecordedIntent } from '../types.ts';

export const matrixCase: MatrixCase = {
  remediation: 'snapshot-database',
  stages: ['firing', 'resolved'],
  // Each leaves a snapshot until it is disposed of, and an account may have a hundred.
  targetsAtOnce: 20,
  open: async (place) => new SnapshotInstances(place),
};

class SnapshotInstances implements OpenCase {
  readonly #instances: DescribedInstances;
  readonly #rds: RDSClient;

  constructor(place: Place) {
    this.#instances = new DescribedInstances(place, {
      metricName: 'TransactionLogsDiskUsage',
      changes: ({ operation }) => operation === 'CreateDBSnapshot',
      stateOf: () => 'before',
      tell: () => '',
    });
    this.#rds = new RDSClient({
      endpoint: place.gateway.url,
      region: REGION,
      credentials: { accessKeyId: 'matrix', secretAccessKey: 'test' },
    });
    place.world.onStop('the matrix’s RDS client of snapshots', () => this.#rds.destroy());
  }

  configure(token: string) {
    return this.#instances.configure(token);
  }

  changes(call: Parameters<OpenCase['changes']>[0]) {
    return this.#instances.changes(call);
  }

  async target(token: string): Promise<MatrixTarget> {
    const target = await this.#instances.target(token);
    return {
      ...target,
      inspect: async (intents) => {
        // Waits until nothing is being made any more.
        await target.inspect(intents);
        return inspected(await this.#snapshots(token), intents);
      },
      dispose: async () => {
        for (const id of await this.#snapshots(token))
          await this.#rds.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: id }));
        await target.dispose();
      },
    };
  }

  async #snapshots(token: string): Promise<string[]> {
    const { DBSnapshots = [] } = await this.#rds.send(new DescribeDBSnapshotsCommand({ DBInstanceIdentifier: token }));
    return DBSnapshots.map(({ DBSnapshotIdentifier }) => DBSnapshotIdentifier ?? '');
  }
}

/** RDS makes one snapshot of a name, however often it is asked: each that is there was one change. */
function inspected(snapshots: readonly string[], intents: readonly RecordedIntent[]): Inspection {
  const wanted = (intents.at(-1)?.after as { snapshotId?: string } | undefined)?.snapshotId;
  const state = snapshots.length === 0 ? 'before' : snapshots.at(-1) === wanted ? 'after' : 'beyond';
  return { state, changes: snapshots.length, detail: `its snapshots are ${snapshots.join(', ') || 'none'}` };
}
