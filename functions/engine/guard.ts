/** The guardrails as pure functions of what was read: shall this signal go on to the target, and if not, why not? */
import type { Severity } from '../../events/journal.ts';
import type { Guardrail, HoldReason } from '../../events/outcome.ts';
import { hasLevel, type Signal } from '../../events/signal.ts';
import type { RunbookLimits, RuntimeConfig } from './config.ts';
import type { AlarmItem, SwitchState, TakeOver, TargetItem } from './items.ts';
import { runOfHolder } from './plan-items.ts';
import type { Storm } from './storm.ts';
import { changeForbidden } from './windows.ts';

const HOUR_MS = 3_600_000;
/** Fastest return to something refused for a moment (lease, conflict); the reconciler's own period is the floor in practice. */
export const SOON_MS = 30_000;

export type Stop =
  | {
      readonly kind: 'held';
      readonly reason: HoldReason;
      readonly detail: string;
      readonly recheckAt: number;
      /** What the target depends on has an open incident that is at least as urgent: its people are called. */
      readonly upstream?: Upstream;
    }
  | {
      readonly kind: 'refused';
      readonly guardrail: Guardrail;
      readonly setting: string;
      readonly present: string;
      readonly recheckAt: number;
    }
  /** Another action of the same incident has the target in hand; with `upstream`, the trouble belongs to the incident of what the target depends on. */
  | { readonly kind: 'joined'; readonly recheckAt: number; readonly upstream?: Upstream }
  | { readonly kind: 'recovered'; readonly detail: string };

/** A target that this one depends on, with its open incident. */
export interface Upstream {
  readonly target: string;
  readonly incidentId: string;
  readonly severity: Severity | undefined;
  /** For longer than it should take nothing was done there that is still to be proved, and nobody was called: whoever waits for it is not taken in. */
  readonly unattended?: boolean;
}

export interface GuardInput {
  readonly signal: Signal;
  readonly remediation: string;
  readonly limits: RunbookLimits;
  readonly target: TargetItem;
  readonly alarm: AlarmItem | undefined;
  readonly switchState: SwitchState;
  readonly upstreamsInTrouble: readonly Upstream[];
  /** How severe incidents of the target are. */
  readonly severity?: Severity | undefined;
  /** The storm that the signal belongs to. */
  readonly storm: Storm | undefined;
  readonly config: Pick<RuntimeConfig, 'staleAfterSeconds' | 'firstEvaluationHoldSeconds' | 'windows' | 'storm'>;
  readonly now: number;
}

type Guard = (input: GuardInput) => Stop | undefined;

/** The guards by name, in the order in which they are asked. */
export const GUARDS: Readonly<Record<string, Guard>> = {
  recovered: recoveredGuard,
  'actions-disabled': actionsDisabledGuard,
  muted: mutedGuard,
  // Before the switch: whoever pauses in a storm isn't called for each of its targets afterwards.
  storm: stormGuard,
  switch: switchGuard,
  timeliness: timelinessGuard,
  window: windowGuard,
  lease: leaseGuard,
  'taken-over': takenOverGuard,
  'hands-off': handsOffGuard,
  cooldown: cooldownGuard,
  'target-budget': targetBudgetGuard,
  upstream: upstreamGuard,
};

/**
 * Judges a firing signal before the target is looked at. Returns undefined when it may go on. The same checks that can change
 * between here and the commit (switch, lease, version, alarm) are conditions of the commit too.
 */
export function preflight(input: GuardInput): Stop | undefined {
  for (const guard of Object.values(GUARDS)) {
    const stop = guard(input);
    if (stop) return stop;
  }
  return undefined;
}

function switchGuard({ switchState, now }: GuardInput): Stop | undefined {
  if (switchState === 'run') return undefined;
  return { kind: 'held', reason: 'paused', detail: `Nightshift is set to ${switchState}`, recheckAt: now + SOON_MS };
}

function recoveredGuard({ signal, alarm }: GuardInput): Stop | undefined {
  if (alarm?.state !== 'OK' || alarm.stateAt < Date.parse(signal.at)) return undefined;
  return {
    kind: 'recovered',
    detail: `${signal.name} ${hasLevel(signal) ? 'went back to OK at' : 'is over since'} ${new Date(alarm.stateAt).toISOString()}`,
  };
}

/** Also for the next rung of a ladder, and for what is judged again: the reconciler takes its note back when it finds them enabled. */
function actionsDisabledGuard({ signal, alarm, now }: GuardInput): Stop | undefined {
  if ((alarm?.actionsDisabledUntil ?? 0) <= now) return undefined;
  const detail = `the actions of ${signal.name} are disabled (DisableAlarmActions)`;
  return { kind: 'held', reason: 'actions-disabled', detail, recheckAt: now + SOON_MS };
}

/** What its event said: whoever made the rule wants nothing done for so long. */
function mutedGuard({ signal: { name, mutedUntil }, now }: GuardInput): Stop | undefined {
  const until = mutedUntil === undefined ? now : Date.parse(mutedUntil);
  if (!(until > now)) return undefined;
  const detail = `${name} is muted until ${new Date(until).toISOString()} (alarm mute rule or suppressor)`;
  return { kind: 'held', reason: 'actions-disabled', detail, recheckAt: until };
}

/** By the time it is looked at again, the incidents that began before it are older than a storm lasts. */
function stormGuard({ storm, config, now }: GuardInput): Stop | undefined {
  if (!storm) return undefined;
  const { targets, withinSeconds } = config.storm;
  const detail = `at least ${storm.targets} other targets got incidents within ${withinSeconds} s (storm.targets ${targets})`;
  return { kind: 'held', reason: 'storm', detail, recheckAt: now + withinSeconds * 1000 };
}

function timelinessGuard({ signal, config, now }: GuardInput): Stop | undefined {
  if (signal.recheck > 0) return undefined;
  const ageSeconds = (now - Date.parse(signal.at)) / 1000;
  if (ageSeconds > config.staleAfterSeconds) {
    return { kind: 'held', reason: 'stale', detail: `the event is ${Math.round(ageSeconds)} s old`, recheckAt: now };
  }
  if (signal.firstEvaluation) {
    const detail = 'first evaluation after the alarm was made or changed';
    return {
      kind: 'held',
      reason: 'first-evaluation',
      detail,
      recheckAt: now + config.firstEvaluationHoldSeconds * 1000,
    };
  }
  return undefined;
}

function windowGuard({ signal, config, now }: GuardInput): Stop | undefined {
  const forbidden = changeForbidden(config.windows, signal.target, now);
  if (!forbidden) return undefined;
  const present = `it is ${new Date(now).toISOString()}`;
  return { kind: 'refused', guardrail: 'window', setting: forbidden.detail, present, recheckAt: forbidden.until };
}

/** Also when the lease has run out: its holder's intent is unfinished then, and is resumed before anything new is decided on what it may have changed. */
function leaseGuard({ target, now }: GuardInput): Stop | undefined {
  if (target.leaseHolder === undefined) return undefined;
  const until = target.leaseUntil ?? now;
  const recheckAt = until > now ? until : now + SOON_MS;
  const run = runOfHolder(target.leaseHolder);
  // Nobody resumes a plan that was left: an alarm that joined it would never call anybody.
  if (run !== undefined && until <= now) {
    const detail = `the run ${run} of a recovery plan was left unfinished: "nightshift stop ${run}" has it backed out`;
    return { kind: 'held', reason: 'lease', detail, recheckAt };
  }
  if (target.openIncidentId) return { kind: 'joined', recheckAt };
  return { kind: 'held', reason: 'lease', detail: 'another action has the target in hand', recheckAt };
}

/** Who has the target in hand now, by `nightshift take-over`; undefined when nobody has, or no longer. */
export const takenOverBy = ({ takenOver }: Pick<TargetItem, 'takenOver'>, now: number): TakeOver | undefined =>
  takenOver && takenOver.until > now ? takenOver : undefined;

/** "jane has taken it over until <time>: <reason>". */
export const describeTakeOver = ({ by, until, reason }: TakeOver): string =>
  `${by.replace(/^person:/, '')} has taken it over until ${new Date(until).toISOString()}: ${reason}`;

function takenOverGuard({ target, now }: GuardInput): Stop | undefined {
  const taken = takenOverBy(target, now);
  return taken && { kind: 'held', reason: 'hands-off', detail: describeTakeOver(taken), recheckAt: taken.until };
}

function handsOffGuard({ target, remediation, now }: GuardInput): Stop | undefined {
  const away = target.keptAway?.[remediation] ?? 0;
  if (away > now) {
    const detail = `${remediation} keeps away until ${new Date(away).toISOString()}: what it did made nothing better`;
    return { kind: 'held', reason: 'hands-off', detail, recheckAt: away };
  }
  if (target.handsOffUntil === undefined || target.handsOffUntil <= now) return undefined;
  const detail = `hands off until ${new Date(target.handsOffUntil).toISOString()}`;
  return { kind: 'held', reason: 'hands-off', detail, recheckAt: target.handsOffUntil };
}

function cooldownGuard({ target, remediation, limits, now }: GuardInput): Stop | undefined {
  const until = target.cooldownUntil[remediation];
  if (until === undefined || until <= now) return undefined;
  const present = `last change ${Math.round(limits.cooldownSeconds - (until - now) / 1000)} s ago`;
  return {
    kind: 'refused',
    guardrail: 'cooldown',
    setting: `cooldownSeconds ${limits.cooldownSeconds}`,
    present,
    recheckAt: until,
  };
}

function targetBudgetGuard({ target, remediation, limits, now }: GuardInput): Stop | undefined {
  const recent = changesWithinHour(target, remediation, now);
  if (recent.length < limits.perTargetPerHour) return undefined;
  return {
    kind: 'refused',
    guardrail: 'target-budget',
    setting: `perTargetPerHour ${limits.perTargetPerHour}`,
    present: `${recent.length} changes within the last hour`,
    recheckAt: (recent[recent.length - limits.perTargetPerHour] ?? now) + HOUR_MS,
  };
}

/** An incident that is less urgent than the target's own would be doesn't take it in: nobody would be called in time. Nor one that calls nobody, as in mode observe. */
const takesIn = ({ severity = 'P4', unattended = false }: Upstream, own: Severity = 'P1'): boolean =>
  !unattended && severity <= own;

function upstreamGuard({ upstreamsInTrouble, target, severity, now }: GuardInput): Stop | undefined {
  if (upstreamsInTrouble.length === 0) return undefined;
  const upstream = upstreamsInTrouble.find((each) => takesIn(each, severity));
  if (upstream && target.openIncidentId === undefined) return { kind: 'joined', recheckAt: now + SOON_MS, upstream };
  const detail = `${upstreamsInTrouble.map((each) => each.target).join(', ')} has an open incident: more load would make it worse`;
  return {
    kind: 'held',
    reason: 'upstream-in-trouble',
    detail,
    recheckAt: now + SOON_MS,
    ...(upstream && { upstream }),
  };
}

/** Times of this remediation's changes of the target within the last hour, oldest first. */
export function changesWithinHour(target: TargetItem, remediation: string, now: number): readonly number[] {
  return (target.recent[remediation] ?? []).filter((at) => at > now - HOUR_MS);
}
