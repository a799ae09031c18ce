/** The AWS side of `scale-in-service`. */
import { ApplicationAutoScalingClient } from '@aws-sdk/client-application-auto-scaling';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { readFiring } from '../../ecs/firing.ts';
import { readServiceGuards } from '../../ecs/guards.ts';
import { readScalableTarget } from '../../ecs/scalable.ts';
import { readService } from '../../ecs/service.ts';
import { ofService } from '../../ecs/target.ts';
import { peakLoad, readUsage } from '../../ecs/usage.ts';
import { CHANGING_CALL_BUDGET_MS, changingClientDefaults, clientDefaults } from '../../engine/clients.ts';
import type { RuntimeConfig, ServiceConfig } from '../../engine/config.ts';
import { ChangedBySomeoneElseError, classifyAwsError, OutOfTimeError } from '../../engine/errors.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { ActReport, Change, MayGoOn, RemainingMs, Remediation } from '../../engine/remediation.ts';
import { afterOf, alreadyApplied, beforeOf, decide, type Observation, verify, whyNotNow } from './decide.ts';
import { manifest } from './manifest.ts';

const ecs = new ECSClient(clientDefaults());
const changes = new ECSClient(changingClientDefaults());
const scaling = new ApplicationAutoScalingClient(clientDefaults());
const cloudwatch = new CloudWatchClient(clientDefaults());

async function observe(target: ServiceConfig, config: RuntimeConfig): Promise<Observation> {
  const [service, scalable, { periods, ...usage }, firing] = await Promise.all([
    readService(ecs, target),
    readScalableTarget(scaling, target),
    readUsage(cloudwatch, target, config),
    readFiring(cloudwatch, target),
  ]);
  if (service.kind === 'missing') return service;
  return {
    ...{ ...service, autoScaled: scalable !== undefined, ...usage, firing },
    peakLoad: peakLoad(periods, service.running),
  };
}

/**
 * ECS can't compare before it writes, so all is looked at and judged once more directly before tasks are taken away: an intent that is taken up after a
 * death is minutes old. What is only put back waits for no judgement.
 */
async function act(
  target: ServiceConfig,
  change: Change,
  remaining: RemainingMs,
  config: RuntimeConfig,
  mayGoOn: MayGoOn,
): Promise<ActReport> {
  const { cluster, service } = target;
  const [before, after] = [beforeOf(change).desired, afterOf(change).desired];
  const why = after < before ? whyNotNow(target, change, await observe(target, config)) : undefined;
  if (why)
    throw new ChangedBySomeoneElseError(
      `${cluster}/${service}`,
      `that ${after} of its ${before} tasks are enough`,
      why,
      'that was some time ago',
    );
  if (remaining() < CHANGING_CALL_BUDGET_MS)
    throw new OutOfTimeError(`${cluster}/${service}: ${remaining()} ms left, too little to finish the change`);
  const [live] = await Promise.all([readService(ecs, target), mayGoOn()]);
  if (live.kind === 'missing' || live.desired !== before) {
    const found = live.kind === 'missing' ? live.why : `${live.desired} tasks`;
    throw new ChangedBySomeoneElseError(`${cluster}/${service}`, `${before} tasks`, found);
  }
  const what = `set desired count of ${cluster}/${service} to ${after}`;
  try {
    await changes.send(new UpdateServiceCommand({ cluster, service, desiredCount: after }));
  } catch (error) {
    throw classifyAwsError(what, error);
  }
  return { summary: `${what} (was ${before})`, data: { before, after } };
}

export const remediation: Remediation<ServiceConfig, Observation> = {
  manifest,
  ...ofService,
  observe,
  decide,
  act,
  alreadyApplied,
  verify,
  readGuards: (target, config, since) => readServiceGuards(cloudwatch, target, config, since),
};

export const handler = remediationHandler(remediation);
