/** DB instances without servers, one for each point: for remediations that only speak to RDS's API. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateDBInstanceCommand,
  type CreateDBInstanceCommandInput,
  type DBInstance,
  DeleteDBInstanceCommand,
  DescribeDBInstancesCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import type { AwsCall } from '../../local/world/types.ts';
import { database } from '../support/fixtures.ts';
import { type Place, REGION } from './place.ts';
import type { Inspection, MatrixTarget, OpenCase, RecordedIntent } from './types.ts';

const SETTLED_WITHIN_MS = 20_000;

export interface DescribedInstancesOptions {
  /** Of AWS/RDS, by DBInstanceIdentifier: what the alarm is on. */
  readonly metricName: string;
  readonly create?: Partial<CreateDBInstanceCommandInput>;
  readonly configure?: Partial<typeof database>;
  /** Whether a call of RDS's API changes its instance, as far as this remediation is concerned. */
  changes(call: AwsCall): boolean;
  /** How often its state was changed, where that shows; without, calls of `changes` are counted. */
  changesOf?(instance: DBInstance): number;
  /** Where the instance is, compared with the last recorded intent. */
  stateOf(instance: DBInstance, intent: RecordedIntent, changes: number): Inspection['state'];
  /** The state in a few words. */
  tell(instance: DBInstance, changes: number): string;
}

export class DescribedInstances implements OpenCase {
  readonly #options: DescribedInstancesOptions;
  readonly #rds: RDSClient;
  /** Changes that RDS was asked for while the instance could take them, by token. */
  readonly #changes = new Map<string, number>();

  constructor(place: Place, options: DescribedInstancesOptions) {
    this.#options = options;
    this.#rds = new RDSClient({
      endpoint: place.gateway.url,
      region: REGION,
      credentials: { accessKeyId: 'matrix', secretAccessKey: 'test' },
    });
    place.world.onStop('the matrix’s RDS client', () => this.#rds.destroy());
  }

  configure(token: string) {
    return { database: { ...database, ...this.#options.configure, name: token } };
  }

  changes(call: AwsCall): string | undefined {
    if (call.service !== 'rds' || !this.#options.changes(call)) return undefined;
    const { SourceDBInstanceIdentifier, DBInstanceIdentifier } = call.params;
    const token = String(SourceDBInstanceIdentifier ?? DBInstanceIdentifier);
    this.#changes.set(token, (this.#changes.get(token) ?? 0) + 1);
    return token;
  }

  async target(token: string): Promise<MatrixTarget> {
    await this.#rds.send(
      new CreateDBInstanceCommand({
        DBInstanceIdentifier: token,
        Engine: 'postgres',
        DBInstanceClass: 'db.t4g.micro',
        AllocatedStorage: 20,
        MasterUsername: 'postgres',
        MasterUserPassword: 'for-tests-only',
        ...this.#options.create,
      }),
    );
    await this.#settled(token);
    return {
      token,
      key: `rds-instance/${token}`,
      metric: {
        Namespace: 'AWS/RDS',
        MetricName: this.#options.metricName,
        Dimensions: [{ Name: 'DBInstanceIdentifier', Value: token }],
      },
      ready: async () => {
        await this.#settled(token);
      },
      inspect: (intents) => this.#inspect(token, intents),
      dispose: async () => {
        const { ReadReplicaDBInstanceIdentifiers: replicas = [] } = await this.#settled(token);
        for (const id of [...replicas, token]) {
          await this.#settled(id);
          await this.#rds.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: id, SkipFinalSnapshot: true }));
        }
      },
    };
  }

  async #inspect(token: string, intents: readonly RecordedIntent[]): Promise<Inspection> {
    const instance = await this.#settled(token);
    const intent = intents.at(-1);
    const changes = this.#options.changesOf?.(instance) ?? this.#changes.get(token) ?? 0;
    const state = intent ? this.#options.stateOf(instance, intent, changes) : 'before';
    return { state, changes, detail: this.#options.tell(instance, changes) };
  }

  async #settled(token: string): Promise<DBInstance> {
    for (const until = Date.now() + SETTLED_WITHIN_MS; Date.now() < until; await sleep(20)) {
      const reply = await this.#rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: token }));
      const found = reply.DBInstances?.[0];
      if (found?.DBInstanceStatus === 'available') return found;
    }
    throw new Error(`${token} did not settle within ${SETTLED_WITHIN_MS} ms`);
  }
}
