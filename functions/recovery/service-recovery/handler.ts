/** The AWS side of `service-recovery`: two remediations as steps, the number of tasks, and what a healthy service looks like. */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import * as z from 'zod/mini';
import { readService } from '../../ecs/service.ts';
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
import {
  decideRollForward,
  decideTasks,
  decideTasksBack,
  prove,
  proveTasks,
  rolledForward,
  tasksApplied,
  tasksAreBack,
  tasksOf,
} from './decide.ts';
import { manifest } from './manifest.ts';

const ecs = new ECSClient(clientDefaults());
const cloudwatch = new CloudWatchClient(clientDefaults());
const changes = new ECSClient(changingClientDefaults());

const input = z.strictObject({ service: z.string().check(z.minLength(1), z.maxLength(300)) });
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

/** One re-read lies directly before it. */
async function setTasks({ input: given, config }: StepContext<Input>, change: Change): Promise<ActReport> {
  const { target } = targetOf(given, config);
  const { cluster, service } = target;
  const [before, desiredCount] = [tasksOf(change, 'before'), tasksOf(change, 'after')];
  const live = await readService(ecs, target);
  const found = live.kind === 'missing' ? live.why : `${live.desired} tasks`;
  if (live.kind === 'missing' || live.desired !== before)
    throw new ChangedBySomeoneElseError(`${cluster}/${service}`, `${before} tasks`, found);
  try {
    await changes.send(new UpdateServiceCommand({ cluster, service, desiredCount }));
  } catch (error) {
    throw classifyAwsError(`set the number of tasks of ${cluster}/${service} to ${desiredCount}`, error);
  }
  return { summary: change.summary, data: { before, after: desiredCount } };
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
      observe: observeService,
      decide: (seen: ServiceSeen, context) =>
        decideTasks(seen, targetOf(context.input, context.config).target, healthOfSeen(seen, context)),
      act: setTasks,
      alreadyApplied: tasksApplied,
      verify: (_change, seen, context) => proveTasks(healthOfSeen(seen, context)),
      whenLate: 'go-on',
      compensation: {
        decide: (seen: ServiceSeen, _context, made) => decideTasksBack(seen, made),
        act: setTasks,
        alreadyApplied: tasksApplied,
        verify: tasksAreBack,
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
