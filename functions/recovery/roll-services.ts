/** The AWS side of rolling services: what they are like, and new tasks for them. */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { clientDefaults, onceClientDefaults } from '../engine/clients.ts';
import type { ServiceConfig } from '../engine/config.ts';
import { classifyAwsError } from '../engine/errors.ts';
import { sendOnce } from '../engine/send-once.ts';
import { nameOf, type SeenService } from './rolling.ts';
import { readHealth } from './service-health.ts';
import type { StepContext } from './step.ts';

const ecs = new ECSClient(clientDefaults());
const cloudwatch = new CloudWatchClient(clientDefaults());
/** A second forced deployment isn't the first one again: an answer that was lost is never asked for by another call. */
const changes = new ECSClient(onceClientDefaults());

type Around = Pick<StepContext<unknown>, 'config' | 'lastChangeAt'>;

/** @throws EngineError */
export const readAll = (services: readonly ServiceConfig[], { config, lastChangeAt }: Around): Promise<SeenService[]> =>
  Promise.all(
    services.map(async (target) => ({
      target,
      seen: await readHealth({ ecs, cloudwatch }, target, config, lastChangeAt),
    })),
  );

/** @param which names of those whose tasks are to be replaced, by how they are directly before. @returns these. @throws EngineError */
export async function replaceTasksOf(
  services: readonly ServiceConfig[],
  around: Around,
  which: (services: readonly SeenService[]) => string[],
): Promise<string[]> {
  const seen = await readAll(services, around);
  const old = which(seen);
  for (const { target } of seen.filter((each) => old.includes(nameOf(each.target)))) {
    const { cluster, service } = target;
    try {
      await sendOnce(() => changes.send(new UpdateServiceCommand({ cluster, service, forceNewDeployment: true })));
    } catch (error) {
      throw classifyAwsError(`force a new deployment of ${nameOf(target)}`, error);
    }
  }
  return old;
}
