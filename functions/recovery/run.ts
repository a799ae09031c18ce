/**
 * A run of a recovery plan, turn by turn: opened with locks of what it is about and leases on its targets, its steps taken, closed; or backed out
 * (`back-out.ts`). Everything that a turn knows is in the journal, so that a function's death anywhere costs nothing but the turn.
 */
import { isDeepStrictEqual } from 'node:util';
import { ActionFailedError, InFlightError } from '../engine/errors.ts';
import { describeTakeOver, takenOverBy } from '../engine/guard.ts';
import { NEW_TARGET, type TargetItem, targetKey } from '../engine/items.ts';
import { isByIncident, leaseHolderOf, planLockKey, runOfHolder } from '../engine/plan-items.ts';
import type { Json } from '../engine/remediation.ts';
import type { Labelled } from '../engine/store.ts';
import { anyCopy, readSwitch } from '../engine/switch.ts';
import { checkSwitch, newId, putTarget } from '../engine/writes.ts';
import { type Around, changeRun, entriesOf, mustRead, unlessFrozen, type Written } from './around.ts';
import { checkRung, checkWindows, type Given, inHand, tellRung, wakeHeld } from './begin-and-wake.ts';
import { LeaseLostError, PlanBusyError, PlanRefusedError, PlanStepError } from './errors.ts';
import { MAKES_WAY, type RunItem, readRun, stepOf } from './items.ts';
import { takeMove } from './move.ts';
import type { PlanAnswer } from './order.ts';
import { MOST_TARGETS, stagesOf } from './plan.ts';
import { allDone, LEASE_MS, missingBefore, resultsOf } from './transitions.ts';
import { putRun, releaseLease, releaseLock, takeLock } from './writes.ts';

/** Somebody who starts it in the console names nobody. */
const UNKNOWN = 'console';
const LONGEST_NAME = 100;

function givenOf(input: unknown): Given {
  const fields = typeof input === 'object' && input !== null && !Array.isArray(input) ? { ...input } : {};
  const { rehearse = false, startedBy = UNKNOWN, ...rest } = fields as Record<string, unknown>;
  if (typeof rehearse !== 'boolean') throw new PlanRefusedError('rehearse: expected true or false');
  return { rehearse, startedBy: String(startedBy).slice(0, LONGEST_NAME), input: rest };
}

/**
 * Opens a run: input, switch, lock and targets are checked, and taken in one transaction. Delivered again it finds its own run.
 * @throws PlanRefusedError with the reason, which is kept with the run; nothing was begun.
 */
export async function open<Input>(around: Around<Input>, run: string, given: unknown): Promise<PlanAnswer> {
  const { code, store } = around;
  try {
    const found = await readRun(store, code.manifest.name, run);
    return found ? reopened(around, found, givenOf(given)) : await beginOnce(around, run, given);
  } catch (error) {
    if (error instanceof PlanRefusedError) await tellRung(around, givenOf(given));
    throw error;
  }
}

async function beginOnce<Input>(around: Around<Input>, run: string, given: unknown): Promise<PlanAnswer> {
  const { code, store } = around;
  try {
    return await begin(around, run, givenOf(given));
  } catch (error) {
    if (!(error instanceof PlanRefusedError)) throw error;
    // Delivered twice at once, it finds in its way what the other delivery took for the same run.
    const other = await readRun(store, code.manifest.name, run);
    if (other) return reopened(around, other, givenOf(given));
    if (await keepRefusal(around, run, error)) throw error;
    return reopened(around, await mustRead(around, run), givenOf(given));
  }
}

/** An execution that takes up an unfinished run goes on with it, or backs it out. With other input it means another run. */
function reopened<Input>({ code }: Around<Input>, item: RunItem, given: Given): PlanAnswer {
  const { run, phase, verdict, why = '' } = item;
  if (verdict === 'refused') throw item.passes ? new PlanBusyError(why) : new PlanRefusedError(why);
  const bringsNothing = Object.keys(given.input).length === 0 && !given.rehearse;
  if (!bringsNothing && !isSameInput(code, item, given))
    throw new PlanRefusedError(`${run} was started with other input: give this one a name of its own`);
  if (phase === 'backing-out') throw new PlanStepError(`${run} is being backed out`);
  return { kind: 'done' };
}

/** By what the plan makes of it, which is what the run keeps. */
function isSameInput<Input>(code: Around<Input>['code'], { input, rehearse }: RunItem, given: Given): boolean {
  const parsed = code.readInput(given.input);
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
  return parsed.ok && given.rehearse === rehearse && isDeepStrictEqual(plain(parsed.input), plain(input));
}

async function begin<Input>(around: Around<Input>, run: string, given: Given) {
  const { rehearse, startedBy, input: raw } = given;
  const { code, store, config, now, random } = around;
  const parsed = code.readInput(raw);
  if (!parsed.ok) throw new PlanRefusedError(`its input is wrong: ${parsed.faults}`);
  const taken = code.targetsOf(parsed.input, config);
  if (taken.kind === 'refused') throw new PlanRefusedError(taken.why);
  const { manifest } = code;
  const [count, most] = [taken.targets.length, MOST_TARGETS];
  if (count > most)
    throw new PlanRefusedError(
      `it would take ${count} targets in hand, and a run can take ${most} at most: recover them by hand, or in parts`,
    );
  if (isByIncident(startedBy)) await checkRung(around, { run, startedBy }, taken.targets);
  checkWindows(around, given, taken.targets);
  const item = newRun(around, run, { rehearse, startedBy, input: parsed.input as Json }, taken.targets);
  const lockKeys = item.about.map((thing) => planLockKey(item, thing));
  const [state, ...locks] = await Promise.all([readSwitch(store), ...lockKeys.map((key) => store.read(key))]);
  const held = locks.find((lock) => lock && lock.run !== run);
  if (held) throw new PlanBusyError(underWay(held));
  if (state !== 'run') throw new PlanBusyError(`Nightshift is set to ${state}`);
  const real = rehearse ? await realRunAbout(around, item) : undefined;
  if (real !== undefined) throw new PlanBusyError(real);
  const title = `${rehearse ? 'Rehearsal of ' : ''}${manifest.name}${item.about.length > 0 ? ` for ${item.about.join(', ')}` : ''}`;
  const result = await store.transact([
    putRun(store.table, item),
    ...item.about.map((thing) => takeLock(store.table, item, thing)),
    checkSwitch(store.table, anyCopy(random)),
    ...(await leases(around, item)),
    ...entriesOf(
      around,
      item,
      [
        'opened',
        title,
        { title, target: `plan/${manifest.name}`, severity: rehearse ? 'P4' : manifest.severity, input: parsed.input },
      ],
      [
        'note',
        `started by ${startedBy.replace(/^person:/, '')}: ${stagesOf(manifest)
          .map((stage) => stage.map(({ name }) => name).join(' and '))
          .join(', then ')}`,
        { startedBy, targets: item.targets },
      ],
    ),
  ]);
  if (result.ok) return { kind: 'done' } as const;
  // An earlier try of this very transaction took effect though its answer was lost.
  if (result.failed.has('run')) return reopened(around, await mustRead(around, run), given);
  const [, other] = [...result.failed].find(([label]) => label.startsWith('lock ')) ?? [];
  if (other) throw new PlanBusyError(underWay(other));
  if (result.failed.has('switch')) throw new PlanBusyError('Nightshift was paused meanwhile');
  const target = [...result.failed.keys()].find((label) => label.startsWith('target'));
  const moved = `${target ? taken.targets.join(', ') : 'the journal'} changed meanwhile`;
  // Nobody waits beside a run that an incident started: the state machine asks again.
  if (isByIncident(startedBy)) throw new InFlightError(moved);
  throw new PlanBusyError(`${moved} (${now()}): start it again`);
}

const underWay = (lock: Record<string, unknown>): string =>
  `another run of this plan is under way: ${String(lock.run)}`;

/** Of a rehearsal: what it makes way for. A run of whichever plan that has in hand what it is about; undefined: none has. */
async function realRunAbout<Input>({ store }: Around<Input>, { about }: RunItem): Promise<string | undefined> {
  const read = await store.readAll(about.map(targetKey));
  for (const target of about) {
    const real = runOfHolder((read.get(targetKey(target).pk) as TargetItem | undefined)?.leaseHolder);
    if (real !== undefined) return `${target}: the run ${real} of a recovery plan has it in hand`;
  }
  return undefined;
}

/** A rehearsal keeps nobody waiting: it is taken back as if a person had stopped it. @throws PlanStepError when a real run began. */
async function makeWay<Input>(around: Around<Input>, read: RunItem): Promise<void> {
  const reason = await realRunAbout(around, read);
  if (reason === undefined) return;
  await changeRun(around, read, (present) => ({
    next: present.stop ? present : { ...present, stop: { by: MAKES_WAY, at: around.now(), reason } },
  }));
  throw new PlanStepError(`it makes way: ${reason}`);
}

function newRun<Input>(
  { code, now }: Around<Input>,
  run: string,
  { input, rehearse, startedBy }: { readonly input: Json; readonly rehearse: boolean; readonly startedBy: string },
  about: readonly string[],
): RunItem {
  const startedAt = now();
  return {
    ...{ plan: code.manifest.name, run, version: 0, phase: 'working', input, rehearse, startedBy, startedAt },
    ...{ incidentId: `inc-${newId(startedAt)}`, targets: rehearse ? [] : about, about },
    ...{ leasedUntil: startedAt + LEASE_MS, steps: {}, frozenMs: 0 },
  };
}

/** One hand at a time on one target (invariant I2): its remediations wait while the plan has it. */
async function leases<Input>({ store, now }: Around<Input>, item: RunItem): Promise<Labelled[]> {
  const read = await store.readAll(item.targets.map(targetKey));
  return item.targets.map((target) => {
    const present = { ...NEW_TARGET, ...(read.get(targetKey(target).pk) as TargetItem | undefined) };
    const owner = takenOverBy(present, now());
    if (owner) throw new PlanBusyError(`${target}: ${describeTakeOver(owner)}`);
    const other = runOfHolder(present.leaseHolder);
    if (other !== undefined)
      throw new PlanBusyError(`${target}: the run ${other} of a recovery plan has it in hand: wait for it, or stop it`);
    if (present.leaseHolder !== undefined && isByIncident(item.startedBy)) throw inHand(target, present.leaseHolder);
    if (present.leaseHolder !== undefined)
      throw new PlanBusyError(`${target}: ${present.leaseHolder} has it in hand: try again in a moment`);
    const held = { ...present, leaseHolder: leaseHolderOf(item.run), leaseUntil: item.leasedUntil };
    return putTarget(store.table, target, present.version, held, { now: now() });
  });
}

/** So that whoever started it is told why. @returns false when another delivery has opened the run, or refused it, since it was looked for. */
async function keepRefusal<Input>(around: Around<Input>, run: string, error: PlanRefusedError): Promise<boolean> {
  const why = error.message;
  const { store, now } = around;
  const { incidentId: _none, ...blank } = newRun(around, run, { input: null, rehearse: false, startedBy: UNKNOWN }, []);
  const refused: RunItem = {
    ...{ ...blank, incidentId: '', phase: 'ended', verdict: 'refused', why, summary: why, endedAt: now() },
    ...(error instanceof PlanBusyError && { passes: true }),
  };
  return (await store.transact([putRun(store.table, refused)])).ok;
}

/**
 * Takes a turn of a step.
 * @throws PlanStepError when it failed, or the run is to be stopped: the state machine then backs out.
 */
export async function step<Input>(around: Around<Input>, runName: string, name: string): Promise<PlanAnswer> {
  const { manifest } = around.code;
  const planned = manifest.steps.find((each) => each.name === name);
  if (!planned) throw new PlanStepError(`${manifest.name} has no step ${name}: deploy again`);
  const read = await mustRead(around, runName);
  if (stepOf(read, name).status === 'done' && read.phase === 'working') return { kind: 'done' };
  if (read.phase !== 'working') throw new PlanStepError(`${runName} is ${read.phase}`);
  if (read.stop) throw new PlanStepError(`stopped by ${read.stop.by.replace(/^person:/, '')}: ${read.stop.reason}`);
  if (read.rehearse) await makeWay(around, read);
  const missing = missingBefore(manifest, read, name);
  if (missing.length > 0) throw new PlanStepError(`${name} comes after ${missing.join(', ')}`);
  const may = await unlessFrozen(around, read);
  if (may.kind === 'wait') return may;
  const result = await takeMove(around, may.run, planned, 'forward');
  if (result.kind === 'wait') return { kind: 'wait', seconds: result.seconds };
  if (result.kind === 'failed') throw new PlanStepError(`${name}: ${result.reason}`);
  return { kind: 'done' };
}

/**
 * Ends a run whose steps are all done: lock and leases are given back, the incident is over.
 * @throws ActionFailedError when a step isn't done.
 */
export async function close<Input>(around: Around<Input>, runName: string): Promise<PlanAnswer> {
  const { manifest } = around.code;
  const read = await mustRead(around, runName);
  if (read.phase === 'ended') return { kind: 'done' };
  if (read.phase !== 'working') throw new ActionFailedError(`${runName} is ${read.phase}`);
  if (!allDone(manifest, read)) throw new ActionFailedError(`${runName}: not every step is done`);
  const endedAt = around.now();
  const seconds = ((endedAt - read.startedAt - read.frozenMs) / 1000).toFixed(1);
  const last = manifest.steps.map(({ name }) => stepOf(read, name).forward?.note ?? '').at(-1);
  const summary = `${read.rehearse ? 'rehearsed' : 'recovered'} in ${seconds} s (target ${manifest.targets.recoveryTimeSeconds} s): ${last}`;
  await endRun(around, read, (present, held) => {
    if (present.phase !== 'working') throw new InFlightError(`${runName}: it is ${present.phase} by now`);
    const verdict = present.rehearse ? 'rehearsed' : 'recovered';
    return {
      next: { ...present, phase: 'ended', endedAt, verdict, summary, figures: ledgerOf(around, present, endedAt) },
      items: [
        ...giveBack(around, present, held),
        ...entriesOf(around, present, [
          'resolved',
          summary,
          { recovery: figuresOf(around, present, endedAt, verdict) },
        ]),
      ],
    };
  });
  await wakeHeld(around, read);
  return { kind: 'done' };
}

/** @param held the targets that the run still has in hand. */
export const giveBack = <Input>(
  { store }: Around<Input>,
  run: RunItem,
  held: readonly string[],
  handsOffUntil?: number,
): Labelled[] => [
  ...run.about.map((thing) => releaseLock(store.table, run, thing)),
  ...held.map((target) => releaseLease(store.table, run, target, handsOffUntil)),
];

const TRIES_TO_END = 3;

/** Ends a run, also when somebody else has one of its targets by now: a run that can't end would keep its lock for ever. */
export async function endRun<Input>(
  around: Around<Input>,
  read: RunItem,
  change: (present: RunItem, held: readonly string[]) => Written,
): Promise<RunItem> {
  for (let tries = 1; ; tries++) {
    const targets = await around.store.readAll(read.targets.map(targetKey));
    const held = read.targets.filter(
      (each) => targets.get(targetKey(each).pk)?.leaseHolder === leaseHolderOf(read.run),
    );
    try {
      return await changeRun(around, read, (present) => change(present, held));
    } catch (error) {
      // It was lost between the look and the write.
      if (!(error instanceof LeaseLostError) || tries === TRIES_TO_END) throw error;
    }
  }
}

/** How it ended and the steps against their budgets, for the report: a run that failed may have been quick. */
export const figuresOf = <Input>(
  around: Around<Input>,
  run: RunItem,
  endedAt: number,
  verdict: NonNullable<RunItem['verdict']>,
) => ({
  run: run.run,
  verdict,
  ...ledgerOf(around, run, endedAt),
  steps: around.code.manifest.steps.map(({ name, budgetSeconds }) => {
    const { status, forward } = stepOf(run, name);
    return {
      ...{ name, status, budgetMs: budgetSeconds * 1000 },
      ...(forward && { fromMs: forward.beganAt - run.startedAt, note: forward.note ?? '' }),
      ...(forward?.endedAt !== undefined && { tookMs: forward.endedAt - forward.beganAt }),
    };
  }),
});

/** What the ledger keeps of it. */
export const ledgerOf = <Input>(
  { code: { manifest } }: Around<Input>,
  run: RunItem,
  endedAt: number,
): NonNullable<RunItem['figures']> => ({
  recoveryTimeMs: endedAt - run.startedAt,
  frozenMs: run.frozenMs,
  targetRecoveryTimeMs: manifest.targets.recoveryTimeSeconds * 1000,
  ...lossOf(run, manifest.targets.dataLossSeconds),
});

/**
 * A step that knows up to when rows were saved leaves `recoveryPointAt` (epoch milliseconds; null: unknown), one that knows when the last were written to what is left behind
 * `writtenUntil`; without that, the start of the run. Nothing is said of plans that lose none.
 */
function lossOf(run: RunItem, targetSeconds: number) {
  const results = Object.values(resultsOf(run)) as {
    readonly recoveryPointAt?: number | null;
    readonly writtenUntil?: number;
  }[];
  const found = results.find((each) => each !== null && typeof each === 'object' && 'recoveryPointAt' in each);
  if (!found) return {};
  const { recoveryPointAt } = found;
  const until = results.find((each) => each?.writtenUntil !== undefined)?.writtenUntil ?? run.startedAt;
  return {
    dataLossMs: typeof recoveryPointAt === 'number' ? Math.max(0, until - recoveryPointAt) : null,
    targetDataLossMs: targetSeconds * 1000,
  };
}
