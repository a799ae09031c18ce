/**
 * Temporary changes that are still in force on a target (design section 4, "Temporary changes are holds"). Several remediations may hold one
 * field: its effective value is the greatest of what they hold, and never less than what it was before the first of them. Pure.
 */
import type { Hold } from './remediation.ts';

/** What is held of one field, by whomever. */
export interface Held {
  /** The value before the first hold. */
  readonly baseline: number;
  /** What the live value is as long as nobody else changes it. */
  readonly value: number;
}

const isOf = ({ remediation, field }: Hold, owner: string, ofField: string): boolean =>
  remediation === owner && field === ofField;

/** What all open holds of a field come to; undefined when nobody holds it. */
export function heldOf(holds: readonly Hold[], field: string): Held | undefined {
  const [first, ...more] = holds.filter((hold) => hold.field === field);
  if (!first) return undefined;
  const { baseline } = first;
  return { baseline, value: Math.max(baseline, first.value, ...more.map(({ value }) => value)) };
}

/**
 * What a remediation is shown of the holds: its own, else one of another on a field that both change; at the field's effective value, which is
 * what it has to find there.
 * @param fields fields that the remediation changes for a while.
 */
export function holdShown(holds: readonly Hold[], remediation: string, fields: readonly string[]): Hold | undefined {
  const hold =
    holds.find((each) => each.remediation === remediation) ?? holds.find(({ field }) => fields.includes(field));
  return hold && { ...hold, ...heldOf(holds, hold.field) };
}

export const holdsBy = (holds: readonly Hold[], remediation: string): readonly Hold[] =>
  holds.filter((hold) => hold.remediation === remediation);

/** With one more hold, or a new value of one; the baseline is always that of the field's first, and what was there what its owner found first. */
export function withHold(holds: readonly Hold[], hold: Hold): readonly Hold[] {
  const mine = holds.find((each) => isOf(each, hold.remediation, hold.field));
  const baseline = heldOf(holds, hold.field)?.baseline ?? hold.baseline;
  const next = {
    ...hold,
    baseline,
    since: mine?.since ?? hold.since,
    ...(mine?.was !== undefined && { was: mine.was }),
  };
  return mine ? holds.map((each) => (each === mine ? next : each)) : [...holds, next];
}

export const withoutHold = (holds: readonly Hold[], remediation: string, field: string): readonly Hold[] =>
  holds.filter((each) => !isOf(each, remediation, field));

/** The value to which a field goes back when this hold ends: what others still hold of it, else its baseline. */
export function valueWithout(holds: readonly Hold[], hold: Hold): number {
  const rest = heldOf(withoutHold(holds, hold.remediation, hold.field), hold.field);
  return rest?.value ?? hold.baseline;
}
