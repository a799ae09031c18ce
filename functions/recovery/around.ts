/** What a turn of a run works with, and how a run is written. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JournalEntry } from '../../events/journal.ts';
import type { RuntimeConfig } from '../engine/config.ts';
import { InFlightError } from '../engine/errors.ts';
import type { Labelled, Store } from '../engine/store.ts';
import { readSwitch } from '../engine/switch.ts';
import { entryMaker, putEntry } from '../engine/writes.ts';
import { PlanStepError } from './errors.ts';
import { type RunItem, readRun } from './items.ts';
import type { PlanManifest } from './manifest.ts';
import type { ReadInput, StepCode, StepContext, Targets } from './step.ts';
import { frozen, LEASE_MS, lastChangeAt, resultsOf, thawed } from './transitions.ts';
import { putRun, renewLease } from './writes.ts';

/** A plan with the code of its steps. */
export interface PlanCode<Input> {
  readonly manifest: PlanManifest;
  readonly readInput: ReadInput<Input>;
  /** Pure: the targets that a run takes in hand. */
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

/** While Nightshift is frozen it is looked at again after so long. */
const FROZEN_SECONDS = 60;
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
}

/**
 * Writes what `change` makes of the run; when another step's turn was faster, of the run as it is by then.
 * @returns the run as written.
 * @throws PlanStepError when a lease was lost; InFlightError when others were always faster.
 */
export async function changeRun<Input>(
  around: Around<Input>,
  read: RunItem,
  change: (present: RunItem) => Written,
): Promise<RunItem> {
  const { store, random } = around;
  let present = read;
  for (let tries = 1; tries <= TRIES; tries++) {
    const { next, items = [] } = change(present);
    const renewed = renew(next, around.now());
    const leases = renewed === next ? [] : next.targets.map((target) => renewLease(store.table, renewed, target));
    const result = await store.transact([
      putRun(store.table, { ...renewed, version: present.version }),
      ...leases,
      ...items,
    ]);
    if (result.ok) return { ...renewed, version: present.version + 1 };
    const lost = [...result.failed.keys()].find((label) => label.startsWith('lease '));
    if (lost) throw new PlanStepError(`${read.run}: it no longer has ${lost.slice('lease '.length)} in hand`);
    if (result.failed.has('switch')) throw new InFlightError(`${read.run}: Nightshift was frozen meanwhile`);
    await sleep(random() * 30 * tries);
    present = await mustRead(around, read.run);
  }
  throw new InFlightError(`${read.run}: other turns of this run were faster`);
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
export const contextOf = <Input>({ config, now, remaining }: Around<Input>, run: RunItem): StepContext<Input> => ({
  run: run.run,
  // Checked and written down when the run was opened.
  input: run.input as Input,
  config,
  rehearse: run.rehearse,
  startedAt: run.startedAt,
  lastChangeAt: lastChangeAt(run),
  now,
  remaining,
  results: resultsOf(run),
});

/**
 * A run that Nightshift's switch lets go on, or how long to wait. `freeze` stops what is under way at the next step (invariant I8), and no budget
 * counts the time; `pause` only keeps new runs from beginning.
 */
export async function unlessFrozen<Input>(
  around: Around<Input>,
  run: RunItem,
): Promise<{ readonly kind: 'go-on'; readonly run: RunItem } | { readonly kind: 'wait'; readonly seconds: number }> {
  const isFrozen = (await readSwitch(around.store)) === 'freeze';
  if (isFrozen) {
    if (run.frozenSince === undefined)
      await changeRun(around, run, (present) => ({
        next: frozen(present, around.now()),
        items: entriesOf(around, present, ['note', 'waits: Nightshift is frozen']),
      }));
    else await changeRun(around, run, (present) => ({ next: present }));
    return { kind: 'wait', seconds: FROZEN_SECONDS };
  }
  if (run.frozenSince === undefined) return { kind: 'go-on', run };
  const next = await changeRun(around, run, (present) => ({
    next: thawed(present, around.now()),
    items: entriesOf(around, present, ['note', 'goes on: Nightshift is no longer frozen']),
  }));
  return { kind: 'go-on', run: next };
}
