/**
 * One service in two regions, as "Disaster recovery options in the cloud" (AWS whitepaper) calls a warm standby: tasks in both, a database with a read replica in the other
 * region, and a name with a failover record. Which record is answered is decided by an object in the standby region, which an inverted health check looks at ("Creating
 * Disaster Recovery Mechanisms Using Amazon Route 53", AWS Networking & Content Delivery Blog: standby takes over primary). Only worlds that are asked for it have it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateClusterCommand, ECSClient, waitUntilServicesStable } from '@aws-sdk/client-ecs';
import {
  CreateDBInstanceReadReplicaCommand,
  CreateDBParameterGroupCommand,
  DescribeDBInstancesCommand,
  ModifyDBParameterGroupCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import pg from 'pg';
import type { Gateway } from '../gateway/index.ts';
import { type SeededDatabase, seedDatabase } from '../postgres/seed.ts';
import type { Ecs } from '../stand-ins/ecs/ecs.ts';
import type { Rds, RdsInstance } from '../stand-ins/rds/rds.ts';
import type { Route53 } from '../stand-ins/route53/route53.ts';
import type { Fault, WorldContext } from '../world/types.ts';
import { serveObjects } from './object-endpoint.ts';
import { type PairClient, startPairClient } from './pair-client.ts';
import { PAIR } from './pair-config.ts';
import { seedService } from './seed.ts';
import { SITE_NAMES, type SiteName, type Sites, startSites } from './sites.ts';

export { PAIR };

export interface PairParts {
  readonly gateway: Gateway;
  readonly ecs: Ecs;
  readonly rds: Rds;
  readonly route53: Route53;
  /** PEM of the world's authority. */
  readonly ca: string;
}

export interface PairOptions {
  /** Callers in each region, as a fault's `match` names them. The regions can't reach each other then when one is cut off; without them nobody reaches that one. */
  readonly callers?: Readonly<Record<SiteName, string>>;
  /** Identifier of the database; its replica's is the same with `-standby`. */
  readonly databaseId?: string;
}

export interface SeededPair {
  readonly regions: Readonly<Record<SiteName, string>>;
  readonly sites: Sites;
  readonly database: SeededDatabase;
  /** The replica in the standby region, by its instance's identifier; users and passwords are the source's. */
  readonly replica: { readonly id: string; readonly host: string; readonly port: number; readonly resourceId: string };
  /** Ids of health check and zone. */
  readonly healthCheckId: string;
  readonly zoneId: string;
  /** A client that writes rows by the service's name; stopped with the world. */
  startClient(): PairClient;
  /** Ids of the rows that the database of a site has. */
  rowsAt(site: SiteName): Promise<Set<string>>;
  /**
   * A region can't be reached from anywhere else, or can be again: its API (with Route 53's and IAM's control planes, for us-east-1), its site, and what is
   * replicated out of it. What runs there goes on.
   */
  cutOff(site: SiteName, isCutOff: boolean): Promise<void>;
}

const SCHEMA = `
CREATE TABLE ${PAIR.table} (id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
GRANT SELECT, INSERT ON ${PAIR.table} TO orders_app;
ALTER TABLE ${PAIR.table} OWNER TO postgres;
`;
const CREDENTIALS = { accessKeyId: 'seed', secretAccessKey: 'test' };
const AVAILABLE_WITHIN_MS = 120_000;

/** @throws errors of the SDK, of the server, and Error when a part isn't there in time. */
export async function seedPair(
  world: WorldContext,
  parts: PairParts,
  { databaseId = PAIR.database, callers }: PairOptions = {},
): Promise<SeededPair> {
  const { gateway, ecs, rds, route53 } = parts;
  const regions = { east: world.region, west: world.standbyRegion };
  const database = await seedDatabase(gateway.url, regions.east, { ca: parts.ca, id: databaseId });
  const query = <Row extends pg.QueryResultRow>(site: SiteName, sql: string) =>
    ask<Row>(rds.instance(site === 'east' ? databaseId : `${databaseId}-standby`, regions[site]), sql);
  await query('east', SCHEMA);
  const replica = await makeReplica(gateway.url, regions, database);
  await Promise.all([
    startService(gateway.url, regions.east, PAIR.tasks.east, addressOf(database, database)),
    startService(gateway.url, regions.west, PAIR.tasks.west, addressOf(database, replica)),
  ]);
  const urlOf = (region: string) => ecs.serviceUrl(PAIR.cluster, PAIR.service, region);
  const sites = await startSites(world, { east: urlOf(regions.east), west: urlOf(regions.west) });
  await gateway.ask({ service: 's3', region: regions.west, method: 'PUT', path: `/${PAIR.bucket}` });
  const objectsPort = await serveObjects(world, gateway, { bucket: PAIR.bucket, region: regions.west });
  const { healthCheckId, zoneId } = nameIn(route53, sites, objectsPort);
  return {
    ...{ regions, sites, database, replica, healthCheckId, zoneId },
    startClient() {
      const { recordName: name, requestsPerSecond } = PAIR;
      const client = startPairClient({ name, port: sites.port, dnsPort: route53.dnsPort, requestsPerSecond });
      world.onStop('a client', () => client.stop());
      return client;
    },
    rowsAt: async (site) =>
      new Set((await query<{ id: string }>(site, `SELECT id FROM ${PAIR.table}`)).map(({ id }) => id)),
    async cutOff(site, isCutOff) {
      for (const fault of cutting(site, regions, callers))
        if (isCutOff) gateway.faults.add(fault);
        else gateway.faults.remove(fault.name);
      sites[site].cutOff(isCutOff);
      await rds.cutOff(regions[site], isCutOff);
    },
  };
}

function cutting(site: SiteName, regions: SeededPair['regions'], callers: PairOptions['callers']): Fault[] {
  const kind = 'cut-off';
  if (!callers) {
    const name = site === 'east' ? 'region-down' : 'standby-region-down';
    return [{ name, match: { region: regions[site] }, kind }];
  }
  return SITE_NAMES.map((from) => ({
    ...{ name: `${from}-is-alone`, kind },
    match: { caller: callers[from], region: regions[from === 'east' ? 'west' : 'east'] },
  }));
}

/** As the server's superuser, in the instance's own database. */
async function ask<Row extends pg.QueryResultRow>(instance: RdsInstance | undefined, sql: string): Promise<Row[]> {
  if (!instance) throw new Error('the database has no server');
  const client = new pg.Client(instance.adminClientConfig);
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** As tasks are told: the application's own user, at the instance of their region. */
function addressOf(database: SeededDatabase, { host, port }: { readonly host: string; readonly port: number }): string {
  const { user, password = '' } = database.as('orders_app');
  // The task's process doesn't know the world's authority.
  return `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/${database.database}?sslmode=no-verify`;
}

/** A standby must allow as many connections as its source ("Hot Standby", PostgreSQL documentation), and parameter groups are a region's own. */
export async function makeReplica(
  endpoint: string,
  { east, west }: SeededPair['regions'],
  { id, maxConnections }: SeededDatabase,
): Promise<SeededPair['replica']> {
  const there = new RDSClient({ endpoint, region: east, credentials: CREDENTIALS });
  const here = new RDSClient({ endpoint, region: west, credentials: CREDENTIALS });
  const name = `${id}-standby`;
  try {
    const { DBInstances } = await there.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: id }));
    const Description = `As that of ${id} in ${east}`;
    const group = { DBParameterGroupName: name, DBParameterGroupFamily: 'postgres18', Description };
    await here.send(new CreateDBParameterGroupCommand(group));
    const limit = { ParameterName: 'max_connections', ParameterValue: String(maxConnections) };
    const Parameters = [{ ...limit, ApplyMethod: 'pending-reboot' as const }];
    await here.send(new ModifyDBParameterGroupCommand({ DBParameterGroupName: name, Parameters }));
    await here.send(
      new CreateDBInstanceReadReplicaCommand({
        ...{ DBInstanceIdentifier: name, DBParameterGroupName: name, EnableIAMDatabaseAuthentication: true },
        SourceDBInstanceIdentifier: DBInstances?.[0]?.DBInstanceArn,
      }),
    );
    for (const until = performance.now() + AVAILABLE_WITHIN_MS; performance.now() < until; await sleep(50)) {
      const seen = await here.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: name }));
      const [replica] = seen.DBInstances ?? [];
      if (replica?.DBInstanceStatus === 'available')
        return {
          id: name,
          host: replica.Endpoint?.Address ?? '',
          port: replica.Endpoint?.Port ?? 0,
          resourceId: replica.DbiResourceId ?? '',
        };
    }
    throw new Error(`the replica ${name} was not available after ${AVAILABLE_WITHIN_MS / 1000} s: see the world's log`);
  } finally {
    there.destroy();
    here.destroy();
  }
}

async function startService(endpoint: string, region: string, tasks: number, databaseUrl: string): Promise<void> {
  const client = new ECSClient({ endpoint, region, credentials: CREDENTIALS });
  const { cluster, service, table } = PAIR;
  try {
    const settings = [{ name: 'containerInsights' as const, value: 'enabled' }];
    await client.send(new CreateClusterCommand({ clusterName: cluster, settings }));
    const environment = {
      SERVICE_DATABASE_URL: databaseUrl,
      SERVICE_DATABASE_QUERY: `INSERT INTO ${table} (id) VALUES ($1)`,
    };
    await seedService(client, { name: service, tasks, environment }, cluster);
    await waitUntilServicesStable(
      { client, maxWaitTime: 120, minDelay: 1, maxDelay: 1 },
      { cluster, services: [service] },
    );
  } finally {
    client.destroy();
  }
}

/** The record of the primary is answered while the object isn't there; the standby's has no health check, so never both are out. */
function nameIn(route53: Route53, { east, west }: Sites, objectsPort: number) {
  const { recordName, ttlSeconds, key } = PAIR;
  const healthCheckId = route53.createHealthCheck({
    ...{ ipAddress: '127.0.0.1', port: objectsPort, resourcePath: `/${key}`, inverted: true, failureThreshold: 3 },
  });
  const record = { name: `${recordName}.`, type: 'A', ttlSeconds };
  const zoneId = route53.createZone(recordName, [
    { ...record, values: [east.address], failover: 'PRIMARY', setIdentifier: 'east', healthCheckId },
    { ...record, values: [west.address], failover: 'SECONDARY', setIdentifier: 'west' },
  ]);
  return { healthCheckId, zoneId };
}
