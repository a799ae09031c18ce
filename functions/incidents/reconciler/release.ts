/** Which of the signals that are due may be judged again now, where many targets wait for the same remediation. */
import type { Signal } from '../../../events/signal.ts';
import { mayChange, type RuntimeConfig } from '../../engine/config.ts';
import { RetryableError } from '../../engine/errors.ts';
import { rollOutKey, type TargetItem, targetKey, type WorkItem } from '../../engine/items.ts';
import { readIncident } from '../../engine/journal-reader.ts';
import type { Labelled, Store } from '../../engine/store.ts';
import { entryMaker, putEntry, putRollOut, removeRollOut } from '../../engine/writes.ts';
import { type Fate, fateOf, planRollOut, type RollOut, type RollOutStep, type Waiting } from './roll-out.ts';

/** Due work that would have its signal judged again, because the alarm still fires. */
export interface Firing {
  readonly work: WorkItem;
  readonly signal: Signal;
}

export interface RollOutSurroundings {
  readonly store: Store;
  readonly config: Pick<
    RuntimeConfig,
    'runbooks' | 'storm' | 'verifyWithinSeconds' | 'handsOffSeconds' | 'reconcileEverySeconds'
  >;
  readonly functions: Readonly<Record<string, string>>;
}

type Kept = RollOut & { readonly version: number };

/**
 * The work that has to wait; the steps of roll-outs are written down before anything is let go.
 * @param failures Gets what one remediation failed with: then nothing of it is let go.
 * @throws EngineError when the journal can't be read.
 */
export async function holdBack(
  around: RollOutSurroundings,
  firing: readonly Firing[],
  now: number,
  failures: unknown[],
): Promise<ReadonlySet<WorkItem>> {
  const { store, config, functions } = around;
  const names = Object.keys(functions).filter((name) => mayChange(config.runbooks[name]?.mode));
  const kept = await store.readAll(names.map(rollOutKey));
  const held = new Set<WorkItem>();
  for (const name of names) {
    const mine = firing.filter(({ work }) => work.remediation === name);
    const present = kept.get(rollOutKey(name).pk) as unknown as Kept | undefined;
    if (!present && new Set(mine.map(({ work }) => work.target)).size <= config.storm.targets) continue;
    try {
      for (const work of await holdBackOf(around, name, mine, present, now)) held.add(work);
    } catch (error) {
      failures.push(error);
      for (const { work } of mine) held.add(work);
    }
  }
  return held;
}

async function holdBackOf(
  around: RollOutSurroundings,
  name: string,
  firing: readonly Firing[],
  present: Kept | undefined,
  now: number,
): Promise<readonly WorkItem[]> {
  const { config } = around;
  const targets = [...new Set(firing.map(({ work }) => work.target)), ...Object.keys(present?.watched ?? {})];
  const items = await around.store.readAll(targets.map(targetKey));
  const itemOf = (target: string) => items.get(targetKey(target).pk) as TargetItem | undefined;
  const waiting = waitingOf(name, firing, itemOf);
  const fates = await fatesOf(around, name, present, itemOf, now);
  const limits = { above: config.storm.targets, stopForMs: config.handsOffSeconds * 1000, now };
  const step = planRollOut(present, waiting, fates, limits);
  await writeStep(around.store, name, present, step, waiting.length, now);
  const mayGo = new Set(step.release.map(({ target }) => target));
  const mustWait = new Set(waiting.map(({ target }) => target).filter((target) => !mayGo.has(target)));
  return firing.filter(({ work }) => mustWait.has(work.target)).map(({ work }) => work);
}

/** Targets with nothing in hand, oldest first: what was changed already in its incident goes on by itself. */
function waitingOf(
  name: string,
  firing: readonly Firing[],
  itemOf: (target: string) => TargetItem | undefined,
): Waiting[] {
  const once = [...new Set(firing.map(({ work }) => work.target))];
  return once.flatMap((target) => {
    const item = itemOf(target);
    if (item?.verifying?.[name] || item?.leaseHolder) return [];
    return [{ target, incidentId: item?.openIncidentId ?? '', openedAt: item?.openedAt ?? 0 }];
  });
}

async function fatesOf(
  { store, config }: RollOutSurroundings,
  name: string,
  present: RollOut | undefined,
  itemOf: (target: string) => TargetItem | undefined,
  now: number,
): Promise<Map<string, Fate>> {
  const fates = new Map<string, Fate>();
  // Long enough for its order to be carried out and judged, even if the next run is what notices.
  const patienceMs = (config.verifyWithinSeconds + 2 * config.reconcileEverySeconds) * 1000;
  for (const [target, released] of Object.entries(present?.watched ?? {})) {
    const incidentId = released.incidentId || itemOf(target)?.openIncidentId;
    const incident = incidentId ? await readIncident(store, incidentId) : undefined;
    fates.set(target, fateOf(incident?.timeline ?? [], name, released, released.at + patienceMs, now));
  }
  return fates;
}

async function writeStep(
  store: Store,
  name: string,
  present: Kept | undefined,
  { next, page }: RollOutStep,
  waits: number,
  now: number,
): Promise<void> {
  if (next === present) return;
  const items: Labelled[] = [
    next
      ? putRollOut(store.table, name, next, present?.version ?? 0)
      : removeRollOut(store.table, name, present?.version ?? 0),
  ];
  if (page) {
    const until = next?.stopped ? new Date(next.stopped.until).toISOString() : '';
    const headline = `roll-out of ${name} stopped: it did not help ${page.target}`;
    const summary = `${headline} (${page.why}). ${waits} other targets wait for it; one of them is tried at ${until}, and earlier only by a person`;
    const entry = entryMaker(page.incidentId, 'reconciler', now)('escalated', summary, { remediation: name, headline });
    items.push(putEntry(store.table, entry));
  }
  const result = await store.transact(items);
  if (!result.ok) throw new RetryableError(`the roll-out of ${name} was changed by another run`);
}
