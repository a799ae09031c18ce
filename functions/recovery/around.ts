/** What a turn of a run works with, and how a run is written. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JournalEntry } from '../../events/journal.ts';
import type { RuntimeConfig } from '../engine/config.ts';
import type { Echo } from '../engine/echo.ts';
import { InFlightError } from '../engine/errors.ts';
import { describeTakeOver, takenOverBy } from '../engine/guard.ts';
import { type TargetItem, targetKey } from '../engine/items.ts';
import { leaseHolderOf } from '../engine/plan-items.ts';
import type { Labelled, Store } from '../engine/store.ts';
import { readSwitch } from '../engine/switch.ts';
import { entryMaker, putEntry } from '../engine/writes.ts';
import { LeaseLostError, PlanStepError } from './errors.ts';
import { type RunItem, readRun } from './items.ts';
import type { PlanManifest } from './manifest.ts';
import type { ReadInput, StepCode, StepContext, Targets } from './step.ts';
import { frozen, frozenWaitSeconds, LEASE_MS, lastChangeAt, resultsOf, thawed } from './transitions.ts';
import { putRun, renewLease, renewToChange } from './writes.ts';

/** A plan with the code of its steps. */
export interface PlanCode<Input> {
  readonly manifest: PlanManifest;
  readonly readInput: ReadInput<Input>;
  /** Pure: the targets that a real run takes in hand, and that a rehearsal is about, which takes none. */
  targetsOf(input: Input, config: RuntimeConfig): Targets;
  /** By the name of each step. What each sees is its own. */
  // biome-ignore lint/suspicious/noExplicitAny: what a step sees is only ever given back to that step.
  readonly steps: Readonly<Record<string, StepCode<Input, any>>>;
}

export interface Around<Input> {
  readonly code: PlanCode<Input>;
  readonly store: Store;
  readonly config: RuntimeConfig;
  readonly now: () => number;
  readonly random: () => number;
  /** Lambda's request id: the same on every retry of one invocation. */
  readonly requestId: string;
  readonly remaining: () => number;
}

const TRIES = 10;

/** @throws PlanStepError when there is no such run. */
export async function mustRead<Input>({ store, code }: Around<Input>, run: string): Promise<RunItem> {
  const found = await readRun(store, code.manifest.name, run);
  if (!found) throw new PlanStepError(`${run}: the journal has no such run`);
  return found;
}

export interface Written {
  readonly next: RunItem;
  readonly items?: readonly Labelled[];
  /** A change is about to be made: only while the run has its targets in hand, and no person does. */
  readonly toChange?: boolean;
  /** What that change may have AWS tell by itself: it is no news of its targets. */
  readonly echoes?: readonly Echo[];
  /** `next` says itself until when the leases hold. */
  readonly renews?: boolean;
}

/**
 * Writes what `change` makes of the run; when another step's turn was faster, of the run as it is by then.
 * @returns the run as written.
 * @throws LeaseLostError; InFlightError when the run is over by then, a person has a target that is to be changed, or others were always faster.
 */
export async function changeRun<Input>(
  around: Around<Input>,
  read: RunItem,
  change: (present: RunItem) => Written,
): Promise<RunItem> {
  const { store, random } = around;
  let present = read;
  for (let tries = 1; tries <= TRIES; tries++) {
    if (present.phase === 'ended') throw new InFlightError(`${read.run}: it ended meanwhile`);
    const { next, items = [], toChange = false, echoes = [], renews = false } = change(present);
    const now = around.now();
    const renewed = renew(next, now);
    const leases = toChange
      ? next.targets.map((target) => renewToChange(store.table, renewed, target, now, echoes))
      : renewed === next && !renews
        ? []
        : next.targets.map((target) => renewLease(store.table, renewed, target));
    const result = await store.transact([
      putRun(store.table, { ...renewed, version: present.version }),
      ...leases,
      ...items,
    ]);
    if (result.ok) return { ...renewed, version: present.version + 1 };
    const refused = [...result.failed.keys()].find((label) => label.startsWith('lease '));
    // Not while the run itself is another one by now: whoever ended it gave its leases back.
    if (refused && !result.failed.has('run')) throw await refusedLease(around, present, refused.slice('lease '.length));
    if (result.failed.has('switch')) throw new InFlightError(`${read.run}: Nightshift was frozen meanwhile`);
    await sleep(random() * 30 * tries);
    present = await mustRead(around, read.run);
  }
  throw new InFlightError(`${read.run}: other turns of this run were faster`);
}

async function refusedLease<Input>({ store, now }: Around<Input>, { run }: RunItem, target: string) {
  const held = (await store.read(targetKey(target))) as TargetItem | undefined;
  const owner = held && takenOverBy(held, now());
  if (owner && held.leaseHolder === leaseHolderOf(run))
    return new InFlightError(`${target}: ${describeTakeOver(owner)}`);
  return new LeaseLostError(`${run}: it no longer has ${target} in hand`);
}

/** Leases are renewed before a third of their time is over; a run that has ended gives them back instead. */
function renew(run: RunItem, now: number): RunItem {
  if (run.phase === 'ended' || run.leasedUntil - now > (LEASE_MS * 2) / 3) return run;
  return { ...run, leasedUntil: now + LEASE_MS };
}

export const entriesOf = <Input>(around: Around<Input>, run: RunItem, ...lines: Line[]): Labelled[] =>
  lines.map((line) => putEntry(around.store.table, entryFor(around, run, line)));

type Line = readonly [kind: JournalEntry['kind'], summary: string, data?: Readonly<Record<string, unknown>>];

function entryFor<Input>({ code, now }: Around<Input>, { incidentId, run }: RunItem, [kind, summary, data]: Line) {
  const { name } = code.manifest;
  return entryMaker(incidentId, name, now())(kind, summary, { remediation: name, run, ...data });
}

/** What a step is given. */
export const contextOf = <Input>(
  { config, store, now, remaining }: Around<Input>,
  run: RunItem,
): StepContext<Input> => ({
  run: run.run,
  // Checked and written down when the run was opened.
  input: run.input as Input,
  config,
  store,
  rehearse: run.rehearse,
  startedAt: run.startedAt,
  lastChangeAt: lastChangeAt(run),
  now,
  remaining,
  results: resultsOf(run),
});

/**
 * A run that may go on, or how long to wait. `freeze` stops what is under way at the next step (invariant I8), and so does a person who takes one
 * of its targets over; no budget counts the time. `pause` only keeps new runs from beginning.
 */
export async function unlessFrozen<Input>(
  around: Around<Input>,
  run: RunItem,
): Promise<{ readonly kind: 'go-on'; readonly run: RunItem } | { readonly kind: 'wait'; readonly seconds: number }> {
  const why = await whyWait(around, run);
  if (why !== undefined) {
    const seconds = frozenWaitSeconds(run, around.now());
    await changeRun(around, run, (present) => ({
      // The leases outlast the wait.
      next: { ...frozen(present, around.now()), leasedUntil: around.now() + seconds * 1000 + LEASE_MS },
      items: present.frozenSince === undefined ? entriesOf(around, present, ['note', `waits: ${why}`]) : [],
      renews: true,
    }));
    return { kind: 'wait', seconds };
  }
  if (run.frozenSince === undefined) return { kind: 'go-on', run };
  const next = await changeRun(around, run, (present) => ({
    next: thawed(present, around.now()),
    items: entriesOf(around, present, ['note', 'goes on: what it waited for is over']),
  }));
  return { kind: 'go-on', run: next };
}

async function whyWait<Input>({ store, now }: Around<Input>, { targets }: RunItem): Promise<string | undefined> {
  const [state, read] = await Promise.all([readSwitch(store), store.readAll(targets.map(targetKey))]);
  if (state === 'freeze') return 'Nightshift is frozen';
  for (const target of targets) {
    const owner = takenOverBy((read.get(targetKey(target).pk) ?? {}) as Partial<TargetItem> as TargetItem, now());
    if (owner) return `${target}: ${describeTakeOver(owner)}`;
  }
  return undefined;
}
