/** A whole local world: AWS as far as Nightshift needs it, a company's services and database, and Nightshift deployed into it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { IncidentWithTimeline } from '../../events/journal.ts';
import { clientDefaults } from '../../functions/engine/clients.ts';
import { listIncidents, readIncident } from '../../functions/engine/journal-reader.ts';
import { Store } from '../../functions/engine/store.ts';
import { type Deployed, deployNightshift } from '../deploy/deploy.ts';
import { type Assembly, synthesize } from '../deploy/synthesize.ts';
import { installEmulator, startMinistack } from '../emulators/index.ts';
import { type Gateway, startGateway } from '../gateway/index.ts';
import { type SeededDatabase, seedDatabase } from '../postgres/seed.ts';
import { troubledDatabases, whereInEnvironment } from '../postgres/troubled.ts';
import { ACCOUNTS, secretInEnvironment, seedAccounts } from '../services/accounts.ts';
import { certificateInEnvironment } from '../services/certificate.ts';
import { ENDPOINT, type SeededEndpoint, seedEndpoint } from '../services/endpoint.ts';
import { createLoad, type Load } from '../services/load.ts';
import type { SeededPair } from '../services/pair.ts';
import { DEMO_PAIR } from '../services/pair-config.ts';
import { DEMO, seedServices } from '../services/seed.ts';
import { startTeamWebhook, type TeamWebhook } from '../services/team-webhook.ts';
import { troubledSeeds } from '../services/troubled.ts';
import type { Acm } from '../stand-ins/acm/acm.ts';
import type { CloudWatch } from '../stand-ins/cloudwatch/cloudwatch.ts';
import type { Ecs } from '../stand-ins/ecs/ecs.ts';
import type { LocalEventBridge } from '../stand-ins/eventbridge/index.ts';
import type { LocalLambda } from '../stand-ins/lambda/index.ts';
import type { Rds } from '../stand-ins/rds/rds.ts';
import type { Route53 } from '../stand-ins/route53/route53.ts';
import type { LocalScheduler } from '../stand-ins/scheduler/index.ts';
import type { LocalStepFunctions } from '../stand-ins/step-functions/index.ts';
import { AlarmLog } from './alarm-log.ts';
import { type Clients, makeClients, OPERATOR } from './clients.ts';
import { type OpenWorld, openWorld } from './context.ts';
import { deployStandby, pairInEnvironment, type StandbyDeployment, startPair } from './pair.ts';
import { allOrFirstFailure, type PhaseObserver, Phases, type PhaseTime } from './phases.ts';
import { makeStandIns, type StandIns } from './stand-ins.ts';

/** Long waits of AWS are this much shorter here: a schedule's minute takes 2 s, Lambda's first retry comes after 2 s. */
export const DEMO_TIME_SCALE = 1 / 30;
const DEMO_CONFIG = join(import.meta.dirname, '..', 'demo.config.ts');

export interface WorldOptions {
  readonly name: string;
  /** Told of phases as they begin and end. */
  readonly observer?: PhaseObserver;
  /** One line for people: what was cleaned up, what is downloaded, how the template was transformed. */
  readonly report?: (line: string) => void;
  readonly timeScale?: number;
  /** Waits, retries and time limits of state machines are multiplied by this; real time (1) unless said, and reported then. */
  readonly waitScale?: number;
  /** The configuration that is deployed. */
  readonly configPath?: string;
  /** Changes the synthesized assembly (its folder) before it is deployed: tests put a seeded bug in so that it must be noticed. */
  readonly editAssembly?: (folder: string) => void;
  /** Folder that holds worlds; tests use one of their own. */
  readonly root?: string;
  /** Refuses what a function's role doesn't allow, as AWS does; on unless it is `false`. */
  readonly enforcePolicies?: boolean;
  /** What the configuration reads from its environment besides what the world itself tells it. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Breaks the start off. */
  readonly signal?: AbortSignal;
}

export interface JournalOfWorld {
  /** Newest first. */
  listIncidents(): Promise<IncidentWithTimeline[]>;
  readIncident(id: string): Promise<IncidentWithTimeline | undefined>;
}

export interface World {
  readonly name: string;
  /** What `AWS_ENDPOINT_URL` would be set to. */
  readonly endpoint: string;
  /** From the call to a world that answers alarms. */
  readonly readyMs: number;
  readonly phases: readonly PhaseTime[];
  readonly context: OpenWorld;
  readonly gateway: Gateway;
  readonly lambda: LocalLambda;
  readonly eventbridge: LocalEventBridge;
  readonly scheduler: LocalScheduler;
  readonly cloudwatch: CloudWatch;
  readonly ecs: Ecs;
  readonly rds: Rds;
  readonly route53: Route53;
  readonly acm: Acm;
  readonly stepFunctions: LocalStepFunctions;
  readonly database: SeededDatabase;
  /** Databases that scenarios bring into trouble; only in a world whose environment asks for them. */
  readonly troubled: readonly SeededDatabase[];
  /** The demo's service at two sites; only in a world whose environment asks for it. */
  readonly shop: SeededEndpoint | undefined;
  /** A service in both regions, and the deployment in the standby's; only in a world whose environment asks for it. */
  readonly twoRegions: TwoRegions | undefined;
  /** What alarms did, from their events. */
  readonly alarms: AlarmLog;
  /** What the demo's team was told by its webhook. */
  readonly team: TeamWebhook;
  /** Base load on the demo's service; its rate is at `DEMO.baseRequestsPerSecond`. */
  readonly load: Load;
  readonly deployed: Deployed;
  readonly journal: JournalOfWorld;
  /** Faults on the wire; the gateway's own. */
  readonly faults: Gateway['faults'];
  /** SDK clients; by default of the world's first region. */
  clients(region?: string): Clients;
  stop(): Promise<void>;
}

export interface TwoRegions {
  readonly pair: SeededPair;
  readonly standby: StandbyDeployment;
}

/**
 * Starts everything, in parallel where one part doesn't need another. When a part fails, what was started is stopped.
 * @throws EnvironmentMissing, UsageError (name taken, configuration with faults), or the failing part's error.
 */
export async function startWorld(options: WorldOptions): Promise<World> {
  const startedAt = performance.now();
  const { name, timeScale = DEMO_TIME_SCALE, report = () => {}, root } = options;
  const context = await openWorld({ name, timeScale, report, ...(root === undefined ? {} : { root }) });
  const phases = new Phases(options.observer ?? { phase: () => ({ done: () => {}, failed: () => {} }) });
  const breakOff = () => void context.stop();
  options.signal?.addEventListener('abort', breakOff, { once: true });
  try {
    // It may have been aborted while the world was opened, before anybody listened.
    options.signal?.throwIfAborted();
    const parts = await startParts(context, phases, options);
    const readyMs = Math.round(performance.now() - startedAt);
    const world = assemble(context, phases, parts, readyMs);
    context.describe({
      phase: 'ready',
      endpoint: world.endpoint,
      tableName: parts.deployed.outputs.JournalTable ?? '',
      readyMs,
    });
    return world;
  } catch (error) {
    await context.stop();
    throw options.signal?.aborted ? options.signal.reason : error;
  } finally {
    options.signal?.removeEventListener('abort', breakOff);
  }
}

interface Parts {
  readonly gateway: Gateway;
  readonly standIns: StandIns;
  readonly alarms: AlarmLog;
  readonly load: Load;
  readonly team: TeamWebhook;
  readonly databases: Databases;
  readonly shop: SeededEndpoint | undefined;
  readonly twoRegions: TwoRegions | undefined;
  readonly deployed: Deployed;
}

async function startParts(context: OpenWorld, phases: Phases, options: WorldOptions): Promise<Parts> {
  const gateway = await startGateway(context);
  const { waitScale = 1, report = () => {} } = options;
  if (waitScale !== 1) report(`state machines wait ${waitScale} times as long as they say`);
  const standIns = await makeStandIns(context, gateway, { waitScale });
  const alarms = new AlarmLog();
  standIns.eventbridge.onEvent((event) => alarms.note(event));
  const shop =
    options.environment?.[ENDPOINT.switch] === undefined ? undefined : await seedEndpoint(context, standIns.route53);
  const certificate = certificateInEnvironment(standIns, options.environment);
  const synthesis = async () =>
    synthesisOf(await database, shop, options, { ...(await accounts), ...certificate, ...factsOf(await pair) });
  const emulator = phases.run('AWS emulator', () => startEmulator(context, gateway, options));
  const services = phases.run('services', () => startServices(context, gateway, standIns.ecs, options));
  const database = phases.run('PostgreSQL', () => startDatabases(context, gateway, standIns.rds, options));
  const accounts = database.then((databases) => startAccounts(context, gateway, databases, [emulator, services]));
  const pair =
    options.environment?.[DEMO_PAIR.switch] === undefined
      ? undefined
      : Promise.all([emulator, services, database]).then(() =>
          phases.run('the second region', () => startPair(context, gateway, standIns)),
        );
  // What fails there fails the synthesis, which waits for it.
  accounts.catch(() => undefined);
  pair?.catch(() => undefined);
  const assembly = phases.run(
    'synth',
    async () => {
      const made = await synthesize(context, await synthesis());
      options.editAssembly?.(made.dir);
      return made;
    },
    () => 'the same CDK app that is deployed to AWS',
  );
  const deployed = deploy(context, phases, gateway, options, { emulator, assembly, synthesis });
  const twoRegions = deployed.then(async (): Promise<TwoRegions | undefined> => {
    const seeded = await pair;
    if (!seeded) return undefined;
    const deploying = () => deployStandby(context, gateway, { pair: seeded, report });
    return { pair: seeded, standby: await phases.run('cdk deploy, second region', deploying) };
  });
  const team = emulator.then(() => startTeamWebhook(context, gateway.url));
  const [load, seeded, stack, receiver, both] = await allOrFirstFailure(
    [services, database, deployed, team, twoRegions, emulator, assembly] as const,
    () => void context.stop(),
  );
  const made = { load, team: receiver, databases: seeded, shop, twoRegions: both, deployed: stack };
  return { gateway, standIns, alarms, ...made };
}

const factsOf = (pair: SeededPair | undefined): Record<string, string> => (pair ? pairInEnvironment(pair) : {});

async function startEmulator(context: OpenWorld, gateway: Gateway, options: WorldOptions): Promise<void> {
  const emulator = await installEmulator({ report: options.report ?? (() => {}) });
  const { url } = await startMinistack(context, { endpointUrl: gateway.url, emulator });
  gateway.upstreamUrl = url;
}

async function startServices(
  context: OpenWorld,
  gateway: Gateway,
  ecs: Ecs,
  { environment = {} }: WorldOptions,
): Promise<Load> {
  await seedServices(gateway.url, context.region, troubledSeeds(environment));
  const load = createLoad({
    url: ecs.serviceUrl(DEMO.cluster, DEMO.service, context.region),
    requestsPerSecond: DEMO.baseRequestsPerSecond,
  });
  context.onStop('the load', () => load.stop());
  return load;
}

/** The demo's, and those that scenarios bring into trouble. */
type Databases = readonly [SeededDatabase, ...SeededDatabase[]];

async function startDatabases(
  context: OpenWorld,
  gateway: Gateway,
  rds: Rds,
  { environment = {} }: WorldOptions,
): Promise<Databases> {
  await rds.start();
  const ca = readFileSync(join(context.dir, 'ca.pem'), 'utf8');
  const seed = (more: { id?: string } = {}) => seedDatabase(gateway.url, context.region, { ca, ...more });
  const [demo, ...troubled] = await Promise.all([seed(), ...troubledDatabases(environment).map(seed)]);
  return [demo, ...troubled];
}

/**
 * @param before what the service needs, which nobody else's synthesis waits for.
 * @returns what the configuration has to know of it; nothing in a world whose environment doesn't ask for its database.
 */
async function startAccounts(
  context: OpenWorld,
  gateway: Gateway,
  databases: Databases,
  before: readonly Promise<unknown>[],
): Promise<Record<string, string>> {
  const database = databases.find(({ id }) => id === ACCOUNTS.database);
  if (!database) return {};
  await Promise.all(before);
  return secretInEnvironment(await seedAccounts(gateway.url, context, database));
}

/** What the demo's configuration reads from its environment. */
const synthesisOf = (
  [demo, ...troubled]: Databases,
  shop: SeededEndpoint | undefined,
  { configPath = DEMO_CONFIG, environment }: WorldOptions,
  accounts: Readonly<Record<string, string>>,
) => ({
  configPath,
  environment: {
    ...environment,
    ...(shop && { [ENDPOINT.variable]: JSON.stringify(shop.facts) }),
    ...whereInEnvironment(troubled),
    ...accounts,
    NIGHTSHIFT_DEMO_DATABASE_HOST: demo.host,
    NIGHTSHIFT_DEMO_DATABASE_PORT: String(demo.port),
    NIGHTSHIFT_DEMO_DATABASE_RESOURCE_ID: demo.resourceId,
  },
});

interface BeforeDeploying {
  readonly emulator: Promise<void>;
  readonly assembly: Promise<Assembly>;
  readonly synthesis: () => Promise<ReturnType<typeof synthesisOf>>;
}

/** Bootstrapping needs only the emulator; it runs while the database starts and the app is synthesized. */
async function deploy(
  context: OpenWorld,
  phases: Phases,
  gateway: Gateway,
  options: WorldOptions,
  { emulator, assembly, synthesis }: BeforeDeploying,
): Promise<Deployed> {
  await emulator;
  const { report = () => {}, enforcePolicies = true } = options;
  gateway.iam.enforce = enforcePolicies;
  return phases.run(
    'cdk deploy',
    async () =>
      deployNightshift(context, {
        endpointUrl: gateway.url,
        report,
        assembly,
        onRoles: (roles) => gateway.iam.load(roles),
        ...(await synthesis()),
      }),
    ({ seconds }) =>
      `bootstrap ${seconds.bootstrap.toFixed(1)} s, deploy ${seconds.deploy.toFixed(1)} s, the rest by API ${seconds.create.toFixed(1)} s`,
  );
}

function assemble(context: OpenWorld, phases: Phases, parts: Parts, readyMs: number): World {
  const { gateway, standIns, alarms, load, team, databases, shop, twoRegions, deployed } = parts;
  const [database, ...troubled] = databases;
  const { clients, destroy } = makeClients(gateway.url);
  context.onStop('SDK clients', destroy);
  const store = new Store(
    deployed.outputs.JournalTable ?? '',
    new DynamoDBClient({
      ...clientDefaults(),
      endpoint: gateway.url,
      region: context.region,
      userAgentAppId: OPERATOR,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    }),
  );
  return {
    name: context.name,
    endpoint: gateway.url,
    readyMs,
    phases: phases.times,
    context,
    gateway,
    ...standIns,
    alarms,
    load,
    team,
    database,
    troubled,
    shop,
    twoRegions,
    deployed,
    journal: { listIncidents: () => listIncidents(store), readIncident: (id) => readIncident(store, id) },
    faults: gateway.faults,
    clients: (region = context.region) => clients(region),
    stop: () => context.stop(),
  };
}
