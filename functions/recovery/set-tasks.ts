/** The numbers of tasks of several services at once: what plans that move users set. */
import { type ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { readService } from '../ecs/service.ts';
import type { ServiceConfig } from '../engine/config.ts';
import { ChangedBySomeoneElseError, classifyAwsError } from '../engine/errors.ts';
import type { ActReport } from '../engine/remediation.ts';
import { nameOf } from './rolling.ts';

type Counts = Readonly<Record<string, number>>;
export interface TasksChange {
  readonly summary: string;
  /** By `<cluster>/<service>`. */
  readonly before: Counts;
  readonly after: Counts;
}

export interface EcsOfRegion {
  readonly reading: ECSClient;
  readonly changing: ECSClient;
  /** `leaves-others`: one that has neither number any more is somebody else's, and keeps no other waiting. */
  readonly how: 'compares' | 'leaves-others';
}

/**
 * All services are read again directly before the first is changed: when one is another's by then, none is changed (see `Move.act`). One that has the wanted number already is
 * left alone. @throws ChangedBySomeoneElseError; EngineError.
 */
export async function setTasks(
  services: readonly ServiceConfig[],
  { summary, before, after }: TasksChange,
  { reading, changing, how }: EcsOfRegion,
): Promise<ActReport> {
  const live = await Promise.all(
    services.flatMap((target) => {
      const name = nameOf(target);
      const wanted = after[name];
      return wanted === undefined
        ? []
        : [readDesired(reading, target).then((present) => ({ target, name, wanted, present }))];
    }),
  );
  const toSet = live.filter(({ present, wanted }) => present !== wanted);
  const isForeign = ({ name, present }: (typeof live)[number]) => present === undefined || present !== before[name];
  const foreign = toSet.find(isForeign);
  if (foreign && how === 'compares')
    throw new ChangedBySomeoneElseError(
      ...([foreign.name, `${before[foreign.name]} tasks`, `${foreign.present ?? 'no service'}`] as const),
    );
  for (const { target, name, wanted } of toSet.filter((each) => !isForeign(each)))
    try {
      const { cluster, service } = target;
      await changing.send(new UpdateServiceCommand({ cluster, service, desiredCount: wanted }));
    } catch (error) {
      throw classifyAwsError(`set the number of tasks of ${name} to ${wanted}`, error);
    }
  return { summary, data: { before, after } };
}

async function readDesired(ecs: ECSClient, target: ServiceConfig): Promise<number | undefined> {
  const live = await readService(ecs, target);
  return live.kind === 'service' ? live.desired : undefined;
}
