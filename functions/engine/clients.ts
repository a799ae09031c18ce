/** How every AWS client of ours is made: short timeouts, few attempts, jittered backoff. */

/** `retryMode: 'standard'` backs off exponentially with full jitter (AWS SDKs and Tools Reference Guide, "Retry behavior"). */
export interface ClientDefaults {
  readonly maxAttempts: number;
  readonly retryMode: 'standard';
  readonly requestHandler: {
    readonly connectionTimeout: number;
    readonly requestTimeout: number;
    readonly throwOnRequestTimeout: true;
  };
}

/** For reads and for the journal: 3 attempts of at most 3 s. */
export function clientDefaults(): ClientDefaults {
  return {
    maxAttempts: 3,
    retryMode: 'standard',
    requestHandler: { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
  };
}

/** The longest a changing call can take with `changingClientDefaults`, in milliseconds: two attempts and the pause between them. */
export const CHANGING_CALL_BUDGET_MS = 11_000;

/** For calls that change the customer's resources: at most 2 attempts, so that the time they can take is known beforehand. */
export function changingClientDefaults(): ClientDefaults {
  return {
    maxAttempts: 2,
    retryMode: 'standard',
    requestHandler: { connectionTimeout: 1_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
  };
}

/** For changing calls that must not be repeated (class `evidence`): one attempt, so a lost answer stays lost. See `sendOnce`. */
export function onceClientDefaults(): ClientDefaults {
  return { ...changingClientDefaults(), maxAttempts: 1 };
}
