/** How the item of a target changes: pure transitions, each from the item as read to the item as written. */
import { isAlarm, type Signal } from '../../events/signal.ts';
import { withEchoes } from './echo.ts';
import { changesWithinHour } from './guard.ts';
import { withHold, withoutHold } from './holds.ts';
import type { ActionItem, TakeOver, TargetItem } from './items.ts';
import type { Hold } from './remediation.ts';

type AlarmStateValue = TargetItem['alarms'][string];

/** Drops keys whose value is undefined, so that "absent" is written as absent. */
function without<Item extends object, K extends keyof Item>(item: Item, ...keys: K[]): Omit<Item, K> {
  const copy = { ...item };
  for (const key of keys) delete copy[key];
  return copy;
}

/** An alarm of the target fires: it belongs to the open incident, which is no longer quiet. */
export function firing(target: TargetItem, signal: Signal, incidentId: string, now: number): TargetItem {
  return {
    ...(target.openIncidentId === undefined ? without(target, 'okSince', 'joinedTo') : without(target, 'okSince')),
    openIncidentId: incidentId,
    openedAt: target.openIncidentId ? (target.openedAt ?? now) : now,
    alarms: { ...target.alarms, [signal.subject]: 'ALARM' },
  };
}

/** An alarm's state is known (a deleted one is left out); with `ALARM` gone everywhere, the target is quiet since `now`. */
export function alarmSeen(
  target: TargetItem,
  states: Readonly<Record<string, AlarmStateValue | 'GONE'>>,
  now: number,
): TargetItem {
  const alarms = { ...target.alarms };
  for (const [arn, state] of Object.entries(states)) {
    if (state === 'GONE') delete alarms[arn];
    else if (arn in alarms) alarms[arn] = state;
  }
  const next = { ...target, alarms };
  if (!allOk(next)) return without(next, 'okSince');
  return { ...next, okSince: target.okSince ?? now };
}

/** No alarm tells of trouble; what happened without a level doesn't count, because only looking at the target tells when that is over. */
export const alarmsOk = ({ alarms }: TargetItem): boolean =>
  Object.entries(alarms).every(([subject, state]) => state === 'OK' || !isAlarm(subject));

export const allOk = (target: TargetItem): boolean => Object.values(target.alarms).every((state) => state === 'OK');

/** An action takes the target in hand; its cooldown and budget count from the commit, so that a crash can't make them vanish. */
export function leased(target: TargetItem, action: ActionItem, cooldownSeconds: number, now: number): TargetItem {
  const echoes = withEchoes(target, action, now);
  const held = {
    ...without(target, 'echoes'),
    leaseHolder: action.actionId,
    leaseUntil: action.leaseUntil,
    ...(echoes.length > 0 && { echoes }),
  };
  if (action.purpose !== 'remediate') return held;
  return {
    ...held,
    cooldownUntil: { ...target.cooldownUntil, [action.remediation]: now + cooldownSeconds * 1000 },
    recent: { ...target.recent, [action.remediation]: [...changesWithinHour(target, action.remediation, now), now] },
  };
}

/** The lease is renewed for a further attempt of the same action. */
export const renewed = (target: TargetItem, action: ActionItem): TargetItem => ({
  ...target,
  leaseHolder: action.actionId,
  leaseUntil: action.leaseUntil,
});

/** The action let go of the target, whatever came of it. */
export function released(target: TargetItem, actionId: string): TargetItem {
  return target.leaseHolder === actionId ? without(target, 'leaseHolder', 'leaseUntil') : target;
}

/**
 * A change was made: it waits for its verification in the place of an earlier one of the same remediation, and a temporary one is remembered
 * with the baseline of the first.
 */
export function acted(target: TargetItem, action: ActionItem, now: number): TargetItem {
  const verifying = { ...target.verifying, [action.remediation]: action.actionId };
  return { ...released(target, action.actionId), verifying, holds: holdsAfter(target.holds, action, now) };
}

function holdsAfter(holds: readonly Hold[], { change, remediation, incidentId }: ActionItem, now: number) {
  if (!change.hold) return holds;
  return withHold(holds, { ...change.hold, remediation, incidentId, since: new Date(now).toISOString() });
}

/** The remediation's action doesn't wait any more, whatever came of it. */
export const judged = (target: TargetItem, remediation: string): TargetItem => ({
  ...target,
  verifying: without({ ...target.verifying }, remediation),
});

/** No change of the target waits for its verification. */
export const nothingWaits = ({ verifying }: TargetItem): boolean => Object.keys(verifying).length === 0;

/** Remediations other than this one whose actions still wait for their verification. */
export const othersVerifying = (target: TargetItem, remediation: string): readonly string[] =>
  Object.keys(target.verifying).filter((name) => name !== remediation);

/** The remediation keeps away from the target; others may go on. */
export const keptAway = (target: TargetItem, remediation: string, until: number): TargetItem => ({
  ...target,
  keptAway: { ...target.keptAway, [remediation]: until },
});

/** The live value isn't ours: keep away, and forget what was held of it, by whomever. */
export function handsOff(target: TargetItem, until: number, field: string | undefined): TargetItem {
  return { ...target, holds: target.holds.filter((hold) => hold.field !== field), handsOffUntil: until };
}

/** Act-and-undo cycles are counted over this time (design section 4, Temporary changes are holds). */
const CYCLES_WITHIN_MS = 6 * 3_600_000;

/** Times within the last six hours at which a temporary change of that remediation was handed back. */
export const handBacksLately = (
  { handedBack: times = {} }: TargetItem,
  remediation: string,
  now: number,
): readonly number[] => (times[remediation] ?? []).filter((at) => at > now - CYCLES_WITHIN_MS);

/** A temporary change was handed back: one cycle of acting and undoing is complete. */
export const handedBack = (target: TargetItem, remediation: string, field: string, now: number): TargetItem => ({
  ...holdDropped(target, remediation, field),
  handedBack: { ...target.handedBack, [remediation]: [...handBacksLately(target, remediation, now), now] },
});

/** A change of what was held before already was undone: that is held again, as long as nobody else's change ended it; and a cycle is complete, too. */
export const holdPutBack = (target: TargetItem, hold: Hold, now: number): TargetItem => ({
  ...handedBack(target, hold.remediation, hold.field, now),
  holds: target.holds.map((each) => (each.remediation === hold.remediation && each.field === hold.field ? hold : each)),
});

export const holdDropped = (target: TargetItem, remediation: string, field: string): TargetItem => ({
  ...target,
  holds: withoutHold(target.holds, remediation, field),
});

/** A person takes the target in hand; what Nightshift holds on it stays as it is. */
export const takenOver = (target: TargetItem, taken: TakeOver): TargetItem => ({ ...target, takenOver: taken });

/** Nightshift may judge the target again: also what it kept its hands off by itself. */
export const givenBack = (target: TargetItem): TargetItem => without(target, 'takenOver', 'handsOffUntil', 'keptAway');

/** People were asked whether a remediation may go on; an earlier question of it is no longer the one that counts. */
export const askedFor = (target: TargetItem, remediation: string, approvalId: string): TargetItem => ({
  ...target,
  approvals: { ...target.approvals, [remediation]: approvalId },
});

/** The incident is over; a hold may remain until it is handed back. */
export function resolved(target: TargetItem): TargetItem {
  return {
    ...without(target, 'openIncidentId', 'openedAt', 'escalatedAt', 'approvals', 'joinedTo'),
    verifying: {},
    alarms: {},
  };
}
