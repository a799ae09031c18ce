/** `copy-snapshot` on snapshots of instances that are only described: RDS makes one copy of a name, however often it is asked. */
import {
  CreateDBSnapshotCommand,
  type DBSnapshot,
  DeleteDBSnapshotCommand,
  DescribeDBSnapshotsCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import { config as baseConfig } from '../../support/fixtures.ts';
import { DescribedInstances } from '../described-instances.ts';
import { type Place, REGION } from '../place.ts';
import type { Inspection, MatrixCase, MatrixTarget, OpenCase } from '../types.ts';
import { TOKENS } from '../types.ts';

const SETTLED_WITHIN_MS = 20_000;

export const matrixCase: MatrixCase = {
  remediation: 'copy-snapshot',
  // RDS tells that a snapshot was made, and nothing afterwards.
  stages: ['firing'],
  toldByEvents: true,
  targetsAtOnce: 20,
  open: async (place) => new CopiedSnapshots(place),
};

const nameOf = (token: string): string => `nightshift-matrix-${token}-2026-11-22-03-00-00`;

class CopiedSnapshots implements OpenCase {
  readonly #instances: DescribedInstances;
  readonly #here: RDSClient;
  readonly #there: RDSClient;

  constructor(place: Place) {
    const backup = { recoveryPointSeconds: 86_400, pointInTimeRecovery: false, keepDays: 30, keepWeeks: 8 };
    this.#instances = new DescribedInstances(place, {
      metricName: 'CPUUtilization',
      configure: { backup: { ...backup, keepMonths: 12, keepAtLeast: 3, copy: {} } },
      changes: () => false,
      stateOf: () => 'before',
      tell: () => '',
    });
    const client = (region: string) => {
      const credentials = { accessKeyId: 'matrix', secretAccessKey: 'test' };
      const made = new RDSClient({ endpoint: place.gateway.url, region, credentials });
      place.world.onStop(`the matrix’s RDS client of ${region}`, () => made.destroy());
      return made;
    };
    this.#here = client(REGION);
    this.#there = client(baseConfig.standbyRegion);
  }

  configure(token: string) {
    return this.#instances.configure(token);
  }

  changes({ service, operation, params }: Parameters<OpenCase['changes']>[0]): string | undefined {
    if (service !== 'rds' || operation !== 'CopyDBSnapshot') return undefined;
    return String(params.TargetDBSnapshotIdentifier).match(TOKENS)?.[0];
  }

  async target(token: string): Promise<MatrixTarget> {
    const target = await this.#instances.target(token);
    const DBSnapshotIdentifier = nameOf(token);
    const Tags = [{ Key: 'nightshift:deployment', Value: 'matrix' }];
    const order = { DBSnapshotIdentifier, DBInstanceIdentifier: token, Tags };
    await this.#here.send(new CreateDBSnapshotCommand(order));
    const taken = await settled(this.#here, DBSnapshotIdentifier);
    return {
      ...target,
      key: `db-snapshot/${DBSnapshotIdentifier}`,
      tell: () => ({
        ...{ source: 'aws.rds', detailType: 'RDS DB Snapshot Event', region: REGION, time: new Date() },
        resources: [taken?.DBSnapshotArn ?? ''],
        detail: {
          ...{ EventCategories: ['creation'], SourceType: 'SNAPSHOT', SourceIdentifier: DBSnapshotIdentifier },
          ...{ Message: 'Manual snapshot created', EventID: 'RDS-EVENT-0042' },
        },
      }),
      inspect: async () => inspected(await settled(this.#there, DBSnapshotIdentifier), taken),
      dispose: async () => {
        const copy = await settled(this.#there, DBSnapshotIdentifier);
        if (copy) await this.#there.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier }));
        await this.#here.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier }));
        await target.dispose();
      },
    };
  }
}

function inspected(copy: DBSnapshot | undefined, original: DBSnapshot | undefined): Inspection {
  if (!copy) return { state: 'before', changes: 0, detail: 'there is no copy' };
  const isOurs = copy.SourceDBSnapshotIdentifier === original?.DBSnapshotArn;
  return {
    state: isOurs ? 'after' : 'beyond',
    changes: 1,
    withoutLevel: true,
    detail: `it is copied, from ${copy.SourceDBSnapshotIdentifier}`,
  };
}

/** The snapshot once nothing is being made of it any more; undefined when there is none. */
async function settled(rds: RDSClient, DBSnapshotIdentifier: string): Promise<DBSnapshot | undefined> {
  for (
    const until = Date.now() + SETTLED_WITHIN_MS;
    Date.now() < until;
    await new Promise((next) => setTimeout(next, 20))
  ) {
    const { DBSnapshots = [] } = await rds.send(
      new DescribeDBSnapshotsCommand({ Filters: [{ Name: 'db-snapshot-id', Values: [DBSnapshotIdentifier] }] }),
    );
    const found = DBSnapshots.find((each) => each.DBSnapshotIdentifier === DBSnapshotIdentifier);
    if (found?.Status !== 'creating') return found;
  }
  throw new Error(`${DBSnapshotIdentifier} did not settle within ${SETTLED_WITHIN_MS} ms`);
}
