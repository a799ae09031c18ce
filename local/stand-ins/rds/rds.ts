/**
 * Amazon RDS for PostgreSQL on real servers. Answers RDS's API, starts and stops servers, publishes metrics and events.
 * Left out, with an error that says so: clusters, subnet and option groups.
 */
import type { ClientConfig } from 'pg';
import { faultReply } from '../../gateway/reply.ts';
import { openInstallation } from '../../postgres/installation.ts';
import type { Settings } from '../../postgres/server.ts';
import {
  type AwsCall,
  AwsFault,
  type AwsReply,
  type EventSink,
  type MetricSink,
  type StandIn,
  type WorldContext,
} from '../../world/types.ts';
import { makeCertificates } from './certificates.ts';
import type { Database } from './database.ts';
import { type ClusterEventId, tellOfCluster } from './events.ts';
import { exportOperations } from './export-operations.ts';
import type { ObjectSink } from './exports.ts';
import { groupOperations } from './group-operations.ts';
import { Lifecycle } from './lifecycle.ts';
import { publishMetrics } from './metrics.ts';
import { instanceOf, keyOf, type Login, type RdsState } from './model.ts';
import { instanceOperations } from './operations.ts';
import { pointInTimeOperations } from './point-in-time-operations.ts';
import { replicaOperations } from './replica-operations.ts';
import { snapshotOperations } from './snapshot-operations.ts';
import { snapshotOf } from './snapshots.ts';
import { Form, resultReply } from './xml.ts';

export interface RdsOptions {
  readonly metrics: MetricSink;
  readonly events: EventSink;
  /** Git-ignored folder kept between worlds. */
  readonly cacheDir: string;
  /** Least time in a passing status such as `rebooting`; 1000 by default. */
  readonly transitionMs?: number;
  /** Whether IAM lets the holder of an access key log in to an instance as `user`; everybody may when it isn't given. */
  mayConnect?(login: Login): boolean;
  /** Whether PostgreSQL stands behind the instance of that name; by default it does. Without, an instance is only described. */
  hasServer?(id: string): boolean;
  /** Whether RDS's own backups are really made of an instance with a BackupRetentionPeriod, so that it can be restored to a moment: each costs a base backup and its log. None unless named. */
  keepsLog?(id: string): boolean;
  /** Manual snapshots that an account may have in a region; 100 by default, as on AWS ("Quotas and constraints for Amazon RDS"). */
  readonly snapshotQuota?: number;
  /** Where exports of snapshots are written; without it, none can be asked for. */
  readonly objects?: ObjectSink;
  /** PostgreSQL settings that differ from the local world's, such as `{ fsync: true }`. */
  readonly settings?: Settings;
}

export interface RdsInstance {
  readonly endpoint: { readonly host: string; readonly port: number };
  readonly resourceId: string;
  /** For `pg`: the server's superuser on its private socket, for scenarios and tests. */
  readonly adminClientConfig: ClientConfig;
  /** The server and its door, for faults. */
  readonly database: Database;
}

export interface Rds extends StandIn {
  /** Makes the world's certificates and starts publishing metrics. Must be called, and awaited, before `handle`. */
  start(): Promise<void>;
  /** A running instance; `undefined` while it is being created, or unknown. */
  instance(id: string, region: string): RdsInstance | undefined;
  /** Where a snapshot's data is, for faults; `undefined` while it isn't there yet, or without a server behind its instance. */
  snapshotFolder(id: string, region: string): string | undefined;
  /** Makes a snapshot look as old as that, for what is removed by its age. */
  backdateSnapshot(id: string, region: string, takenAt: Date): void;
  /** Makes the volume under an instance's primary sick, for ever: writes there take seconds, and a failover leaves it. Only its metric tells. */
  sicken(id: string, region: string): void;
  /** Says something of a DB cluster, of which there are none here: RDS does when such a one fails over. */
  tellOfCluster(id: string, region: string, eventId: ClusterEventId, writer: string): Promise<void>;
  /** Cuts a region off from the others, or joins it again: nothing is replicated into or out of it. Its API is the gateway's to cut. */
  cutOff(region: string, isCutOff: boolean): Promise<void>;
  /** Stops every server; also done when the world stops. */
  stop(): Promise<void>;
}

const OPERATIONS = {
  ...instanceOperations,
  ...replicaOperations,
  ...groupOperations,
  ...snapshotOperations,
  ...pointInTimeOperations,
  ...exportOperations,
};

export function createRds(world: WorldContext, options: RdsOptions): Rds {
  const state: RdsState = {
    accountId: world.accountId,
    instances: new Map(),
    groups: new Map(),
    events: [],
    snapshots: new Map(),
    exports: new Map(),
    snapshotQuota: options.snapshotQuota ?? 100,
    cutOff: new Set(),
    left: new Map(),
  };
  let lifecycle: Lifecycle | undefined;
  let endMetrics = () => {};
  let stopped: Promise<void> | undefined;
  const stop = () => {
    endMetrics();
    stopped ??= lifecycle?.close() ?? Promise.resolve();
    return stopped;
  };
  return {
    services: ['rds'],
    async start() {
      const [certificate, installation] = await Promise.all([makeCertificates(world.dir), openInstallation(world)]);
      lifecycle = new Lifecycle({
        world,
        state,
        events: options.events,
        transitionMs: options.transitionMs ?? 1_000,
        objects: options.objects,
        settings: options.settings ?? {},
        mayConnect: (login) => options.mayConnect?.(login) ?? true,
        hasServer: (id) => options.hasServer?.(id) ?? true,
        keepsLog: (id) => options.keepsLog?.(id) ?? false,
        database: { installation, certificate, cacheDir: options.cacheDir },
      });
      endMetrics = publishMetrics(world, state, options.metrics);
      world.onStop('RDS', stop);
    },
    instance(id, region) {
      const found = state.instances.get(keyOf(region, id));
      if (!found?.database) return undefined;
      const { database, resourceId } = found;
      const { host, port } = database.door;
      return {
        endpoint: { host, port },
        resourceId,
        adminClientConfig: database.server.adminConfig(found.databaseName),
        database,
      };
    },
    snapshotFolder: (id, region) => state.snapshots.get(keyOf(region, id))?.folder,
    backdateSnapshot(id, region, takenAt) {
      Object.assign(snapshotOf(state, region, id), { createdAt: takenAt, originalCreatedAt: takenAt });
    },
    sicken(id, region) {
      const instance = instanceOf(state, region, id);
      instance.sickZone = instance.zone;
    },
    tellOfCluster(id, region, eventId, writer) {
      const arn = `arn:aws:rds:${region}:${world.accountId}:cluster:${id}`;
      return tellOfCluster(options.events, state.events, { region, id, arn, tags: new Map() }, eventId, writer);
    },
    async cutOff(region, isCutOff) {
      state.cutOff[isCutOff ? 'add' : 'delete'](region);
      await lifecycle?.sever();
    },
    stop,
    async handle(call: AwsCall): Promise<AwsReply> {
      if (!lifecycle) throw new Error('the RDS stand-in is asked before it was started: await start() first');
      const operation = Object.hasOwn(OPERATIONS, call.operation) ? OPERATIONS[call.operation] : undefined;
      try {
        if (!operation)
          throw new AwsFault('InvalidAction', `${call.operation} is not yet in the local world (RDS stand-in)`);
        const form = new Form(call.params);
        return resultReply(call, await operation({ state, lifecycle, region: call.region, form }));
      } catch (error) {
        if (error instanceof AwsFault) return faultReply(call, error);
        throw error;
      }
    },
  };
}
