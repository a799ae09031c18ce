/** The AWS side of `restart-service`: a forced deployment of the revision that runs. */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { readServiceGuards, tasksOf } from '../../ecs/guards.ts';
import { readService } from '../../ecs/service.ts';
import { ofService } from '../../ecs/target.ts';
import { primaryOf, shortName } from '../../ecs/types.ts';
import { clientDefaults, onceClientDefaults } from '../../engine/clients.ts';
import type { ServiceConfig } from '../../engine/config.ts';
import { ChangedBySomeoneElseError, classifyAwsError } from '../../engine/errors.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { ActReport, Change, Remediation } from '../../engine/remediation.ts';
import { sendOnce } from '../../engine/send-once.ts';
import { alreadyApplied, decide, type Observation, rolloutOf, verify } from './decide.ts';
import { manifest } from './manifest.ts';

const ecs = new ECSClient(clientDefaults());
const cloudwatch = new CloudWatchClient(clientDefaults());
/** A second forced deployment isn't the first one again: an answer that was lost is never asked for by another call. */
const changes = new ECSClient(onceClientDefaults());

async function act(target: ServiceConfig, change: Change): Promise<ActReport> {
  const before = rolloutOf(change);
  const { cluster, service } = target;
  const live = await readService(ecs, target);
  const primary = live.kind === 'missing' ? undefined : primaryOf(live);
  if (primary?.id !== before.deploymentId) {
    const found = primary ? `${shortName(primary.taskDefinition)} in ${primary.id}` : 'no such service';
    const expected = `${shortName(before.taskDefinition)} in ${before.deploymentId}`;
    throw new ChangedBySomeoneElseError(`${cluster}/${service}`, expected, found);
  }
  try {
    await sendOnce(() => changes.send(new UpdateServiceCommand({ cluster, service, forceNewDeployment: true })));
  } catch (error) {
    throw classifyAwsError(`force a new deployment of ${cluster}/${service}`, error);
  }
  return {
    summary: `forced a new deployment of ${cluster}/${service}, of ${shortName(before.taskDefinition)}`,
    data: { taskDefinition: before.taskDefinition, deploymentBefore: before.deploymentId },
  };
}

export const remediation: Remediation<ServiceConfig, Observation> = {
  manifest,
  // New tasks of a service whose database is in trouble would be no better, and connect anew all at once.
  ...ofService,
  observe: (target) => readService(ecs, target),
  decide,
  act,
  alreadyApplied,
  verify,
  guards: tasksOf,
  readGuards: (target, config, since) => readServiceGuards(cloudwatch, target, config, since),
};

export const handler = remediationHandler(remediation);
