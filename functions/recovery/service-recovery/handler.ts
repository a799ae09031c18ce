/** The AWS side of `service-recovery`: two remediations as steps, what a backup of the configuration has, and what a healthy service looks like. */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import * as z from 'zod/mini';
import { readService } from '../../ecs/service.ts';
import { primaryOf } from '../../ecs/types.ts';
import { changingClientDefaults, clientDefaults } from '../../engine/clients.ts';
import type { RuntimeConfig, ServiceConfig } from '../../engine/config.ts';
import { ActionFailedError, ChangedBySomeoneElseError, classifyAwsError } from '../../engine/errors.ts';
import type { ActReport, Change } from '../../engine/remediation.ts';
import { remediation as restartService } from '../../remediations/restart-service/handler.ts';
import { remediation as rollBackDeployment } from '../../remediations/roll-back-deployment/handler.ts';
import type { PlanCode } from '../around.ts';
import { planHandler } from '../handler.ts';
import { inputBy } from '../read-input.ts';
import { type Health, remediationStep } from '../remediation-step.ts';
import { healthOf, healthSince, readHealth, type ServiceSeen } from '../service-health.ts';
import type { StepContext, Targets } from '../step.ts';
import { readBackedUp } from './backed-up.ts';
import {
  type BackedUp,
  configuredIn,
  decideRestore,
  decideRestoreBack,
  decideRollForward,
  isConfigured,
  prove,
  proveRestore,
  restoreApplied,
  restoredBack,
  rolledForward,
  told,
} from './decide.ts';
import { manifest } from './manifest.ts';

const ecs = new ECSClient(clientDefaults());
const cloudwatch = new CloudWatchClient(clientDefaults());
const changes = new ECSClient(changingClientDefaults());

const input = z.strictObject({
  service: z.string().check(z.minLength(1), z.maxLength(300)),
  before: z.optional(z.iso.datetime({ offset: true })),
});
type Input = z.infer<typeof input>;

const find = ({ service }: Input, { services }: Pick<RuntimeConfig, 'services'>): ServiceConfig | undefined =>
  Object.values(services).find((each) => service === each.name || service === `${each.cluster}/${each.service}`);
const keyOf = ({ cluster, service }: ServiceConfig): string => `ecs-service/${cluster}/${service}`;

/** @throws ActionFailedError when the configuration that is deployed by now doesn't have it any more. */
function targetOf(given: Input, config: RuntimeConfig) {
  const target = find(given, config);
  if (!target) throw new ActionFailedError(`service: "${given.service}" isn't in the configuration any more`);
  return { key: keyOf(target), target };
}

export function targetsOf(given: Input, config: Pick<RuntimeConfig, 'services'>): Targets {
  const target = find(given, config);
  if (target) return { kind: 'targets', targets: [keyOf(target)] };
  const names = Object.keys(config.services).join(', ') || 'none';
  return { kind: 'refused', why: `service: "${given.service}" isn't in the configuration; there are ${names}` };
}

const observe = (target: ServiceConfig, { config, lastChangeAt }: StepContext<Input>): Promise<ServiceSeen> =>
  readHealth({ ecs, cloudwatch }, target, config, lastChangeAt);

const observeService = (context: StepContext<Input>) =>
  observe(targetOf(context.input, context.config).target, context);

interface RestoreSeen extends ServiceSeen {
  readonly backedUp: BackedUp;
}

const UNREAD: BackedUp = { kind: 'none', why: 'no backup was looked at' };

/** The backup is looked at only for a sick service, and only to decide: the way back needs no archive. */
async function observeRestore(context: StepContext<Input>): Promise<RestoreSeen> {
  const { input: given, config, store, startedAt, isDecided } = context;
  const { target } = targetOf(given, config);
  const seen = await observe(target, context);
  const { service } = seen;
  if (isDecided || service.kind === 'missing' || healthNow(seen, target, context).healthy)
    return { ...seen, backedUp: UNREAD };
  // Given where there are backups, and asked only there.
  const bucket = { name: process.env.NIGHTSHIFT_ARCHIVE_BUCKET ?? '', region: config.region };
  const before = given.before === undefined ? startedAt : Date.parse(given.before);
  return { ...seen, backedUp: await readBackedUp({ ecs, store, bucket, config }, service, target, before) };
}

/** One re-read lies directly before it. Only what differs is asked for: a revision that is asked for again might begin a deployment. */
async function putConfigured({ input: given, config }: StepContext<Input>, change: Change): Promise<ActReport> {
  const { target } = targetOf(given, config);
  const { cluster, service } = target;
  const [before, after] = [configuredIn(change, 'before'), configuredIn(change, 'after')];
  const live = await readService(ecs, target);
  if (live.kind === 'missing' || !isConfigured(live, before)) {
    const found = live.kind === 'missing' ? live.why : `${live.desired} tasks of ${primaryOf(live)?.taskDefinition}`;
    throw new ChangedBySomeoneElseError(`${cluster}/${service}`, told(before), found);
  }
  const asked = {
    ...(after.desired !== undefined && after.desired !== before.desired && { desiredCount: after.desired }),
    ...(after.taskDefinition !== before.taskDefinition && { taskDefinition: after.taskDefinition }),
  };
  try {
    await changes.send(new UpdateServiceCommand({ cluster, service, ...asked }));
  } catch (error) {
    throw classifyAwsError(`set ${cluster}/${service} to ${told(after)}`, error);
  }
  return { summary: change.summary, data: { before: { ...before }, after: { ...after } } };
}

const asRemediation = {
  targetOf,
  healthOf: async (target: ServiceConfig, context: StepContext<Input>) =>
    healthNow(await observe(target, context), target, context),
};

const healthNow = (
  seen: ServiceSeen,
  target: ServiceConfig,
  { config, lastChangeAt, now }: StepContext<Input>,
): Health => healthSince(seen, target, { lastChangeAt, now: now(), periodSeconds: config.metricPeriodSeconds });

const healthOfSeen = (seen: ServiceSeen, context: StepContext<Input>): Health =>
  healthNow(seen, targetOf(context.input, context.config).target, context);

export const code: PlanCode<Input> = {
  manifest,
  readInput: inputBy(input),
  targetsOf,
  steps: {
    restart: remediationStep({
      ...{ ...asRemediation, remediation: restartService, whenUnderWay: 'leave', whenLate: 'go-on' },
    }),
    'roll-back': remediationStep({
      ...{ ...asRemediation, remediation: rollBackDeployment, whenUnderWay: 'wait', whenLate: 'go-on' },
      compensation: {
        decide: ({ observation }, _context, made) => decideRollForward(observation, made),
        act: ({ input: given, config, remaining }, change) =>
          rollBackDeployment.act(targetOf(given, config).target, change, remaining, config, async () => {}),
        alreadyApplied: (change, { observation }) => rollBackDeployment.alreadyApplied(change, observation),
        verify: (change, { observation }) => rolledForward(change, observation),
      },
    }),
    'restore-configuration': {
      observe: observeRestore,
      decide: (seen: RestoreSeen, context) =>
        decideRestore(seen, targetOf(context.input, context.config).target, healthOfSeen(seen, context), seen.backedUp),
      act: putConfigured,
      alreadyApplied: restoreApplied,
      verify: (_change, seen, context) => proveRestore(healthOfSeen(seen, context)),
      whenLate: 'go-on',
      compensation: {
        decide: (seen: RestoreSeen, _context, made) => decideRestoreBack(seen, made),
        act: putConfigured,
        alreadyApplied: restoreApplied,
        verify: restoredBack,
      },
    },
    prove: {
      observe: observeService,
      decide: (seen: ServiceSeen, context) =>
        context.rehearse
          ? { kind: 'done', detail: `a rehearsal: ${healthOf(seen).detail}` }
          : prove(healthOfSeen(seen, context)),
      act: () => Promise.reject(new ActionFailedError('prove changes nothing')),
      alreadyApplied: () => 'unclear',
      verify: () => ({ kind: 'bad', detail: 'prove changes nothing' }),
    },
  },
};

export const handler = planHandler(code);
