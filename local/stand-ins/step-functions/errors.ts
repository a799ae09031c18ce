/** Errors of states, and which of them a retrier or catcher means ("Handling errors in Step Functions workflows"). Pure. */

/** A state failed: `error` is the name that is matched and told, `cause` a text for people. */
export class StatesError extends Error {
  override readonly name = 'StatesError';
  readonly error: string;
  /** Absent where AWS tells none, as for time-outs. */
  readonly causeText: string | undefined;
  /** Further names under which Retry and Catch know it. */
  readonly aliases: readonly string[];
  constructor(error: string, causeText?: string, aliases: readonly string[] = []) {
    super(causeText ? `${error}: ${causeText}` : error);
    this.error = error;
    this.causeText = causeText;
    this.aliases = aliases;
  }

  /** As `$states.errorOutput` has it. */
  get output(): { readonly Error: string; readonly Cause: string } {
    return { Error: this.error, Cause: this.causeText ?? '' };
  }

  alsoKnownAs(alias: string): StatesError {
    return new StatesError(this.error, this.causeText, [...this.aliases, alias]);
  }
}

/** What is under way has to end: a sibling branch failed, or the whole execution ended. */
export class Aborted extends Error {
  override readonly name = 'Aborted';
  readonly by: 'sibling' | 'execution';
  constructor(by: 'sibling' | 'execution') {
    super(by === 'sibling' ? 'another branch failed' : 'the execution ended');
    this.by = by;
  }
}

/** Errors that States.ALL and States.TaskFailed don't match: only their own name does. */
const TERMINAL = new Set(['States.DataLimitExceeded', 'States.Runtime']);

/** Whether one name of `ErrorEquals` means the error. */
export function matches(name: string, { error, aliases }: StatesError): boolean {
  if (name === error || aliases.includes(name)) return true;
  if (TERMINAL.has(error)) return false;
  return name === 'States.ALL' || (name === 'States.TaskFailed' && error !== 'States.Timeout');
}

/**
 * AWS tells a missed heartbeat as States.Timeout in the history and the output; Retry and Catch know it by States.HeartbeatTimeout too, a name
 * that the page allows there only.
 */
export const heartbeatTimeout = (): StatesError =>
  new StatesError('States.Timeout', undefined, ['States.HeartbeatTimeout']);
