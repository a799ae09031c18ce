/** The plan's own code on a real journal in the standby region, after a failover: PostgreSQL that really replicates back, tasks, a name, and a client that knows only that. */
import dns from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DescribeServicesCommand, ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { DescribeDBInstancesCommand, PromoteReadReplicaCommand, RDSClient } from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { readAuthority, writeAuthority } from '../../../functions/authority/items.ts';
import type { PairConfig, RuntimeConfig } from '../../../functions/engine/config.ts';
import { readTarget } from '../../../functions/engine/context.ts';
import { requestStop } from '../../../functions/engine/plan-stop.ts';
import { Store } from '../../../functions/engine/store.ts';
import { putNew } from '../../../functions/records/s3.ts';
import { takeOrder } from '../../../functions/recovery/handler.ts';
import { type RunItem, readRun } from '../../../functions/recovery/items.ts';
import type { regionFailBack } from '../../../functions/recovery/region-fail-back/handler.ts';
import { lookReplication } from '../../../functions/recovery/region-fail-back/helper/look.ts';
import { manifest } from '../../../functions/recovery/region-fail-back/manifest.ts';
import { PAIR } from '../../../local/services/pair.ts';
import type { PairClient } from '../../../local/services/pair-client.ts';
import { startInsider } from '../../../local/services/pair-insider.ts';
import type { SiteName } from '../../../local/services/sites.ts';
import { journalTable } from '../../support/engine-world.ts';
import { config as base, service as baseService, database } from '../../support/fixtures.ts';
import { openPairWorld, type PairWorld } from '../../support/pair-world.ts';
import { playPlan } from '../../support/plan-play.ts';
import { eventually } from '../rds/harness.ts';

jest.setTimeout(300_000);
const PLAN = 'region-fail-back';
const TASKS = 2;
const CREDENTIALS = { accessKeyId: 'tester', secretAccessKey: 'test' };
let w: PairWorld;
let client: PairClient;
let store: Store;
let dynamodb: DynamoDBClient;
let clients: Record<SiteName, { readonly ecs: ECSClient; readonly rds: RDSClient }>;
let planWith: typeof regionFailBack;
let resolver: Resolver;
let runs = 0;
let skewMs = 0;
/** Where the users' name leads by somebody's hand, as far as the plan is told. */
let sentTo: SiteName | undefined;
/** Rows that only the old primary has. */
let givenUp: readonly string[] = [];
const machineLookup = dns.lookup;

beforeAll(async () => {
  w = await openPairWorld();
  setDefaultCACertificates([...getCACertificates('default'), w.ca]);
  const { east, west } = w.pair.regions;
  Object.assign(process.env, {
    ...{ AWS_ENDPOINT_URL: w.gateway.url, AWS_REGION: west, AWS_ACCESS_KEY_ID: PLAN, AWS_SECRET_ACCESS_KEY: 'test' },
  });
  w.gateway.nameCaller(PLAN, PLAN);
  const inRegion = (region: string) => {
    const options = { endpoint: w.gateway.url, region, credentials: CREDENTIALS };
    return { ecs: new ECSClient(options), rds: new RDSClient(options) };
  };
  clients = { east: inRegion(east), west: inRegion(west) };
  dynamodb = new DynamoDBClient({ endpoint: w.gateway.url, region: west, credentials: CREDENTIALS });
  resolver = new Resolver({ timeout: 1_000, tries: 3 });
  resolver.setServers([`127.0.0.1:${w.route53.dnsPort}`]);
  // The machine's own resolver doesn't know the world's names.
  dns.lookup = ((host: string, options: object, done: (error: Error | null, found?: object[]) => void) =>
    host === PAIR.recordName
      ? resolver.resolve4(host).then(
          (found) =>
            done(
              null,
              found.map((address) => ({ address, family: 4 })),
            ),
          (error: Error) => done(error),
        )
      : machineLookup(host, options, done as never)) as typeof dns.lookup;
  await dynamodb.send(journalTable('journal'));
  store = new Store('journal', dynamodb);
  ({ regionFailBack: planWith } = await import('../../../functions/recovery/region-fail-back/handler.ts'));
});
afterAll(async () => {
  dns.lookup = machineLookup;
  resolver?.cancel();
  dynamodb?.destroy();
  for (const { ecs, rds } of Object.values(clients ?? {})) for (const each of [ecs, rds]) each.destroy();
  await w?.close();
});

function pairConfig(): PairConfig {
  const { sites, replica, database: primary } = w.pair;
  return {
    ...{ name: 'checkout', replica: replica.id, tasks: { checkout: TASKS } },
    primaryProbeUrl: `${sites.east.url}/health`,
    standbyHealthUrl: `${sites.west.url}/health`,
    standbyProbeUrl: `${sites.west.url}/`,
    userUrl: `http://${PAIR.recordName}:${sites.port}/`,
    outageAlarms: ['nightshift-main-silent'],
    ...{ unhealthyForSeconds: 10, recoveryPointSeconds: 300, ttlSeconds: PAIR.ttlSeconds, settleSeconds: 1 },
    fencing: { by: 'self', deployment: 'main', database: primary.id, leaseSeconds: 180, clockMarginSeconds: 5 },
    switch: { bucket: PAIR.bucket, key: PAIR.key },
    failBack: {
      database: primary.id,
      services: { checkout: { cluster: PAIR.cluster, tasks: TASKS } },
      // Each request writes a row.
      probeUrl: `${sites.east.url}/`,
    },
  };
}

interface Played {
  readonly how: string;
  readonly item: RunItem;
  /** Changing calls of the plan's that AWS carried out, with their regions. */
  readonly changes: readonly string[];
}

async function failBack(
  input: object = {},
  before: (step: string, run: string) => Promise<unknown> = async () => {},
): Promise<Played> {
  const run = `${PLAN}-${++runs}`;
  const { west, east } = w.pair.regions;
  const config: RuntimeConfig = {
    ...{ ...base, region: west, standbyRegion: east, metricPeriodSeconds: 10 },
    services: {
      checkout: { ...baseService, name: 'checkout', cluster: PAIR.cluster, service: PAIR.service, minTasks: 1 },
    },
    databases: {
      [w.pair.replica.id]: { ...database, ...w.pair.replica, name: w.pair.replica.id, databaseName: 'orders' },
    },
    pairs: { checkout: pairConfig() },
  };
  const code = planWith(
    async (host) => (sentTo && host === PAIR.recordName ? [w.pair.sites[sentTo].address] : resolver.resolve4(host)),
    // As `look-replication` of this region would, by the real login.
    (order) => lookReplication(order, config),
  );
  let requests = 0;
  const around = () => ({
    ...{ code, config, store, now: () => Date.now() + skewMs, random: Math.random, remaining: () => 55_000 },
    requestId: `request-${requests++}`,
  });
  const { next } = w.gateway.callsSince(Number.MAX_SAFE_INTEGER);
  const playing = {
    take: (order: Parameters<typeof takeOrder>[1]) => takeOrder(around(), order),
    // RDS takes a second or two here, not hours; only the minute after a lost answer is not waited.
    wait: async (seconds: number) => {
      if (seconds > 30) skewMs += seconds * 1000;
      await sleep(Math.min(0.25, seconds) * 1000);
    },
  };
  const how = await playPlan(playing, code.manifest, run, { pair: 'checkout', ...input }, async (step) => {
    await before(step, run);
  });
  const item = await readRun(store, PLAN, run);
  if (!item) throw new Error(`${run} is not in the journal`);
  const calls = w.gateway.callsSince(next).calls.filter(({ caller }) => caller === PLAN);
  const changes = calls.filter(({ changing, status, service }) => changing && status < 300 && service !== 'dynamodb');
  const sideOf = (region: string) => (region === east ? 'east' : 'west');
  return { how, item, changes: changes.map(({ operation, region }) => `${operation} ${sideOf(region)}`) };
}

const tasksWanted = async (site: SiteName): Promise<number | undefined> =>
  (await clients[site].ecs.send(new DescribeServicesCommand({ cluster: PAIR.cluster, services: [PAIR.service] })))
    .services?.[0]?.desiredCount;
const instance = async (site: SiteName, id: string) =>
  (await clients[site].rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: id }))).DBInstances?.[0];
/** As the superuser of an instance's server. */
async function asked(site: SiteName, id: string, sql: string): Promise<{ readonly id: string }[]> {
  const session = new pg.Client(w.rds.instance(id, w.pair.regions[site])?.adminClientConfig);
  await session.connect();
  try {
    return (await session.query<{ id: string }>(sql)).rows;
  } finally {
    await session.end();
  }
}
const answeredBy = (site: SiteName) => client.stats().answeredBy[w.pair.sites[site].address] ?? 0;
/** Answers to changes that AWS made are lost. */
const loseAnswers = (): void => {
  for (const operation of ['ModifyDBInstance', 'CreateDBInstanceReadReplica', 'PromoteReadReplica'])
    w.gateway.faults.add({
      ...{ name: operation, match: { service: 'rds', operation, caller: PLAN }, kind: 'timeout-after', delayMs: 20 },
    });
};

/** What `region-failover` leaves, with rows that only the old primary has, and a region that is there again. */
async function failedOver(): Promise<void> {
  const { replica, regions } = w.pair;
  const insider = await startInsider(w.pair);
  await w.pair.cutOff('east', true);
  await clients.west.rds.send(new PromoteReadReplicaCommand({ DBInstanceIdentifier: replica.id }));
  await eventually(
    'the standby promoted',
    () => instance('west', replica.id),
    (seen) => seen?.DBInstanceStatus === 'available' && seen.ReadReplicaSourceDBInstanceIdentifier === undefined,
  );
  const late = insider.seen().acknowledged.length;
  await eventually(
    'rows that are given up',
    () => insider.seen().acknowledged.length,
    (rows) => rows > late,
  );
  await clients.west.ecs.send(
    new UpdateServiceCommand({ cluster: PAIR.cluster, service: PAIR.service, desiredCount: TASKS }),
  );
  const object = { bucket: PAIR.bucket, key: PAIR.key, contentType: 'text/plain', body: 'the standby serves\n' };
  await putNew(object, { region: regions.west });
  givenUp = (await insider.stop()).acknowledged.slice(late);
  await writeAuthority(store, {
    pair: 'checkout',
    state: 'withdrawn',
    version: 0,
    until: 1,
    withdrawnBy: 'failover-1',
  });
  await w.pair.cutOff('east', false);
  client = w.pair.startClient();
  await eventually('clients at the standby', () => answeredBy('west'), Boolean);
}

describe('region-fail-back', () => {
  it('rehearses while the first region serves: says how long it takes and what it would change, and changes nothing', async () => {
    const { how, item, changes } = await failBack({ rehearse: true });
    expect([how, item.verdict, changes, item.targets]).toEqual(['done', 'rehearsed', [], []]);
    expect(item.steps.confirm?.forward?.note).toMatch(/about \d+ min until .* about \d+ min in which nobody is served/);
    expect(item.steps['set-aside']?.forward?.note).toMatch(/set checkout-db aside as checkout-db-old-[0-9a-f]{8}/);
    expect(item.steps.rebuild?.forward?.note).toMatch(/make checkout-db, a read replica of checkout-db-standby/);
  });

  it('changes nothing while nobody has failed over', async () => {
    const { how, item, changes } = await failBack();
    expect([how, item.verdict, changes]).toEqual(['backed-out', 'backed-out', []]);
    expect(item.why).toMatch(/^confirm: there is no way back yet: checkout-db-standby is a read replica of/);
  });

  it('takes nothing out of use that somebody uses again since it looked: neither services whose users were sent back, nor a database whose services have tasks', async () => {
    await failedOver();
    const sentBack = await failBack({}, async (step) => {
      if (step === 'fence') sentTo = 'east';
    });
    sentTo = undefined;
    expect([sentBack.how, sentBack.changes]).toEqual(['backed-out', []]);
    expect(sentBack.item.why).toMatch(/^fence: .*users are sent to .*, not to the other region/);
    const startedAgain = await failBack({}, async (step) => {
      const service = { cluster: PAIR.cluster, service: PAIR.service, desiredCount: TASKS };
      if (step === 'set-aside') await clients.east.ecs.send(new UpdateServiceCommand(service));
    });
    expect([startedAgain.how, startedAgain.changes]).toEqual(['backed-out', ['UpdateService east']]);
    expect(startedAgain.item.why).toMatch(/^set-aside: .*has tasks: somebody started it again/);
  });

  it('has the standby serve again when it is stopped before the promotion, and leaves the first region fenced with its replica', async () => {
    loseAnswers();
    const { how, item, changes } = await failBack({}, async (step, run) => {
      if (step !== 'promote') return;
      const stop = { by: 'person:jane', at: Date.now(), reason: 'not tonight' };
      await store.transact([requestStop('journal', { plan: PLAN, run }, stop)]);
    });
    expect([how, item.verdict]).toEqual(['backed-out', 'backed-out']);
    expect(changes).toEqual([
      ...['UpdateService east', 'ModifyDBInstance east', 'CreateDBInstanceReadReplica east', 'UpdateService east'],
      ...['UpdateService west', 'UpdateService west', 'UpdateService east'],
    ]);
    expect([await tasksWanted('west'), await tasksWanted('east')]).toEqual([TASKS, 0]);
    const served = answeredBy('west');
    await eventually('clients at the standby again', () => answeredBy('west') > served, Boolean);
    // What nobody else has is kept.
    const aside = (item.steps['set-aside']?.forward?.result as { aside?: string } | undefined)?.aside ?? '';
    const kept = new Set((await asked('east', aside, `SELECT id FROM ${PAIR.table}`)).map(({ id }) => id));
    expect(givenUp.length).toBeGreaterThan(0);
    expect(givenUp.filter((id) => !kept.has(id))).toEqual([]);
  });

  it('[4/fail-back, 3d/rebuild-standby, M25, M33, D55] goes on with that replica, brings users back without losing a row, rebuilds the standby, and hands the authority to write over', async () => {
    const { how, item, changes } = await failBack({}, async (step) => {
      // Until the promotion the first region can only be read, whoever reaches it.
      if (step !== 'promote') return;
      const writes = asked('east', w.pair.database.id, `INSERT INTO ${PAIR.table} (id) VALUES (gen_random_uuid())`);
      await expect(writes).rejects.toThrow('read-only transaction');
      expect(await tasksWanted('west')).toBe(0);
    });
    expect([how, item.verdict, item.why]).toEqual(['done', 'recovered', undefined]);
    expect(changes).toEqual([
      ...['UpdateService east', 'UpdateService west', 'PromoteReadReplica east', 'DeleteObject west'],
      ...['ModifyDBInstance west', 'CreateDBInstanceReadReplica west', 'UpdateService west'],
    ]);
    expect(item.figures?.dataLossMs).toBe(0);
    const served = answeredBy('east');
    await eventually(
      'clients served by the first region',
      () => answeredBy('east') - served,
      (seen) => seen >= 10,
    );
    expect([await tasksWanted('east'), await tasksWanted('west')]).toEqual([TASKS, 1]);
    await client.stop();
    const { acknowledged, failed } = client.stats();
    const east = await w.pair.rowsAt('east');
    expect(acknowledged.filter((id) => !east.has(id))).toEqual([]);
    // They were without service while the writers were stopped, and only then.
    expect(failed).toBeGreaterThan(0);
    // The standby follows again, to the last row.
    expect((await instance('west', w.pair.replica.id))?.ReadReplicaSourceDBInstanceIdentifier).toMatch(
      /:db:checkout-db$/,
    );
    await eventually(
      'the standby has every row',
      () => w.pair.rowsAt('west'),
      (west) => [...east].every((id) => west.has(id)),
    );
    expect(await readAuthority(store, 'checkout')).toMatchObject({ state: 'granting', until: 1 });
    for (const target of item.targets) expect(await readTarget(store, target)).not.toHaveProperty('leaseHolder');
  });

  it('has asked AWS for everything that its manifest allows, and for nothing else', () => {
    const asked = w.gateway
      .calls()
      .filter(({ service, caller }) => caller === PLAN && service !== 'dynamodb')
      .map(({ service, operation }) => `${service === 'monitoring' ? 'cloudwatch' : service}:${operation}`)
      // The test itself wrote the object as the failover's plan does.
      .filter((each) => each !== 's3:PutObject');
    // RDS itself uses the keys.
    const allowed = manifest.permissions
      .flatMap(({ actions }): readonly string[] => actions)
      .filter((action) => !action.startsWith('kms:'));
    // No Lambda runs in this world; tags are authorized with the call that gives them.
    expect([...new Set([...asked, 'lambda:InvokeFunction', 'rds:AddTagsToResource'])].sort()).toEqual(
      [...new Set<string>(allowed)].sort(),
    );
  });
});
