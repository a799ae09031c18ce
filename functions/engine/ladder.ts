/**
 * Climbing a runbook's ladder. The rung that can't go on names the next one in the journal (`data.next`) and leaves it as due work: the
 * follow-through gives the order at once, the reconciler gives it otherwise. Pure.
 */
import type { Command } from '../../events/command.ts';
import type { JournalEntry, Severity } from '../../events/journal.ts';
import type { Signal } from '../../events/signal.ts';
import type { RuntimeConfig } from './config.ts';
import { eventTriggersOf } from './manifest.ts';
import type { Ladder } from './runbook.ts';

type Ladders = Pick<RuntimeConfig, 'ladders'>;

/** The order that takes a signal to the next rung. */
export interface NextRung {
  readonly remediation: string;
  readonly runbook: string;
  readonly command: Extract<Command, { command: 'signal' }>;
}

/** The remediation after this one; undefined on the last rung, and for one that isn't on the ladder. */
export function nextRung({ rungs }: Pick<Ladder, 'rungs'>, remediation: string): string | undefined {
  const at = rungs.indexOf(remediation);
  return at < 0 ? undefined : rungs[at + 1];
}

/**
 * Where a signal goes when `remediation` is at its end with it. The order's signal has an identity of its own, the same each time, so that it
 * is acted on once however often it is given.
 */
export function nextFor({ ladders }: Ladders, signal: Signal, remediation: string): NextRung | undefined {
  const { runbook } = signal;
  const ladder = runbook === undefined ? undefined : ladders[runbook];
  const next = ladder && nextRung(ladder, remediation);
  if (runbook === undefined || next === undefined) return undefined;
  const rung = signal.rung + 1;
  const [base] = signal.id.split('#');
  const handed: Signal = { ...signal, id: `${base}#rung-${rung}`, rung, recheck: signal.recheck + 1 };
  return { remediation: next, runbook, command: { nightshift: 1, command: 'signal', signal: handed } };
}

/** The order that an entry of the journal asks for (kinds `handed-on` and `not-verified`); undefined where it asks for none. */
export const nextIn = ({ data }: Pick<JournalEntry, 'data'>): NextRung | undefined =>
  data.next === undefined ? undefined : (data.next as NextRung);

/** What the timeline says when the next rung gets the signal. */
export const handOnText = (reason: string, { remediation }: NextRung): string => `${reason}; ${remediation} is next`;

/** "nothing is left of runbook x (a, b)" on the last rung of a ladder of several; empty on a ladder of one. */
export function nothingLeft({ ladders }: Ladders, { runbook }: Signal): string {
  const rungs = (runbook === undefined ? undefined : ladders[runbook]?.rungs) ?? [];
  return rungs.length > 1 ? `; nothing is left of runbook ${runbook} (${rungs.join(', ')})` : '';
}

/** The runbook that an event without a level starts; undefined when none listens to it. */
export function runbookOfEvent({ ladders }: Ladders, { source, name }: Pick<Signal, 'source' | 'name'>) {
  return Object.keys(ladders).find((runbook) =>
    eventTriggersOf({ triggers: ladders[runbook]?.startedBy ?? [] }).some(
      (trigger) => trigger.source === source && trigger.what.includes(name),
    ),
  );
}

/** Severities, the most urgent first. */
const URGENCY: readonly Severity[] = ['P1', 'P2', 'P3', 'P4'];

/** How urgent an incident is: as its target, but never more than its runbook. */
export function severityOf({ ladders }: Ladders, { runbook }: Signal, target: Severity | undefined): Severity {
  const most = (runbook === undefined ? undefined : ladders[runbook]?.severity) ?? 'P1';
  const own = target ?? most;
  return URGENCY.indexOf(own) > URGENCY.indexOf(most) ? own : most;
}
