/** What must hold for every state machine of ours, read from its definition (Amazon States Language, JSONata; no Map or Parallel yet). Pure. */

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
}
export interface Asl {
  readonly QueryLanguage?: string;
  readonly StartAt: string;
  readonly TimeoutSeconds?: number;
  readonly States: Readonly<Record<string, AslState>>;
}

const KNOWN = new Set(['Pass', 'Task', 'Choice', 'Wait', 'Succeed', 'Fail']);

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
  const reached = reachable(asl);
  const faults: string[] = asl.TimeoutSeconds === undefined ? ['the machine has no TimeoutSeconds'] : [];
  for (const [name, state] of Object.entries(asl.States)) {
    if (!KNOWN.has(state.Type)) faults.push(`${name}: ${state.Type} is not known to this check`);
    if (!reached.has(name)) faults.push(`${name} can't be reached`);
    for (const next of nextOf(state)) if (!asl.States[next]) faults.push(`${name} leads to ${next}, which isn't there`);
    if (!ends(state) && nextOf(state).length === 0) faults.push(`${name} leads nowhere`);
    if (![...reachable(asl, name)].some((each) => ends(asl.States[each] ?? { Type: '' })))
      faults.push(`${name}: no way from it ends`);
    if (state.Type === 'Task') faults.push(...taskFaults(name, state));
    if (state.Type === 'Choice' && state.Default === undefined) faults.push(`${name} has no Default`);
  }
  return [...faults, ...loopFaults(asl, counted)];
}

function taskFaults(name: string, { TimeoutSeconds, Catch = [], Retry = [] }: AslState): string[] {
  const all = (each: { readonly ErrorEquals: readonly string[] }) => each.ErrorEquals.includes('States.ALL');
  const last = Retry.find(all);
  return [
    ...(TimeoutSeconds === undefined ? [`${name} has no TimeoutSeconds`] : []),
    ...(Catch.some(all) ? [] : [`${name} doesn't catch every error`]),
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
