/** What a remediation supplies; the protocol around it (prefilter, commit, lease, journal, verification) is the engine's. */
import type { HoldReason } from '../../events/outcome.ts';
import type { Signal } from '../../events/signal.ts';
import type { Protected, RuntimeConfig } from './config.ts';
import type { ExpectedEcho } from './echo.ts';
import type { GuardReadings } from './guard-metrics.ts';
import type { RemediationManifest } from './manifest.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** The change to make, with the state before and after as data; kept in the journal before anything is done. */
export interface Change {
  /** For people: "raise desired count from 2 to 3". */
  readonly summary: string;
  readonly before: Json;
  readonly after: Json;
  /** How to put it back by hand, in one sentence. */
  readonly undo: string;
  /**
   * Set when the change is temporary: the engine remembers the baseline and hands it back once the trouble is over.
   * `field` names what is held, so that one target can't have two holds on different things by one remediation. It is handed back when
   * the alarms have been OK for `stabiliseForSeconds`.
   */
  readonly hold?: {
    readonly field: string;
    readonly baseline: number;
    readonly value: number;
    readonly stabiliseForSeconds: number;
    /** What stood there before, where `baseline` is only its place: that of the first change is kept and shown to `decideHandBack`. */
    readonly was?: Json;
  };
  /**
   * The reverse, as a change that `act` can make: then the engine undoes by it a change that made things worse. Without it, one that has a `hold`
   * is undone by handing that back, and any other is left to a person.
   */
  readonly undoChange?: Omit<Change, 'undoChange' | 'hold'>;
  /** Events without a level that this change causes by itself: they are kept as evidence and start nothing. */
  readonly echoes?: readonly ExpectedEcho[];
  /** Verification is not believed before this long after the action (default 0). */
  readonly verifyNotBeforeSeconds?: number;
}

export type Decision =
  | {
      readonly kind: 'act';
      readonly change: Change;
      /** This change needs so many people's approval, whatever the mode: because of what it is, not because of its runbook. */
      readonly approval?: { readonly people: 1 | 2; readonly why: string };
    }
  | { readonly kind: 'fine'; readonly reason: string }
  | {
      readonly kind: 'hold';
      readonly reason: HoldReason;
      readonly detail: string;
      readonly recheckAfterSeconds: number;
    }
  /**
   * This remediation can't help: the next rung of the ladder gets the signal, after the last one a person is called. With `needsPerson` a person is
   * called at once, too: for what none of the rungs can mend (a missing grant). With `recheckAfterSeconds` it is looked at again after the
   * last rung all the same.
   */
  | {
      readonly kind: 'escalate';
      readonly reason: string;
      readonly recheckAfterSeconds?: number;
      readonly needsPerson?: boolean;
    };

/** A temporary change that is still in force on a target. */
export interface Hold {
  readonly remediation: string;
  readonly field: string;
  /** The value before the first change of the field: what is handed back once nobody holds it. */
  readonly baseline: number;
  /** The value that Nightshift wrote last. */
  readonly value: number;
  readonly stabiliseForSeconds: number;
  readonly incidentId: string;
  readonly since: string;
  /** What stood there before the first change, where that is more than `baseline` (`Change.hold.was`). */
  readonly was?: Json;
  /** Why it wasn't handed back when it was due, and when it is looked at again (epoch milliseconds). */
  readonly postponed?: { readonly reason: string; readonly why: string; readonly until: number };
}

export type HandBack =
  | { readonly kind: 'restore'; readonly change: Change }
  | { readonly kind: 'wait'; readonly detail: string; readonly recheckAfterSeconds: number }
  /** The live value isn't ours any more: it is left as it is, and the hold is forgotten. */
  | { readonly kind: 'leave'; readonly detail: string };

export type Verification =
  | { readonly kind: 'good'; readonly detail: string }
  | { readonly kind: 'not-yet'; readonly detail: string }
  /** It didn't help: the next rung or a person, and this remediation keeps away from the target for a while. */
  | { readonly kind: 'bad'; readonly detail: string; readonly stopForSeconds: number }
  /** It made things worse: it is undone at once, a person is called, and this remediation keeps away from the target for a while. */
  | { readonly kind: 'worse'; readonly detail: string; readonly stopForSeconds: number };

export interface DecideInput<Target, Observation> {
  readonly signal: Signal;
  readonly target: Target;
  readonly observation: Observation;
  /**
   * Its own hold, else one of another remediation on a field of the manifest's `holds`; with the field's effective value: that is what must
   * be found there. Compare `field` before `value`.
   */
  readonly hold: Hold | undefined;
  readonly config: RuntimeConfig;
}

/** What `act` says it did; kept with the action. Never a secret, never query text. */
export interface ActReport {
  readonly summary: string;
  readonly data: { readonly [key: string]: Json };
}

/**
 * Asked between the changing calls of one action, and beside the last re-read: so that `nightshift freeze` stops it within seconds.
 * @throws FrozenError: let it through; the intent stays open and is finished once Nightshift may run again.
 */
export type MayGoOn = () => Promise<void>;

/** Time left before this function is stopped by Lambda, in milliseconds. */
export type RemainingMs = () => number;

/** What `nightshift doctor` says of a target in quiet times. */
export interface Finding {
  /** `unknown`: it can't be seen from where doctor runs. */
  readonly verdict: 'ok' | 'wrong' | 'unknown';
  /** Plain sentence fragment: what is so. */
  readonly what: string;
  /** What to do about it, for everything that isn't `ok`. */
  readonly todo?: string;
}

export interface Remediation<Target extends Protected, Observation> {
  readonly manifest: RemediationManifest;
  /** The configured target of that key, or undefined when it isn't configured: then nothing is done. */
  targetOf(key: string, config: RuntimeConfig): Target | undefined;
  /** Targets (keys) this one depends on; while one of them has an open incident, nothing is done here. */
  upstreamsOf(target: Target): readonly string[];
  /** Reads the target's present state; what is missing or unreachable is an observation too. */
  observe(target: Target, config: RuntimeConfig): Promise<Observation>;
  /** Pure. */
  decide(input: DecideInput<Target, Observation>): Decision;
  /**
   * Makes the recorded change, after one re-read directly before it where the API can't compare. One that makes several changing calls
   * awaits `mayGoOn` between them.
   * @throws ChangedBySomeoneElseError when the re-read differs from `change.before`.
   */
  act(
    target: Target,
    change: Change,
    remaining: RemainingMs,
    config: RuntimeConfig,
    mayGoOn: MayGoOn,
  ): Promise<ActReport>;
  /** Pure: did the recorded change already happen? Asked before an unfinished intent is resumed. */
  alreadyApplied(change: Change, observation: Observation): 'yes' | 'no' | 'unclear';
  /** Pure: did it help? Asked when the alarm is OK again, and at the deadline. */
  verify(input: {
    target: Target;
    change: Change;
    report: ActReport | undefined;
    observation: Observation;
    alarmsOk: boolean;
  }): Verification;
  /** Pure: what the change costs more, in US dollars an hour; undefined where that isn't known. Told to whoever approves it. */
  costPerHourUsd?(change: Change, target: string, config: RuntimeConfig): number | undefined;
  /**
   * Pure: may the temporary change be handed back now? Absent when the remediation holds nothing. `hold.value` is the field's effective
   * value, `hold.baseline` what to set: what others still hold of the field, else its value before the first hold. `urgent`: the change made things
   * worse, so it goes back whatever the load.
   */
  decideHandBack?(input: { target: Target; hold: Hold; observation: Observation; urgent?: boolean }): HandBack;
  /**
   * Pure: what was seen of guard metrics. Give nothing while the change is still on its way (a deployment under way), when a dip means nothing.
   */
  guards?(observation: Observation): GuardReadings;
  /**
   * Reads guard metrics that the observation doesn't hold; what isn't told is left out. Asked beside the observation, and only where the runbook
   * guards by any.
   * @param since epoch milliseconds: nothing older says how things are after the change; absent before it.
   * @throws EngineError when they can't be read: then nothing is changed, as when the target can't be observed.
   */
  readGuards?(target: Target, config: RuntimeConfig, since?: number): Promise<GuardReadings>;
  /** Pure: what would keep this remediation from helping, seen before any trouble. */
  examine?(target: Target, observation: Observation): readonly Finding[];
}
