/** What AWS itself needed for what a run told it to do, seen from outside: so that what a plan adds can be told apart. */
import { DescribeDBInstancesCommand, DescribeDBSnapshotsCommand } from '@aws-sdk/client-rds';
import { type RunItem, stepOf } from '../../../functions/recovery/items.ts';
import { DEMO } from '../../services/seed.ts';
import type { World } from '../../world/world.ts';
import { serviceState } from './service.ts';

const LOOK_EVERY_MS = 200;

/** From when to when, in epoch milliseconds. */
export type Span = readonly [from: number, until: number];

/** How long at least one of the spans lasted: those that overlap count once. */
export function lengthOf(spans: readonly Span[]): number {
  let [sum, reached] = [0, Number.NEGATIVE_INFINITY];
  for (const [from, until] of [...spans].sort(([a], [b]) => a - b)) {
    sum += Math.max(0, until - Math.max(from, reached));
    reached = Math.max(reached, until);
  }
  return sum;
}

/** From a step's beginning to its end; nothing of a step that was left out. */
export function spanOfStep(run: RunItem, step: string): Span[] {
  const { forward } = stepOf(run, step);
  return forward?.endedAt === undefined ? [] : [[forward.beganAt, forward.endedAt]];
}

/** What a step set going: an instance or a snapshot that becomes available, one that goes, a service that gets steady with the tasks that it wants. */
export type Wanted = { readonly available: string } | { readonly gone: string } | { readonly steady: string };

export interface AwsWatch {
  /** From when the step told AWS to do it until it was done, as anybody can see. Nothing of a step that told it nothing. */
  spanOf(run: RunItem, step: string, wanted: Wanted): Span[];
  stop(): void;
}

interface Watched {
  /** Of the demo's cluster, unless another one is named. */
  readonly services: readonly string[];
  readonly cluster?: string;
  /** The world's own, unless another one is named. */
  readonly region?: string;
}

/** Looks at the services, and at all instances and snapshots of the region. */
export function watchAws(
  world: World,
  { services, cluster = DEMO.cluster, region = world.context.region }: Watched,
): AwsWatch {
  /** Moments at which something began to be so. */
  const moments = new Map<string, number[]>();
  let present = new Set<string>();
  let isOver = false;
  const look = async () => {
    const { rds } = world.clients(region);
    const [{ DBInstances = [] }, { DBSnapshots = [] }] = await Promise.all([
      rds.send(new DescribeDBInstancesCommand({})),
      rds.send(new DescribeDBSnapshotsCommand({ SnapshotType: 'manual' })),
    ]);
    const states = await Promise.all(services.map((service) => serviceState(world, service, { cluster, region })));
    const seen = new Set(
      [
        ...DBInstances.map(({ DBInstanceIdentifier: id, DBInstanceStatus: status }) => [id, status] as const),
        ...DBSnapshots.map(({ DBSnapshotIdentifier: id, Status: status }) => [id, status] as const),
      ].flatMap(([id = '', status]) => [
        keyOf({ there: id }),
        ...(status === 'available' ? [keyOf({ available: id })] : []),
      ]),
    );
    for (const [index, { desired, running, steady }] of states.entries())
      if (steady && running === desired) seen.add(keyOf({ steady: services[index] ?? '' }));
    const now = Date.now();
    const note = (key: string) => moments.set(key, [...(moments.get(key) ?? []), now]);
    for (const key of seen) if (!present.has(key)) note(key);
    for (const key of present)
      if (!seen.has(key) && key.startsWith('there ')) note(`gone ${key.slice('there '.length)}`);
    present = seen;
  };
  let isLooking = false;
  const timer = setInterval(async () => {
    if (isOver || isLooking) return;
    isLooking = true;
    await look().catch((error: unknown) => world.context.log('scenario', `watch: ${String(error)}`));
    isLooking = false;
  }, LOOK_EVERY_MS);
  return {
    spanOf(run, step, wanted) {
      const from = stepOf(run, step).forward?.actedAt;
      if (from === undefined) return [];
      const until = moments.get(keyOf(wanted))?.find((at) => at >= from);
      return until === undefined ? [] : [[from, until]];
    },
    stop: () => {
      isOver = true;
      clearInterval(timer);
    },
  };
}

const keyOf = (wanted: Wanted | { readonly there: string }): string => Object.entries(wanted)[0]?.join(' ') ?? '';
