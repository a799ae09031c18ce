/** The plan's own code on a real journal in the standby region, with a service in two regions: PostgreSQL that really replicates, tasks, a name, and a client that knows only that. */
import dns from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { CloudWatchClient, PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DescribeServicesCommand, ECSClient } from '@aws-sdk/client-ecs';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type AskHolder, keepAuthority } from '../../../functions/authority/keep-authority/keep.ts';
import { setAuthority } from '../../../functions/authority/set-authority/set.ts';
import { AUTHORITY_GUARD } from '../../../functions/authority/set-authority/sql.ts';
import type { PairConfig, RuntimeConfig } from '../../../functions/engine/config.ts';
import { readTarget } from '../../../functions/engine/context.ts';
import { authorityKey } from '../../../functions/engine/items.ts';
import { requestStop } from '../../../functions/engine/plan-stop.ts';
import { Store } from '../../../functions/engine/store.ts';
import { PlanRefusedError } from '../../../functions/recovery/errors.ts';
import { takeOrder } from '../../../functions/recovery/handler.ts';
import { type RunItem, readRun } from '../../../functions/recovery/items.ts';
import type { regionFailover } from '../../../functions/recovery/region-failover/handler.ts';
import { manifest } from '../../../functions/recovery/region-failover/manifest.ts';
import { PAIR } from '../../../local/services/pair.ts';
import type { PairClient } from '../../../local/services/pair-client.ts';
import { type Insider, startInsider } from '../../../local/services/pair-insider.ts';
import type { Fault } from '../../../local/world/types.ts';
import { journalTable } from '../../support/engine-world.ts';
import { config as base, service as baseService, database } from '../../support/fixtures.ts';
import { openPairWorld, type PairWorld } from '../../support/pair-world.ts';
import { playPlan } from '../../support/plan-play.ts';
import { asMaster } from '../../support/worn-table.ts';
import { eventually } from '../rds/harness.ts';

jest.setTimeout(180_000);
const PLAN = 'region-failover';
const SILENT = 'nightshift-main-silent';
const TASKS = 2;
const FENCED = 'jane: the old primary was stopped';
let w: PairWorld;
let client: PairClient;
let store: Store;
let dynamodb: DynamoDBClient;
let ecs: ECSClient;
let cloudwatch: CloudWatchClient;
let planWith: typeof regionFailover;
let runs = 0;
let resolver: Resolver;
const machineLookup = dns.lookup;

beforeAll(async () => {
  w = await openPairWorld();
  setDefaultCACertificates([...getCACertificates('default'), w.ca]);
  const region = w.pair.regions.west;
  Object.assign(process.env, {
    ...{ AWS_ENDPOINT_URL: w.gateway.url, AWS_REGION: region },
    ...{ AWS_ACCESS_KEY_ID: PLAN, AWS_SECRET_ACCESS_KEY: 'test' },
  });
  w.gateway.nameCaller(PLAN, PLAN);
  const options = { endpoint: w.gateway.url, region, credentials: { accessKeyId: 'tester', secretAccessKey: 'test' } };
  dynamodb = new DynamoDBClient(options);
  ecs = new ECSClient(options);
  cloudwatch = new CloudWatchClient(options);
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
  ({ regionFailover: planWith } = await import('../../../functions/recovery/region-failover/handler.ts'));
  await cloudwatch.send(
    new PutMetricAlarmCommand({
      ...{ AlarmName: SILENT, Namespace: 'test', MetricName: 'SignsOfLife', Statistic: 'Sum', Period: 60 },
      ...{ EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: 'LessThanThreshold' },
    }),
  );
  client = w.pair.startClient();
});
afterEach(async () => {
  for (const { name } of w.gateway.faults.list()) w.gateway.faults.remove(name);
  await w.pair.cutOff('west', false);
  await alarm('OK');
});
afterAll(async () => {
  dns.lookup = machineLookup;
  resolver?.cancel();
  for (const each of [dynamodb, ecs, cloudwatch]) each?.destroy();
  await w?.close();
});

const alarm = (StateValue: 'OK' | 'ALARM') =>
  cloudwatch.send(new SetAlarmStateCommand({ AlarmName: SILENT, StateValue, StateReason: 'the test says so' }));
/** The primary's region is gone, and this region's alarm has noticed. */
const outage = async () => {
  await w.pair.cutOff('east', true);
  await alarm('ALARM');
};

function pairConfig(): PairConfig {
  const { sites, replica } = w.pair;
  return {
    ...{ name: 'checkout', replica: replica.id, tasks: { checkout: TASKS } },
    primaryProbeUrl: `${sites.east.url}/health`,
    standbyHealthUrl: `${sites.west.url}/health`,
    // Each request writes a row.
    standbyProbeUrl: `${sites.west.url}/`,
    userUrl: `http://${PAIR.recordName}:${sites.port}/`,
    outageAlarms: [SILENT],
    ...{ unhealthyForSeconds: 10, recoveryPointSeconds: 300, ttlSeconds: PAIR.ttlSeconds, settleSeconds: 10 },
    fencing: { by: 'attested' },
    switch: { bucket: PAIR.bucket, key: PAIR.key },
  };
}

interface Played {
  readonly how: string;
  readonly item: RunItem;
  /** Changing calls of the plan's that AWS carried out. */
  readonly changes: readonly string[];
  /** Services and regions that the plan asked. */
  readonly asked: readonly string[];
}

interface Playing {
  readonly input?: object;
  readonly pair?: Partial<PairConfig>;
  /** The clock runs so much faster than the waits say. */
  readonly haste?: number;
  /** In these steps no clock runs ahead: waits are waited, and looked after each second. */
  readonly realSteps?: readonly string[];
  readonly before?: (step: string, run: string) => Promise<unknown>;
}

async function failOver({
  input = { fenced: FENCED },
  pair,
  before,
  haste = 1,
  realSteps = [],
}: Playing = {}): Promise<Played> {
  let skewMs = 0;
  let isReal = false;
  let requests = 0;
  const run = `${PLAN}-${++runs}`;
  const { west } = w.pair.regions;
  const config: RuntimeConfig = {
    ...{ ...base, region: west, metricPeriodSeconds: 10 },
    services: { checkout: { ...baseService, ...PAIR_SERVICE } },
    databases: {
      [w.pair.replica.id]: { ...database, ...w.pair.replica, name: w.pair.replica.id, databaseName: 'orders' },
    },
    pairs: { checkout: { ...pairConfig(), ...pair } },
  };
  const code = planWith(
    (host) => resolver.resolve4(host),
    (pair) => release(pair, config),
  );
  const around = () => ({
    ...{ code, config, store, now: () => Date.now() + skewMs, random: Math.random, remaining: () => 55_000 },
    requestId: `request-${requests++}`,
  });
  const { next } = w.gateway.callsSince(Number.MAX_SAFE_INTEGER);
  const playing = {
    take: (order: Parameters<typeof takeOrder>[1]) => takeOrder(around(), order),
    wait: async (seconds: number) => {
      if (isReal) return sleep(Math.min(1, seconds) * 1000);
      skewMs += seconds * haste * 1000;
      await sleep(50);
    },
  };
  const how = await playPlan(playing, code.manifest, run, { pair: 'checkout', ...input }, async (step) => {
    isReal = realSteps.includes(step);
    await before?.(step, run);
  });
  const item = await readRun(store, PLAN, run);
  if (!item) throw new Error(`${run} is not in the journal`);
  const calls = w.gateway.callsSince(next).calls.filter(({ caller }) => caller === PLAN);
  const changes = calls.filter(({ changing, status, service }) => changing && status < 300 && service !== 'dynamodb');
  return {
    ...{ how, item, changes: changes.map(({ operation }) => operation) },
    asked: [...new Set(calls.map(({ service, region }) => `${service} ${region}`))].sort(),
  };
}

const PAIR_SERVICE = { name: 'checkout', cluster: PAIR.cluster, service: PAIR.service, minTasks: 1 };
const tasksWanted = async (): Promise<number | undefined> =>
  (await ecs.send(new DescribeServicesCommand({ cluster: PAIR.cluster, services: [PAIR.service] }))).services?.[0]
    ?.desiredCount;
const answeredBy = (site: 'east' | 'west') => client.stats().answeredBy[w.pair.sites[site].address] ?? 0;
const fault = (service: string, operation: string, kind: Fault['kind'], times?: number): void =>
  w.gateway.faults.add({
    ...{ name: operation, match: { service, operation, caller: PLAN }, kind, delayMs: 20 },
    ...(times !== undefined && { times }),
  });

/** As `set-authority` of the standby's region would. */
const release = (pair: string, config: RuntimeConfig) => setAuthority({ ask: 'release', pair }, config);

/** The guard in the primary, and the keeper that renews its lease by the real login. */
async function guardedPrimary() {
  const { database: primary, regions } = w.pair;
  await asMaster(primary, AUTHORITY_GUARD, `SELECT nightshift.guard('public')`);
  const fencing = {
    by: 'self',
    deployment: 'main',
    database: primary.id,
    leaseSeconds: 6,
    clockMarginSeconds: 1,
  } as const;
  const { host, port, database: databaseName } = primary;
  const there: RuntimeConfig = {
    ...{ ...base, region: regions.east },
    databases: { [primary.id]: { ...database, name: primary.id, host, port, databaseName, authority: true } },
  };
  const ask: AskHolder = (_fencing, order) => setAuthority(order, there);
  return { fencing, renew: () => keepAuthority({ store, ask, now: Date.now }, { name: 'checkout' }, fencing) };
}

async function expectUntouched({ how, item, changes }: Played): Promise<void> {
  expect([how, item.verdict, changes]).toEqual(['backed-out', 'backed-out', []]);
  expect(await tasksWanted()).toBe(PAIR.tasks.west);
  for (const target of [`rds-instance/${w.pair.replica.id}`, 'ecs-service/checkout/checkout'])
    expect(await readTarget(store, target)).not.toHaveProperty('leaseHolder');
}

describe('region-failover', () => {
  it('promotes nothing while the primary answers, though the alarm says that it is gone', async () => {
    await alarm('ALARM');
    const played = await failOver();
    await expectUntouched(played);
    expect(played.item.why).toMatch(/^confirm: the primary answers, which is no outage: the primary: 3 of 3 probes/);
  });

  it('rehearses: says what it would change, with the primary well, and changes nothing', async () => {
    const { how, item, changes } = await failOver({ input: { rehearse: true } });
    expect([how, item.verdict, changes, item.targets]).toEqual(['done', 'rehearsed', [], []]);
    expect(item.steps.promote?.forward?.note).toMatch(/promote checkout-db-standby/);
    expect(item.steps.scale?.forward?.note).toMatch(/from 1 to 2/);
  });

  it('refuses a pair that the configuration does not have', async () => {
    await expect(failOver({ input: { pair: 'other' } })).rejects.toThrow(PlanRefusedError);
  });

  it('promotes nothing by probes alone, while the alarm is quiet', async () => {
    await w.pair.cutOff('east', true);
    const played = await failOver({ haste: 60 });
    await w.pair.cutOff('east', false);
    await expectUntouched(played);
    expect(played.item.why).toMatch(/not done within its time budget.*nightshift-main-silent is OK/s);
  });

  it('stops and says so when both sites are down', async () => {
    await outage();
    w.pair.sites.west.cutOff(true);
    const played = await failOver();
    await expectUntouched(played);
    expect(played.item.why).toMatch(/^confirm: both sites are down/);
  });

  it('asks when nobody has fenced the old primary, and when more is lost than the pair allows', async () => {
    await outage();
    const unfenced = await failOver({ input: {} });
    await expectUntouched(unfenced);
    expect(unfenced.item.why).toMatch(/^gate: nobody has said that the old primary writes nothing any more.*fenced=/);
    const lossy = await failOver({ pair: { recoveryPointSeconds: 0 } });
    await expectUntouched(lossy);
    expect(lossy.item.why).toMatch(/^gate: .* and pairs.checkout allows 0 s: .*acceptLossSeconds=/);
  });

  it('takes its tasks back when it is stopped before the promotion', async () => {
    await outage();
    const { item, changes } = await failOver({
      before: async (step, run) => {
        if (step !== 'promote') return;
        const stop = { by: 'person:jane', at: Date.now(), reason: 'the region is coming back' };
        await store.transact([requestStop('journal', { plan: PLAN, run }, stop)]);
      },
    });
    expect([item.verdict, changes]).toEqual(['backed-out', ['UpdateService', 'UpdateService']]);
    expect(await tasksWanted()).toBe(PAIR.tasks.west);
  });

  it('promotes nothing when the standby may not be given more tasks', async () => {
    await outage();
    fault('ecs', 'UpdateService', 'refused', 1);
    const played = await failOver();
    await expectUntouched(played);
    expect(played.item.why).toMatch(/^scale: .*AccessDenied/);
  });

  it('promotes nothing and takes its tasks back when the primary is back by then', async () => {
    await outage();
    const { item, changes } = await failOver({
      before: async (step) => {
        if (step === 'promote') await w.pair.cutOff('east', false);
      },
    });
    expect([item.verdict, changes]).toEqual(['backed-out', ['UpdateService', 'UpdateService']]);
    expect(item.why).toMatch(/^promote: the primary: .*it is back/);
    expect(await tasksWanted()).toBe(PAIR.tasks.west);
  });

  it('[4/fail-over-region, D132] fails over unattended with the primary’s region and the global control planes gone: waits until the old primary has stopped by itself, promotes once, proves, moves users, and loses what the clients count', async () => {
    expect(answeredBy('east')).toBeGreaterThan(0);
    const { fencing, renew } = await guardedPrimary();
    const insider = await startInsider(w.pair);
    // What is written after the guard has come over: so has the guard.
    await eventually(
      'the guard in the replica',
      async () => (await w.pair.rowsAt('west')).has(insider.seen().acknowledged[0] ?? ''),
      Boolean,
    );
    await outage();
    const atCut = insider.seen().acknowledged.length;
    // The keeper's last message was under way when the region was lost.
    await eventually(
      'rows that the standby never gets',
      async () => (await renew()).kind === 'kept' && insider.seen().acknowledged.length - atCut,
      (rows) => rows !== false && rows > 0,
    );
    // The answer to the promotion is lost: it isn't asked for again.
    fault('rds', 'PromoteReadReplica', 'timeout-after');
    let stoppedBefore: Insider | undefined;
    const { how, item, changes, asked } = await failOver({
      input: {},
      pair: { fencing, unhealthyForSeconds: 1, settleSeconds: 1 },
      // The old primary's clock is the machine's; and where two steps run side by side one's waits would use up the other's budget.
      realSteps: ['confirm', 'withdraw', 'gate', 'scale', 'lapse', 'steady', 'admit'],
      before: async (step) => {
        if (step === 'gate') expect(await renew()).toEqual({ kind: 'withdrawn' });
        if (step !== 'promote') return;
        await eventually('a refusal', () => insider.seen().refusals.length, Boolean);
        stoppedBefore = insider.seen();
      },
    });
    expect([how, item.verdict, item.why]).toEqual(['done', 'recovered', undefined]);
    expect(changes).toEqual(['UpdateService', 'PromoteReadReplica', 'PutObject']);
    expect(asked.filter((each) => !each.endsWith(w.pair.regions.west))).toEqual([]);
    expect(asked.join()).not.toMatch(/route53|iam/);
    expect(await tasksWanted()).toBe(TASKS);
    const before = answeredBy('west');
    await eventually(
      'clients served by the standby',
      () => answeredBy('west') - before,
      (seen) => seen >= 10,
    );
    // Whoever reaches the old primary all the same wrote until its authority was over, and nothing since.
    const after = await insider.stop();
    expect(stoppedBefore?.refusals).toEqual(['25006']);
    expect(after.acknowledged).toEqual(stoppedBefore?.acknowledged);
    expect(after.refusals).toEqual(['25006']);
    const acknowledged = [...client.stats().acknowledged, ...after.acknowledged];
    const [east, west] = [await w.pair.rowsAt('east'), await w.pair.rowsAt('west')];
    const lost = acknowledged.filter((id) => !west.has(id));
    expect(after.acknowledged.filter((id) => lost.includes(id)).length).toBeGreaterThan(0);
    // What was lost is in the old primary, every row of it, and nothing else is there alone but what nobody was told of.
    expect(lost.filter((id) => !east.has(id))).toEqual([]);
    expect(await store.read(authorityKey('checkout'))).toMatchObject({ state: 'withdrawn', withdrawnBy: item.run });
    // The report's loss is from before the first row that was lost until after the last one.
    const lostAt = after.at.filter((_, index) => lost.includes(after.acknowledged[index] ?? ''));
    expect(item.figures?.dataLossMs).toBeGreaterThanOrEqual(Math.max(...lostAt) - Math.min(...lostAt));
    for (const target of item.targets) expect(await readTarget(store, target)).not.toHaveProperty('leaseHolder');
  });

  it('fails over nothing twice: a database that is promoted is no replica', async () => {
    await alarm('ALARM');
    const { item, changes } = await failOver();
    expect([item.verdict, changes]).toEqual(['backed-out', []]);
    expect(item.why).toMatch(/^confirm: the standby isn't ready: .*no read replica/);
  });

  it('has asked AWS for everything that its manifest allows, and for nothing else', () => {
    const asked = w.gateway
      .calls()
      .filter(({ service, caller }) => caller === PLAN && service !== 'dynamodb')
      .map(({ service, operation }) => `${service === 'monitoring' ? 'cloudwatch' : service}:${operation}`);
    const allowed = manifest.permissions.flatMap(({ actions }) => actions);
    // `set-authority` is called directly here: no Lambda runs in this world.
    expect([...new Set([...asked, 'lambda:InvokeFunction'])].sort()).toEqual([...new Set<string>(allowed)].sort());
  });
});
