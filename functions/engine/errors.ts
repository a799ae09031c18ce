/**
 * Errors of the engine. `retryable` alone decides whether the invocation fails (so that Lambda delivers it again) or ends with a
 * recorded outcome. The cause is always kept.
 */
export abstract class EngineError extends Error {
  abstract readonly retryable: boolean;
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Something that should pass by itself: throttling, a timeout, a conflict. Lambda delivers the event again. */
export class RetryableError extends EngineError {
  readonly retryable = true;
}

/** This event's intent is being carried out by another delivery whose lease still runs. Never reported as a duplicate. */
export class InFlightError extends EngineError {
  readonly retryable = true;
}

/** AWS or the database refused: the role lacks a permission. Repeating won't help; a person must look. */
export class PermissionError extends EngineError {
  readonly retryable = false;
}

/** The live value differs from the one that was observed and recorded: somebody else is at work, so nothing is written. */
export class ChangedBySomeoneElseError extends EngineError {
  readonly retryable = false;
  readonly expected: string;
  readonly found: string;
  constructor(what: string, expected: string, found: string, because = 'somebody else is changing it') {
    super(`${what}: expected ${expected} as observed, found ${found}; ${because}, so it was left alone`);
    this.expected = expected;
    this.found = found;
  }
}

/** The API said no for a reason that repeating can't change (a missing target, an invalid value). */
export class ActionFailedError extends EngineError {
  readonly retryable = false;
}

/** A person froze Nightshift while an action was under way: it stops where it is, and its intent stays open. */
export class FrozenError extends EngineError {
  readonly retryable = true;
}

/** Too little of the function's time is left to finish a changing call; a later delivery resumes the intent. */
export class OutOfTimeError extends EngineError {
  readonly retryable = true;
}

const PERMISSION_NAMES = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'UnauthorizedOperation',
  'UnrecognizedClientException',
  'NotAuthorized',
]);

/**
 * Sorts an error of an AWS SDK client: a refusal becomes `PermissionError`; throttling, timeouts and server faults become
 * `RetryableError`; anything else `ActionFailedError`. Engine errors pass unchanged.
 * @param what What was being done, for the message ("describe service backend").
 */
export function classifyAwsError(what: string, error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  const { name, message, status } = describe(error);
  const text = `${what}: ${name}: ${message}`;
  if (PERMISSION_NAMES.has(name) || status === 403) return new PermissionError(text, { cause: error });
  if (isTransient(name, status)) return new RetryableError(text, { cause: error });
  return new ActionFailedError(text, { cause: error });
}

function describe(error: unknown): { name: string; message: string; status: number | undefined } {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), status: undefined };
  const metadata = (error as { $metadata?: { httpStatusCode?: number } }).$metadata;
  return { name: error.name, message: error.message.slice(0, 500), status: metadata?.httpStatusCode };
}

/** Without an HTTP status the call never got an answer (connection reset, timeout), so its effect is unknown: try again and look. */
function isTransient(name: string, status: number | undefined): boolean {
  if (
    /throttl|throughputexceeded|concurrentupdate|toomanyrequests|requestlimit|slowdown|timeout|internalservererror|serviceunavailable/i.test(
      name,
    )
  )
    return true;
  return status === undefined || status === 429 || status >= 500;
}
