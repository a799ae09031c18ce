/** What must hold for every state machine of ours, read from its definition (Amazon States Language, JSONata; no Map yet). Pure. */

interface Catcher {
  readonly ErrorEquals: readonly string[];
  readonly Next: string;
}
interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly MaxAttempts?: number;
  readonly JitterStrategy?: string;
}
export interface AslState {
  readonly Type: string;
  readonly Next?: string;
  readonly End?: boolean;
  readonly Choices?: readonly { readonly Condition: string; readonly Next: string }[];
  readonly Default?: string;
  readonly Catch?: readonly Catcher[];
  readonly Retry?: readonly Retrier[];
  readonly TimeoutSeconds?: number | string;
  readonly Assign?: Readonly<Record<string, unknown>>;
  readonly Branches?: readonly Asl[];
}
export interface Asl {
  readonly QueryLanguage?: string;
  readonly StartAt: string;
  readonly TimeoutSeconds?: number;
  readonly States: Readonly<Record<string, AslState>>;
}

const KNOWN = new Set(['Pass', 'Task', 'Choice', 'Wait', 'Parallel', 'Succeed', 'Fail']);

/** Where a state can lead. */
export const nextOf = ({ Next, Choices = [], Default, Catch = [] }: AslState): string[] =>
  [Next, Default, ...Choices.map((choice) => choice.Next), ...Catch.map((each) => each.Next)].filter(
    (name) => name !== undefined,
  );

const ends = ({ Type, End }: AslState): boolean => Type === 'Succeed' || Type === 'Fail' || End === true;

/** States that can be reached from one, itself included. */
export function reachable(asl: Asl, from: string = asl.StartAt): Set<string> {
  const found = new Set([from]);
  for (const name of found) for (const next of nextOf(asl.States[name] ?? { Type: '' })) found.add(next);
  return found;
}

/**
 * Everything that is wrong, a sentence each: a state that leads nowhere, can't be reached or can't end; a task without time limit, retries with full
 * jitter, or a catch for every error; a choice without default; a loop without a counted way out.
 * @param counted conditions (parts of their text) that leave a loop after so many rounds.
 */
export function faultsOf(asl: Asl, counted: readonly string[] = []): string[] {
  return [
    ...(asl.TimeoutSeconds === undefined ? ['the machine has no TimeoutSeconds'] : []),
    ...graphFaults(asl, counted, false),
  ];
}

/** @param isCaught whether what is around catches every error. */
function graphFaults(asl: Asl, counted: readonly string[], isCaught: boolean): string[] {
  const reached = reachable(asl);
  const faults: string[] = [];
  for (const [name, state] of Object.entries(asl.States)) {
    if (!KNOWN.has(state.Type)) faults.push(`${name}: ${state.Type} is not known to this check`);
    if (!reached.has(name)) faults.push(`${name} can't be reached`);
    for (const next of nextOf(state)) if (!asl.States[next]) faults.push(`${name} leads to ${next}, which isn't there`);
    if (!ends(state) && nextOf(state).length === 0) faults.push(`${name} leads nowhere`);
    if (![...reachable(asl, name)].some((each) => ends(asl.States[each] ?? { Type: '' })))
      faults.push(`${name}: no way from it ends`);
    if (state.Type === 'Task') faults.push(...taskFaults(name, state, isCaught));
    if (state.Type === 'Parallel') faults.push(...parallelFaults(name, state, counted, isCaught));
    if (state.Type === 'Choice' && state.Default === undefined) faults.push(`${name} has no Default`);
  }
  return [...faults, ...loopFaults(asl, counted)];
}

const all = (each: { readonly ErrorEquals: readonly string[] }) => each.ErrorEquals.includes('States.ALL');

function parallelFaults(
  name: string,
  { Branches = [], Catch = [] }: AslState,
  counted: readonly string[],
  isCaught: boolean,
) {
  const catches = isCaught || Catch.some(all);
  return [
    ...(catches ? [] : [`${name} doesn't catch every error`]),
    ...(Branches.length < 2 ? [`${name} has nothing to do side by side`] : []),
    ...Branches.flatMap((branch) => graphFaults(branch, counted, catches).map((fault) => `${name}: ${fault}`)),
  ];
}

function taskFaults(name: string, { TimeoutSeconds, Catch = [], Retry = [] }: AslState, isCaught: boolean): string[] {
  const last = Retry.find(all);
  return [
    ...(TimeoutSeconds === undefined ? [`${name} has no TimeoutSeconds`] : []),
    ...(isCaught || Catch.some(all) ? [] : [`${name} doesn't catch every error`]),
    ...(last ? [] : [`${name} doesn't retry`]),
    ...(last && last.JitterStrategy !== 'FULL' ? [`${name} retries without jitter`] : []),
    ...(last && (last.MaxAttempts ?? 3) > 50 ? [`${name} retries without an end`] : []),
  ];
}

/** Without the choices that count, nothing may lead back to where it was. */
function loopFaults(asl: Asl, counted: readonly string[]): string[] {
  const counts = (state: AslState) =>
    (state.Choices ?? []).some(({ Condition }) => counted.some((part) => Condition.includes(part)));
  return Object.entries(asl.States).flatMap(([name, state]) => {
    if (counts(state)) return [];
    const found = new Set<string>();
    const open = nextOf(state);
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const there = asl.States[next];
      if (found.has(next) || !there || counts(there)) continue;
      found.add(next);
      open.push(...nextOf(there));
    }
    return found.has(name) ? [`${name}: a loop leads back to it without a counted way out`] : [];
  });
}
