/** The plan's own code on a real journal, a real PostgreSQL server, real tasks that log in by the secret, and versions of a real secret. */
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  waitUntilServicesStable,
} from '@aws-sdk/client-ecs';
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import type { DatabaseConfig, RuntimeConfig } from '../../../functions/engine/config.ts';
import { readTarget } from '../../../functions/engine/context.ts';
import { RetryableError } from '../../../functions/engine/errors.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { requestStop } from '../../../functions/engine/plan-stop.ts';
import { readSwitch, setSwitch } from '../../../functions/engine/switch.ts';
import { entryMaker, putEntry } from '../../../functions/engine/writes.ts';
import { takeTurn } from '../../../functions/jobs/run.ts';
import { PlanRefusedError } from '../../../functions/recovery/errors.ts';
import { takeOrder } from '../../../functions/recovery/handler.ts';
import { type RunItem, readRun } from '../../../functions/recovery/items.ts';
import type { AskLogins } from '../../../functions/recovery/secret-rotation/by-function.ts';
import type { secretRotation } from '../../../functions/recovery/secret-rotation/handler.ts';
import { answerLogins } from '../../../functions/recovery/secret-rotation/helper/answer.ts';
import type { LoginOrder } from '../../../functions/recovery/secret-rotation/helper/orders.ts';
import { rotationGrants } from '../../../functions/recovery/secret-rotation/helper/sql.ts';
import { manifest } from '../../../functions/recovery/secret-rotation/manifest.ts';
import { newReceiver } from '../../../functions/recovery/secret-rotation/sealed.ts';
import type { Observation } from '../../../functions/remediations/snapshot-database/decide.ts';
import { jsonReply } from '../../../local/gateway/reply.ts';
import { createEcs, type Ecs } from '../../../local/stand-ins/ecs/ecs.ts';
import { secretSource } from '../../../local/stand-ins/ecs/secrets.ts';
import type { Fault } from '../../../local/world/types.ts';
import { config as base, service as baseService, database } from '../../support/fixtures.ts';
import { playPlan } from '../../support/plan-play.ts';
import { openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';
import { REGION } from '../rds/harness.ts';

jest.setTimeout(180_000);
const PLAN = 'secret-rotation';
const DB = 'pair-app';
const USERS = ['app', 'app_b'] as const;
const SHOP = { ...baseService, name: 'shop', service: 'shop', minTasks: 1, dependsOn: [DB] };
const TARGETS = [`rds-instance/${DB}`, 'ecs-service/orders/shop'];
let w: RdsRemediationWorld<Observation>;
let standIn: Ecs;
let ecs: ECSClient;
let secrets: SecretsManagerClient;
let planWith: typeof secretRotation;
let config: RuntimeConfig;
let target: DatabaseConfig;
/** Of the database's users: none may be found anywhere. */
const passwords = new Set(['first-password']);

beforeAll(async () => {
  w = await openRdsRemediation(() => import('../../../functions/remediations/snapshot-database/handler.ts'));
  // Node reads NODE_EXTRA_CA_CERTS only when it starts; this is the same list.
  setDefaultCACertificates([...getCACertificates('default'), w.world.ca]);
  const { world, gateway } = w.world;
  const quiet = { metrics: { put: () => {} }, events: { publish: async () => ({ id: 'event' }) } };
  standIn = createEcs(
    world,
    { ...quiet, secrets: secretSource(gateway) },
    { startDelayMs: 10, drainMs: 10, killAfterMs: 300, healthEveryMs: 60, metricsEveryMs: 60_000 },
  );
  gateway.nameCaller('test', PLAN);
  gateway.register(standIn);
  standIn.start();
  const client = {
    endpoint: gateway.url,
    region: REGION,
    credentials: { accessKeyId: 'tester', secretAccessKey: 'test' },
  };
  ecs = new ECSClient(client);
  secrets = new SecretsManagerClient(client);
  ({ secretRotation: planWith } = await import('../../../functions/recovery/secret-rotation/handler.ts'));
  await prepare();
});
afterEach(() => w.calm());
afterAll(async () => {
  await standIn?.stop();
  ecs?.destroy();
  secrets?.destroy();
  await w?.close();
});

async function prepare(): Promise<void> {
  await w.create(DB, { EnableIAMDatabaseAuthentication: true });
  const { Endpoint } = (await w.describe(DB)) ?? {};
  const [host, port] = [Endpoint?.Address ?? '', Endpoint?.Port ?? 0];
  await query(`CREATE ROLE app_rights NOLOGIN;
    CREATE TABLE rows (id text PRIMARY KEY);
    GRANT SELECT, INSERT ON rows TO app_rights;
    CREATE ROLE app LOGIN PASSWORD 'first-password' IN ROLE app_rights;
    CREATE ROLE app_b NOLOGIN IN ROLE app_rights;
    ${rotationGrants(USERS)}`);
  const credential = { host, port, dbname: 'postgres', username: 'app', password: 'first-password' };
  const { ARN: secretArn = '' } = await secrets.send(
    new CreateSecretCommand({ Name: 'app', SecretString: JSON.stringify(credential) }),
  );
  const rotation = { secretArn, users: USERS, login: 'nightshift_rotation' };
  target = { ...database, name: DB, host, port, databaseName: 'postgres', rotation };
  config = { ...base, databases: { [DB]: target }, services: { shop: SHOP } };
  await ecs.send(new CreateClusterCommand({ clusterName: 'orders' }));
  const environment = [
    { name: 'SERVICE_COST_MS', value: '1' },
    { name: 'SERVICE_DATABASE_QUERY', value: 'INSERT INTO rows SELECT current_user || clock_timestamp()' },
    { name: 'NODE_EXTRA_CA_CERTS', value: `${w.world.world.dir}/ca.pem` },
  ];
  await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: 'shop',
      containerDefinitions: [
        {
          ...{ name: 'shop', image: 'shop', essential: true, environment },
          secrets: [{ name: 'SERVICE_DATABASE_SECRET', valueFrom: secretArn }],
        },
      ],
    }),
  );
  const service = { cluster: 'orders', serviceName: 'shop', taskDefinition: 'shop', desiredCount: 1 };
  await ecs.send(new CreateServiceCommand(service));
  await waitUntilServicesStable(
    { client: ecs, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
    { cluster: 'orders', services: ['shop'] },
  );
}

async function query(sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(w.world.instance(DB).adminClientConfig);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const receiver = newReceiver();
const real: AskLogins = (order) => answerLogins(order, config, receiver);
/** What the function is asked, as Lambda would see it. */
const events: string[] = [];

interface Ended {
  readonly how: string;
  readonly item: RunItem;
}

let runs = 0;
async function rotate({
  run = `${PLAN}-${++runs}`,
  ask = real,
  input = {},
  before = async (_step: string, _run: string): Promise<unknown> => undefined,
  waits = async (): Promise<unknown> => 0,
}: {
  run?: string;
  ask?: AskLogins;
  input?: object;
  before?: (step: string, run: string) => Promise<unknown>;
  waits?: () => Promise<unknown>;
} = {}): Promise<Ended> {
  let skewMs = 0;
  let requests = 0;
  const code = planWith((order: LoginOrder, deployment: string) => {
    events.push(JSON.stringify(order));
    return ask(order, deployment);
  });
  const around = () => ({
    ...{ code, config, store: w.store, now: () => Date.now() + skewMs, random: Math.random, remaining: () => 60_000 },
    requestId: `request-${requests++}`,
  });
  const playing = {
    take: (order: Parameters<typeof takeOrder>[1]) => takeOrder(around(), order),
    wait: async (seconds: number) => {
      // Longer than between two looks: nobody looks before a change that was begun is surely over.
      if (seconds > 5) skewMs += seconds * 1000;
      skewMs += Number((await waits()) ?? 0) * 1000;
      await sleep(100);
    },
  };
  const how = await playPlan(playing, manifest, run, { database: DB, ...input }, (step) => before(step, run).then());
  const item = await readRun(w.store, PLAN, run);
  if (!item) throw new Error(`${run} is not in the journal`);
  return { how, item };
}

interface State {
  readonly user: string;
  readonly version: string | undefined;
  readonly logins: Record<string, unknown>;
}

async function state(): Promise<State> {
  const SecretId = 'app';
  const { SecretString = '' } = await secrets.send(new GetSecretValueCommand({ SecretId }));
  const { username, password } = JSON.parse(SecretString) as { username: string; password: string };
  passwords.add(password);
  const { VersionIdsToStages: stages = {} } = await secrets.send(new DescribeSecretCommand({ SecretId }));
  const rows = await query(`SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname IN ('app', 'app_b') ORDER BY 1`);
  return {
    user: username,
    version: Object.entries(stages).find(([, labels]) => labels.includes('AWSCURRENT'))?.[0],
    logins: Object.fromEntries(rows.map(({ rolname, rolcanlogin }) => [rolname, rolcanlogin])),
  };
}

/** Somebody who knows the current password. */
async function sessionOf(user: string): Promise<pg.Client> {
  const { SecretString = '' } = await secrets.send(new GetSecretValueCommand({ SecretId: 'app' }));
  const { password } = JSON.parse(SecretString) as { password: string };
  const { host, port } = target;
  const session = new pg.Client({
    ...{ host, port, user, password, database: 'postgres', ssl: { ca: w.world.ca, servername: host } },
  });
  // It is ended by others.
  session.on('error', () => {});
  await session.connect();
  return session;
}

/** As whom a request's row is written; fails when the service can't. */
async function writtenBy(): Promise<string> {
  const answer = await fetch(standIn.serviceUrl('orders', 'shop', REGION), { method: 'POST' });
  expect(answer.status).toBe(200);
  // As a time: PostgreSQL writes one without the zeros at its end, so texts of times aren't equally long.
  const [row] = await query(
    `SELECT id FROM rows ORDER BY substring(id from '2[0-9]{3}-.*$')::timestamptz DESC LIMIT 1`,
  );
  return String(row?.id).replace(/2\d{3}-.*$/, '');
}

const deploymentOf = async (): Promise<string | undefined> =>
  (await ecs.send(new DescribeServicesCommand({ cluster: 'orders', services: ['shop'] }))).services?.[0]
    ?.deployments?.[0]?.id;
const fault = (service: string, operation: string, kind: Fault['kind'], times?: number): void =>
  w.world.gateway.faults.add({
    name: `${operation} ${kind}`,
    match: { service, operation, caller: PLAN },
    kind,
    ...(times !== undefined && { times }),
    ...(kind.startsWith('timeout') && { delayMs: 20 }),
  });
/** AWS refuses an operation. */
function broken(service: string, operation: string, times?: number): AskLogins {
  fault(service, operation, 'refused', times);
  return real;
}
/** Refuses one kind of order, as PostgreSQL would. */
const refusing =
  (what: LoginOrder['ask'], user?: string): AskLogins =>
  async (order, deployment) =>
    order.ask === what && (user === undefined || ('user' in order && order.user === user))
      ? { kind: 'refused', passing: false, why: 'permission denied' }
      : real(order, deployment);

async function expectAsBefore(before: State): Promise<void> {
  expect(await state()).toEqual(before);
  expect(await writtenBy()).toBe(before.user);
  for (const each of TARGETS) expect(await readTarget(w.store, each)).not.toHaveProperty('leaseHolder');
}

describe('secret-rotation', () => {
  it('lets the other user in, has the services use it, and shuts the earlier one out [8/rotate-secret, M12, D18, D75]', async () => {
    expect(await writtenBy()).toBe('app');
    const { how, item } = await rotate();
    expect([how, item.verdict, item.why]).toEqual(['done', 'recovered', undefined]);
    expect(await state()).toMatchObject({ user: 'app_b', logins: { app: false, app_b: true } });
    expect(await writtenBy()).toBe('app_b');
    expect(item.summary).toMatch(/the services log in as app_b; app is shut out/);
    expect(item.steps.cut?.forward?.change).toBeUndefined();
  });

  it('[5d/rotate-secrets] is run by its schedule once nothing is red, and told as a job that passed', async () => {
    const started: { readonly name: string; readonly input: Record<string, unknown> }[] = [];
    let playing: Promise<unknown> = Promise.resolve();
    // Step Functions: what it is asked to start is played by the plan's own code.
    w.world.gateway.register({
      services: ['states'],
      handle: async (call) => {
        const { name, input } = call.params as { readonly name: string; readonly input: string };
        started.push({ name, input: JSON.parse(input) as Record<string, unknown> });
        playing = rotate({ run: name, input: started.at(-1)?.input ?? {} });
        return jsonReply(call, { executionArn: `arn:aws:states:${REGION}:1:execution:x:${name}`, startDate: 0 });
      },
    });
    process.env.NIGHTSHIFT_MACHINES = JSON.stringify({ [PLAN]: `arn:aws:states:${REGION}:1:stateMachine:x` });
    const { job } = await import('../../../functions/jobs/drill/handler.ts');
    const drills = {
      monthly: { plan: PLAN, input: { database: DB }, recheckAfterSeconds: 600, forReal: true as const },
    };
    const order = { job: 'drill', subject: 'monthly', scheduledAt: '2026-11-03T10:00:00Z' };
    const around = { store: w.store, config: { ...config, drills }, remaining: () => 60_000 };
    const turn = async () => {
      const taken = await takeTurn({ ...around, now: () => Date.parse(order.scheduledAt) }, job, order);
      if (taken.kind === 'wait') await sleep(100);
      return taken;
    };
    const entry = entryMaker('sick', 'test', Date.now());
    const about = { title: 'sick', target: 'ecs-service/orders/shop', severity: 'P2' };
    await w.store.transact([putEntry(w.store.table, entry('opened', 'sick', about))]);
    expect(await turn()).toMatchObject({ kind: 'wait', note: expect.stringContaining('nothing is run while P2 sick') });
    expect(started).toEqual([]);
    await w.store.transact([putEntry(w.store.table, entry('resolved', 'well again'))]);
    const before = await state();
    let last = await turn();
    while (last.kind === 'wait') last = await turn();
    await playing;
    expect(last).toMatchObject({ verdict: 'passed', summary: expect.stringMatching(/^secret-rotation took /) });
    expect(started.map(({ input }) => input)).toEqual([{ database: DB, rehearse: false, startedBy: 'drill:monthly' }]);
    expect((await state()).user).not.toBe(before.user);
    expect(await writtenBy()).toBe((await state()).user);
    // As the tests that follow expect it.
    expect((await rotate()).item.verdict).toBe('recovered');
  });

  it('takes the users in turns; waits while Nightshift is frozen, refuses a second run meanwhile, and goes on; answers that were lost are asked for again', async () => {
    fault('secretsmanager', 'PutSecretValue', 'timeout-after', 1);
    fault('secretsmanager', 'UpdateSecretVersionStage', 'timeout-after', 1);
    fault('ecs', 'UpdateService', 'timeout-after', 1);
    const [{ user, version }, deployment] = [await state(), await deploymentOf()];
    let [looks, second]: [number, unknown] = [0, undefined];
    const { item } = await rotate({
      before: async (step) => {
        if (step !== 'switch') return;
        second = await rotate().catch((error: Error) => error);
        await setSwitch(w.store, 'freeze', 'person:jane', 'looking');
      },
      waits: async () => {
        if ((await readSwitch(w.store)) !== 'freeze') return;
        expect(await state()).toMatchObject({ user, version });
        if (++looks === 2) await setSwitch(w.store, 'run', 'person:jane', 'seen');
      },
    });
    expect(second).toBeInstanceOf(PlanRefusedError);
    expect([item.verdict, item.why]).toEqual(['recovered', undefined]);
    expect(item.frozenMs).toBeGreaterThan(0);
    expect(await deploymentOf()).not.toBe(deployment);
    expect(await state()).toMatchObject({ user: 'app', logins: { app: true, app_b: false } });
    expect(await writtenBy()).toBe('app');
  });

  it('rehearses without changing anything', async () => {
    const before = await state();
    const { item } = await rotate({ input: { rehearse: true } });
    expect([item.verdict, item.targets]).toEqual(['rehearsed', []]);
    expect(item.summary).toMatch(/app_b would take the place of app/);
    await expectAsBefore(before);
  });

  it.each<[string, () => AskLogins]>([
    ['create', () => broken('secretsmanager', 'PutSecretValue')],
    ['set', () => refusing('let-in')],
    ['test', () => refusing('try')],
    ['switch', () => broken('secretsmanager', 'UpdateSecretVersionStage')],
    ['roll', () => broken('ecs', 'UpdateService', 1)],
    ['retire', () => refusing('shut-out', 'app')],
  ])('is backed out when %s fails, and leaves everything as it was', async (step, break_) => {
    const before = await state();
    const { how, item } = await rotate({ ask: break_() });
    expect([how, item.why]).toEqual(['backed-out', expect.stringMatching(new RegExp(`^${step}: `))]);
    await expectAsBefore(before);
  });

  it.each(['test', 'roll', 'retire'])('leaves everything as it was when a person stops it before %s', async (at) => {
    const before = await state();
    const { how, item } = await rotate({
      before: async (step, run) => {
        if (step !== at) return;
        const stop = { by: 'person:jane', at: Date.now(), reason: 'not during the sale' };
        await w.store.transact([requestStop(w.store.table, { plan: PLAN, run }, stop)]);
      },
    });
    expect([how, item.verdict, item.stop?.by]).toEqual(['backed-out', 'backed-out', 'person:jane']);
    await expectAsBefore(before);
  });

  it('changes nothing when somebody is logged in as the other user, or it may do less', async () => {
    const before = await state();
    await query('REVOKE app_rights FROM app_b');
    const { item } = await rotate();
    expect(item.why).toMatch(/^look: app_b lacks 2 of the rights that app has/);
    await query('GRANT app_rights TO app_b');
    await expectAsBefore(before);
  });

  it('waits for whoever is still logged in as the earlier user, and is backed out when the budget is over', async () => {
    const before = await state();
    const other = await sessionOf('app');
    try {
      let retiring = false;
      let looks = 0;
      const { how, item } = await rotate({
        before: async (step) => {
          retiring = step === 'retire';
        },
        waits: async () => (retiring && ++looks === 2 ? 900 : 0),
      });
      expect([how, item.why]).toEqual([
        'backed-out',
        expect.stringMatching(
          /^retire: not done within its time budget of 900 s.*1 sessions are still logged in as app/,
        ),
      ]);
    } finally {
      await other.end();
    }
    await expectAsBefore(before);
  });

  it('shuts nobody out by whom the services log in again, because a person put the secret back', async () => {
    const before = await state();
    const { how, item } = await rotate({
      before: async (step) => {
        if (step !== 'retire') return;
        const { version } = await state();
        await secrets.send(
          new UpdateSecretVersionStageCommand({
            ...{ SecretId: 'app', VersionStage: 'AWSCURRENT', RemoveFromVersionId: version },
            MoveToVersionId: before.version,
          }),
        );
      },
    });
    expect([how, item.why]).toEqual(['backed-out', expect.stringMatching(/^retire: the secret of the connection/)]);
    await expectAsBefore(before);
  });

  it('shuts a leaked user out before the services are rolled, also when a function dies before its sessions are ended, and never lets it in again', async () => {
    const before = await state();
    const thief = await sessionOf(before.user);
    const sessions = () => query(`SELECT 1 FROM pg_stat_activity WHERE usename = '${before.user}'`);
    fault('ecs', 'UpdateService', 'refused');
    let [cut, left, died]: [unknown, unknown, boolean] = [undefined, undefined, false];
    const { how, item } = await rotate({
      input: { emergency: 'true' },
      ask: async (order, deployment) => {
        if (order.ask !== 'shut-out' || died) return real(order, deployment);
        died = true;
        await query(`ALTER ROLE ${order.user} NOLOGIN`);
        throw new RetryableError('it died');
      },
      before: async (step) => {
        if (step === 'roll') [cut, left] = [(await state()).logins[before.user], (await sessions()).length];
      },
    });
    await thief.end().catch(() => undefined);
    expect([died, cut, left]).toEqual([true, false, 0]);
    expect([how, item.verdict]).toEqual(['needs-person', 'needs-person']);
    expect(item.summary).toMatch(/cut was begun, and can't be taken back: a user whose password has leaked/);
    const after = await state();
    expect(after.user).not.toBe(before.user);
    expect(after.logins).toMatchObject({ [before.user]: false, [after.user]: true });
  });

  it('leaves no password in the journal, and none in what it asks the function that speaks SQL', async () => {
    const found = [...events];
    for (let run = 1; run <= runs; run++) {
      const item = await readRun(w.store, PLAN, `${PLAN}-${run}`);
      const incident = item?.incidentId ? await readIncident(w.store, item.incidentId) : undefined;
      found.push(JSON.stringify([item, incident]));
    }
    expect(passwords.size).toBeGreaterThan(3);
    for (const password of passwords) expect(found.filter((text) => text.includes(password))).toEqual([]);
  });

  it('asks AWS for no more and no less than its role allows', () => {
    // Of a key; of the function that speaks SQL, which is called directly here; of services with a load balancer.
    const unseen = ['kms:Decrypt', 'kms:GenerateDataKey', 'lambda:InvokeFunction', 'cloudwatch:GetMetricData'];
    const asked = w.world.gateway
      .calls()
      .filter(({ service, caller }) => caller === PLAN && service !== 'dynamodb')
      .map(({ service, operation }) => `${service}:${operation}`)
      // The job's that started it by its schedule.
      .filter((action) => !['states:StartExecution', 'monitoring:DescribeAlarms'].includes(action));
    const allowed = manifest.permissions.flatMap(({ actions }) => actions);
    expect([...new Set([...asked, ...unseen])].sort()).toEqual([...new Set<string>(allowed)].sort());
  });
});
