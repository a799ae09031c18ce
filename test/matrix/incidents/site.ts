/** Where the functions behind the journal run: journal, bus, topic, bucket, secrets, state machine, and a receiver of webhooks. */

import { CreateEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { CreateStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import { Store } from '../../../functions/engine/store.ts';
import type { BundleEntry } from '../../../infra/bundle.ts';
import { followThroughDefinition } from '../../../infra/constructs/follow-through-definition.ts';
import { discover } from '../../../infra/discover.ts';
import { createStepFunctions } from '../../../local/stand-ins/step-functions/index.ts';
import { journalTable } from '../../support/engine-world.ts';
import { config as baseConfig, limits } from '../../support/fixtures.ts';
import { PAGERDUTY_SECRET } from '../../support/links.ts';
import { ROUTING_KEY, SIGNING_SECRET, startReceiver } from '../../support/notify/receiver.ts';
import { type Assets, buildAssets, type Patched } from '../build.ts';
import { assetOf, DEAF, heartbeatQueue, makeFunction, makeQueue, programOf } from '../deployment.ts';
import { laneConfig, laneName, READER } from '../jobs/config.ts';
import { type Place, REGION } from '../place.ts';
import { planConfig } from '../plans/config.ts';
import { Effects } from './effects.ts';
import type { Site, UnitCase } from './types.ts';

/** Step Functions' waits and time limits: its first retry comes within 0.4 s. */
const WAIT_SCALE = 0.2;
/** Functions work in real time: a busy machine would end calls that are well, and start them again beside themselves. */
const withWholeTimeouts = (definition: string): string =>
  definition.replaceAll('"TimeoutSeconds":60', `"TimeoutSeconds":${60 / WAIT_SCALE}`);
/** Takes every order and does nothing: the remediations have a matrix of their own. */
export const REMEDIATION = 'scale-out-service';
export const DEPLOYMENT = 'matrix';
/** Signs links and archives. */
export const SIGNING_KEY = Buffer.alloc(32, 'a key of the matrix').toString('base64');

export const orderTaker = (remediation: string): string => `incidents-${remediation}`;
/** A follow-through with nothing to follow: that it is started is all that others see of it. */
export const FOLLOWER = 'incidents-follower';

const ACCOUNT = '000000000000';
const arn = (service: string, resource: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;
const parameter = (name: string) => arn('ssm', `parameter${name}`);
export const PAGES = arn('sns', 'incidents-pages');
export const SECOND_LEVEL = arn('sns', 'incidents-second');
export const CHANNEL_TOPIC = arn('sns', 'incidents-channel');
const NAMES = {
  links: '/matrix/links',
  url: '/matrix/url',
  signing: '/matrix/signing',
  pagerDuty: '/matrix/pagerduty',
};
const BUCKET = 'incidents-archive';
const BUS = 'incidents-bus';

export const config: RuntimeConfig = {
  ...baseConfig,
  name: DEPLOYMENT,
  region: REGION,
  runbooks: { [REMEDIATION]: limits },
  people: { jane: { identities: [] }, john: { identities: [] } },
  reconcileEverySeconds: 5,
  verifyWithinSeconds: 180,
};

/** What the assets carry beside the code, by function. */
const FILES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  archiver: { 'archive.json': { version: 1, deployment: DEPLOYMENT, signingSecretArn: parameter(NAMES.links) } },
  links: {
    'links.json': {
      version: 1,
      deployment: DEPLOYMENT,
      signingSecretArn: parameter(NAMES.links),
      pagerDutySecretArn: parameter(NAMES.pagerDuty),
      takeOverSeconds: 7200,
    },
  },
  notify: {
    'channels.json': {
      version: 1,
      deployment: DEPLOYMENT,
      channels: {
        team: {
          kind: 'webhook',
          perMinute: 100_000,
          urlSecretArn: parameter(NAMES.url),
          signingSecretArn: parameter(NAMES.signing),
          recipient: 'jane',
        },
        topic: { kind: 'sns', perMinute: 100_000, topicArn: CHANNEL_TOPIC },
      },
      routing: [
        { severities: ['P1', 'P2', 'P3', 'P4'], events: ['escalated', 'resolved'], channels: ['team', 'topic'] },
      ],
      links: { signingSecretArn: parameter(NAMES.links), validForSeconds: 3600 },
    },
  },
};

export interface Sites {
  /** The site of a unit's lane. */
  of(unit: string, lane: number): Site;
}

interface SitesOptions {
  /** Part of the functions' and tables' names. */
  readonly name: string;
  readonly lanes: number;
  readonly cases: readonly UnitCase[];
  readonly bug?: Patched;
}

/** What all deployments of one place share. */
export type Surroundings = Awaited<ReturnType<typeof surround>>;

export async function surround(place: Place) {
  const settings = {
    endpoint: place.gateway.upstreamUrl ?? '',
    region: REGION,
    credentials: { accessKeyId: 'matrix', secretAccessKey: 'test' },
  };
  const receiver = await startReceiver();
  place.world.onStop('the receiver of webhooks', () => receiver.close());
  const stepFunctions = createStepFunctions(place.world, place.gateway, {
    lambda: place.lambda,
    events: { publish: async () => ({ id: '' }) },
    waitScale: WAIT_SCALE,
  });
  const sfn = new SFNClient({ ...settings, endpoint: place.gateway.url });
  place.world.onStop('the client of Step Functions', () => sfn.destroy());
  const [sns, events, ssm] = [new SNSClient(settings), new EventBridgeClient(settings), new SSMClient(settings)];
  const secrets = {
    [NAMES.links]: SIGNING_KEY,
    [NAMES.url]: `${receiver.url}/hook`,
    [NAMES.signing]: SIGNING_SECRET,
    [NAMES.pagerDuty]: PAGERDUTY_SECRET,
    '/matrix/routing-key': ROUTING_KEY,
  };
  await Promise.all([
    ...[PAGES, SECOND_LEVEL, CHANNEL_TOPIC].map((topic) =>
      sns.send(new CreateTopicCommand({ Name: topic.split(':').at(-1) })),
    ),
    events.send(new CreateEventBusCommand({ Name: BUS })),
    ...Object.entries(secrets).map(([Name, Value]) =>
      ssm.send(new PutParameterCommand({ Name, Value, Type: 'SecureString' })),
    ),
    fetch(`${place.gateway.upstreamUrl}/${BUCKET}`, { method: 'PUT' }),
  ]);
  for (const client of [sns, events, ssm]) client.destroy();
  const effects = new Effects(place.observer);
  const queue = await makeQueue(place, 'incidents-failures');
  const heartbeat = await heartbeatQueue(place, config.standbyRegion, 'incidents-heartbeat');
  const shared = { asset: DEAF, timeoutSeconds: 10, environment: {}, table: 'none', queue };
  await makeFunction(place, { ...shared, functionName: orderTaker(REMEDIATION) });
  const follower = programOf("exports.handler = async () => ({ next: 'end', seconds: 0 });");
  await makeFunction(place, { ...shared, asset: follower, functionName: FOLLOWER });
  return { place, receiver, stepFunctions, sfn, effects, queue, heartbeat };
}

/** Builds the functions and makes a journal and a lane of functions for each case. */
export async function openSites(around: Surroundings, options: SitesOptions): Promise<Sites> {
  const { place, queue } = around;
  const { name, lanes, cases, bug } = options;
  const { incidentFunctions, jobs, plans } = await discover();
  const isWanted = ({ manifest }: { readonly manifest: { readonly name: string } }) =>
    cases.some(({ unit }) => unit === manifest.name);
  const [units, wantedJobs] = [incidentFunctions.filter(isWanted), jobs.filter(isWanted)];
  const wantedPlans = plans.filter(({ manifest }) => cases.some(({ unit }) => unit === manifest.name));
  const entries = units.map(({ manifest, handler }) => ({
    name: manifest.name,
    handler,
    files: filesOf(manifest.name),
  }));
  const jobEntries = wantedJobs.map(({ manifest, handler }) => ({ name: manifest.name, handler }));
  const assets = await buildAll(entries, config, bug);
  const planEntries = wantedPlans.map(({ manifest, handler }) => ({ name: manifest.name, handler }));
  const jobAssets: Assets[] = [];
  for (let lane = 0; lane < lanes; lane++)
    jobAssets.push(
      new Map([
        ...(await buildAll(jobEntries, laneConfig(name, lane), bug)),
        ...(await buildAll(planEntries, planConfig(name, lane), bug)),
      ]),
    );
  if (jobEntries.length > 0) await makeReaders(around, name, lanes);
  const { sfn } = around;
  const made = new Map<string, Site>();
  const tables = new Set<string>();
  for (const { unit, ownJournal } of cases)
    for (let lane = 0; lane < lanes; lane++) {
      const table = ownJournal ? `${name}-${unit}-${lane}` : `${name}-journal`;
      const functionName = `${name}-${unit}-${lane}`;
      if (!tables.has(table)) await place.clients.journal.send(journalTable(table));
      tables.add(table);
      const machineArn = await makeMachine(sfn, functionName, unit === 'follow-through' ? functionName : FOLLOWER);
      const isJob = [...jobEntries, ...planEntries].some((entry) => entry.name === unit);
      const manifest = [...units, ...wantedJobs, ...wantedPlans].find((each) => each.manifest.name === unit)?.manifest;
      await makeFunction(place, {
        asset: assetOf((isJob ? jobAssets[lane] : undefined) ?? assets, unit),
        functionName,
        timeoutSeconds: manifest?.timeoutSeconds ?? 30,
        environment: environmentOf(around, table, machineArn),
        table,
        queue,
      });
      made.set(`${unit} ${lane}`, {
        place,
        stepFunctions: around.stepFunctions,
        sfn,
        store: new Store(table, place.clients.journal),
        functionName,
        deployment: isJob ? laneName(name, lane) : DEPLOYMENT,
        machineArn,
        effects: around.effects,
        receiver: around.receiver,
        bucketUrl: `${place.gateway.upstreamUrl}/${BUCKET}`,
      });
    }
  return {
    of(unit, lane) {
      const site = made.get(`${unit} ${lane}`);
      if (!site) throw new Error(`no lane ${lane} of ${unit}`);
      return site;
    },
  };
}

/** Where a bug is in none of these functions, it is in others. */
const buildAll = (entries: readonly BundleEntry[], runtime: RuntimeConfig, bug?: Patched): Promise<Assets> =>
  entries.length === 0 ? Promise.resolve(new Map()) : buildAssets(entries, runtime, bug);

/** Under the names by which `verify-backup` knows them. */
async function makeReaders({ place, queue }: Surroundings, name: string, lanes: number): Promise<void> {
  for (let lane = 0; lane < lanes; lane++)
    await makeFunction(place, {
      ...{ asset: programOf(READER), timeoutSeconds: 10, environment: {}, table: 'none', queue },
      functionName: `nightshift-${laneName(name, lane)}-read-backup`,
    });
}

const filesOf = (unit: string): Record<string, string> =>
  Object.fromEntries(Object.entries(FILES[unit] ?? {}).map(([file, content]) => [file, JSON.stringify(content)]));

async function makeMachine(sfn: SFNClient, name: string, functionName: string): Promise<string> {
  const definition = followThroughDefinition({
    functionArn: arn('lambda', `function:${functionName}`),
    pageTopicArn: PAGES,
    deployment: DEPLOYMENT,
  });
  const roleArn = `arn:aws:iam::${ACCOUNT}:role/matrix`;
  const { stateMachineArn = '' } = await sfn.send(
    new CreateStateMachineCommand({ name, roleArn, definition: withWholeTimeouts(JSON.stringify(definition)) }),
  );
  return stateMachineArn;
}

/** What `infra/` gives these functions; each takes what is its own. */
function environmentOf({ place, heartbeat }: Surroundings, table: string, machineArn: string): Record<string, string> {
  return {
    NIGHTSHIFT_PAGE_TOPIC_ARN: PAGES,
    NIGHTSHIFT_LEVEL_TOPIC_ARNS: JSON.stringify({ 2: SECOND_LEVEL }),
    NIGHTSHIFT_FOLLOW_MACHINE_ARN: machineArn,
    NIGHTSHIFT_CANARY_QUEUE: heartbeat,
    NIGHTSHIFT_BUS: BUS,
    NIGHTSHIFT_ARCHIVE_BUCKET: BUCKET,
    NIGHTSHIFT_EXPORT_BUCKET: BUCKET,
    NIGHTSHIFT_LINKS_URL: 'https://links.example.com',
    NIGHTSHIFT_FUNCTIONS: JSON.stringify({ [REMEDIATION]: orderTaker(REMEDIATION) }),
    NIGHTSHIFT_FAILURE_QUEUES: '[]',
    NIGHTSHIFT_STREAM: `arn:aws:dynamodb:${REGION}:${place.world.accountId}:table/${table}/stream/none`,
    NIGHTSHIFT_FOLLOW_FUNCTION: FOLLOWER,
    NIGHTSHIFT_HEARTBEAT_QUEUE: heartbeat,
  };
}
