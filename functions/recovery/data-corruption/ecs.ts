/** The AWS side of stopping and starting writers. */
import { ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { readTasks } from '../../ecs/tasks.ts';
import { changingClientDefaults, clientDefaults } from '../../engine/clients.ts';
import type { ServiceConfig } from '../../engine/config.ts';
import { ChangedBySomeoneElseError, classifyAwsError } from '../../engine/errors.ts';
import type { ActReport, Change } from '../../engine/remediation.ts';
import { readAll } from '../roll-services.ts';
import { nameOf, type SeenService } from '../rolling.ts';
import type { StepContext } from '../step.ts';
import { sizesApplied, unchanged, type Writer, wantedSize } from './writers.ts';

type Around = Pick<StepContext<unknown>, 'config' | 'lastChangeAt'>;

const ecs = new ECSClient(clientDefaults());
const changes = new ECSClient(changingClientDefaults());

/** Of a hundred tasks: of a service whose tasks keep dying many have stopped within ECS's hour, and those that still stop may be on any page. */
const STOPPED_PAGES = 50;

/** @throws EngineError, also when not all tasks could be looked at. */
export async function readWriters(services: readonly ServiceConfig[], context: Around): Promise<Writer[]> {
  const [seen, stopped] = await Promise.all([
    readAll(services, context),
    // "Amazon ECS task lifecycle": a task that is told to stop runs on until it has ended, and its service doesn't count it any more.
    Promise.all(services.map((target) => readTasks(ecs, target, 'STOPPED', STOPPED_PAGES))),
  ]);
  return seen.map((each, index) => ({
    ...each,
    stopping: (stopped[index] ?? []).filter(({ lastStatus }) => lastStatus !== 'STOPPED').length,
  }));
}

/** Stops the services, if nobody has changed one of them since. @throws ChangedBySomeoneElseError; EngineError. */
export async function stopAll(services: readonly ServiceConfig[], context: Around, change: Change): Promise<ActReport> {
  const seen = await readAll(services, context);
  if (sizesApplied(change, seen) === 'unclear')
    throw new ChangedBySomeoneElseError('the numbers of tasks', 'as they were', 'others');
  return setSizes(seen, change);
}

/** Starts those that are still stopped: one that somebody started meanwhile keeps no other waiting. @throws EngineError */
export const startStopped = async (
  services: readonly ServiceConfig[],
  context: Around,
  change: Change,
): Promise<ActReport> => setSizes(await readAll(services, context), change);

/** Each only where it is still the earlier number. */
async function setSizes(seen: readonly SeenService[], change: Change): Promise<ActReport> {
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
