/** The AWS side of `scale-in-service`. */
import { ApplicationAutoScalingClient } from '@aws-sdk/client-application-auto-scaling';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { readFiring } from '../../ecs/firing.ts';
import { readServiceGuards } from '../../ecs/guards.ts';
import { readScalableTarget } from '../../ecs/scalable.ts';
import { readService } from '../../ecs/service.ts';
import { ofService } from '../../ecs/target.ts';
import { readUsage } from '../../ecs/usage.ts';
import { changingClientDefaults, clientDefaults } from '../../engine/clients.ts';
import type { RuntimeConfig, ServiceConfig } from '../../engine/config.ts';
import { ChangedBySomeoneElseError, classifyAwsError } from '../../engine/errors.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { ActReport, Change, MayGoOn, Remediation } from '../../engine/remediation.ts';
import { afterOf, alreadyApplied, beforeOf, decide, type Observation, verify } from './decide.ts';
import { manifest } from './manifest.ts';

const ecs = new ECSClient(clientDefaults());
const changes = new ECSClient(changingClientDefaults());
const scaling = new ApplicationAutoScalingClient(clientDefaults());
const cloudwatch = new CloudWatchClient(clientDefaults());

async function observe(target: ServiceConfig, config: RuntimeConfig): Promise<Observation> {
  const [service, scalable, usage, firing] = await Promise.all([
    readService(ecs, target),
    readScalableTarget(scaling, target),
    readUsage(cloudwatch, target, config),
    readFiring(cloudwatch, target),
  ]);
  return service.kind === 'missing' ? service : { ...service, autoScaled: scalable !== undefined, ...usage, firing };
}

/** ECS can't compare before it writes, so one re-read comes directly before the change. */
async function act(
  target: ServiceConfig,
  change: Change,
  _remaining: () => number,
  _config: RuntimeConfig,
  mayGoOn: MayGoOn,
): Promise<ActReport> {
  const { cluster, service } = target;
  const [before, after] = [beforeOf(change).desired, afterOf(change).desired];
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
