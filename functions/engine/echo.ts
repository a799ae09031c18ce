/**
 * Echoes: what our own change makes AWS tell (a deployment that starts, an instance that restarts). It is recognised by the intent (target, kind
 * of happening, value, time), kept as evidence in the incident of the action, and starts nothing (safety.md A15: fixes must not trigger fixes). Pure.
 */
import type { Signal, SourceName } from '../../events/signal.ts';
import type { ActionItem, TargetItem } from './items.ts';

/** A happening that a change causes by itself; part of the change, so that it is written down before it can be heard. */
export interface ExpectedEcho {
  readonly source: SourceName;
  /** `Signal.name`. */
  readonly what: string;
  /** Facts of the event that must be as they are here: the value that was written. Others don't matter. */
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
}

/** An echo that a target may still hear. */
export interface Echo extends ExpectedEcho {
  readonly actionId: string;
  readonly incidentId: string;
  /** Epoch milliseconds. */
  readonly from: number;
  readonly until: number;
}

/** AWS tells of a deployment's end or a restart within minutes; later it is news. */
const HEARD_WITHIN_MS = 15 * 60_000;
const MOST_KEPT = 20;

/** What a change that is being committed may cause, from now on (epoch milliseconds). */
export const echoesOf = (
  { actionId, incidentId, change }: Pick<ActionItem, 'actionId' | 'incidentId' | 'change'>,
  now: number,
) =>
  (change.echoes ?? []).map(
    (echo): Echo => ({ ...echo, actionId, incidentId, from: now, until: now + HEARD_WITHIN_MS }),
  );

/** With what an action that is being committed may cause; what can't be heard any more is dropped. */
export const withEchoes = ({ echoes = [] }: TargetItem, action: ActionItem, now: number): readonly Echo[] =>
  [...echoes.filter(({ until }) => until > now), ...echoesOf(action, now)].slice(-MOST_KEPT);

/** The echo that a signal is; undefined when it is news. Alarms are never echoes: they tell a level, which we want to know. */
export function echoOf({ echoes = [] }: TargetItem, signal: Signal): Echo | undefined {
  const at = Date.parse(signal.at);
  // Event times are whole seconds.
  const second = 1000;
  return echoes.find(
    ({ source, what, facts = {}, from, until }) =>
      source === signal.source &&
      source !== 'cloudwatch-alarm' &&
      what === signal.name &&
      at >= from - second &&
      at <= until &&
      Object.entries(facts).every(([name, value]) => signal.evidence.facts?.[name] === value),
  );
}
