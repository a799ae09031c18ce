/** The AWS side of stopping and starting writers. */
import { ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { readTasks } from '../../ecs/tasks.ts';
import { changingClientDefaults, clientDefaults } from '../../engine/clients.ts';
import type { ServiceConfig } from '../../engine/config.ts';
import { ChangedBySomeoneElseError, classifyAwsError } from '../../engine/errors.ts';
import type { ActReport, Change } from '../../engine/remediation.ts';
import { readAll } from '../roll-services.ts';
import { nameOf } from '../rolling.ts';
import type { StepContext } from '../step.ts';
import { sizesApplied, unchanged, type Writer, wantedSize } from './writers.ts';

const ecs = new ECSClient(clientDefaults());
const changes = new ECSClient(changingClientDefaults());

/** @throws EngineError */
export async function readWriters(
  services: readonly ServiceConfig[],
  context: Pick<StepContext<unknown>, 'config' | 'lastChangeAt'>,
): Promise<Writer[]> {
  const [seen, stopped] = await Promise.all([
    readAll(services, context),
    // "Amazon ECS task lifecycle": a task that is told to stop runs on until it has ended, and its service doesn't count it any more.
    Promise.all(services.map((target) => readTasks(ecs, target, 'STOPPED'))),
  ]);
  return seen.map((each, index) => ({
    ...each,
    stopping: (stopped[index] ?? []).filter(({ lastStatus }) => lastStatus !== 'STOPPED').length,
  }));
}

/** Sets the recorded numbers, each only where it is still the earlier one. @throws ChangedBySomeoneElseError; EngineError. */
export async function setSizes(
  services: readonly ServiceConfig[],
  context: Pick<StepContext<unknown>, 'config' | 'lastChangeAt'>,
  change: Change,
): Promise<ActReport> {
  const seen = await readAll(services, context);
  if (sizesApplied(change, seen) === 'unclear')
    throw new ChangedBySomeoneElseError('the numbers of tasks', 'as they were', 'others');
  for (const { target } of unchanged(change, seen)) {
    const { cluster, service } = target;
    const desiredCount = wantedSize(change, nameOf(target));
    try {
      await changes.send(new UpdateServiceCommand({ cluster, service, desiredCount }));
    } catch (error) {
      throw classifyAwsError(`set ${nameOf(target)} to ${desiredCount} tasks`, error);
    }
  }
  return { summary: `told ECS to ${change.summary}`, data: {} };
}
