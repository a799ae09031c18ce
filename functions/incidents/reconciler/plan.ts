/** What the reconciler does with what it read. Pure. */
import type { Command } from '../../../events/command.ts';
import { hasLevel, type Signal } from '../../../events/signal.ts';
import type { WorkItem } from '../../engine/items.ts';
import { DEPLOYMENT_TAG, RUNBOOK_TAG } from '../../engine/manifest.ts';
import type { AlarmStates } from '../../engine/resolution.ts';

/** An alarm as CloudWatch describes it now. */
export interface LiveAlarm {
  readonly arn: string;
  readonly name: string;
  /** `GONE`: there is no such alarm any more. */
  readonly state: 'ALARM' | 'OK' | 'INSUFFICIENT_DATA' | 'GONE';
  /** Epoch milliseconds. */
  readonly stateAt: number;
  readonly actionsEnabled: boolean;
}

/**
 * A piece of due work becomes an order to its remediation; `wait` when it can't be judged now and stays for the next run; undefined
 * when nothing needs doing (the work is then dropped).
 */
export function orderFor(work: WorkItem, alarms: ReadonlyMap<string, LiveAlarm>): Command | 'wait' | undefined {
  switch (work.kind) {
    case 'recheck':
      return work.signal && recheckOrder(work.signal, work.dueAt, alarms.get(work.signal.subject));
    case 'verify':
      return { nightshift: 1, command: 'settle', target: work.target, alarms: statesOf(alarms) };
    case 'hand-back':
      return { nightshift: 1, command: 'hand-back', target: work.target };
    case 'unfinished':
      return { nightshift: 1, command: 'resume', actionId: work.id };
    case 'undo':
      return { nightshift: 1, command: 'undo', actionId: work.id };
    default:
      return work.kind satisfies never;
  }
}

/**
 * Still firing: judged again under an identity of its own (the time it was due), so that it isn't taken for a duplicate of the first
 * event, while the same order given twice still is one. OK: told as resolved. Deleted: its incident can't wait for it. Without data, or
 * with its actions disabled by somebody who wants quiet: nothing is done, and it isn't forgotten either.
 */
function recheckOrder(signal: Signal, dueAt: number, alarm: LiveAlarm | undefined): Command | 'wait' {
  // What happened once has no level to look up: only the remediation can tell whether it is over.
  if (!hasLevel(signal)) return { nightshift: 1, command: 'signal', signal: anew(signal, dueAt, signal.at) };
  if (!alarm) return 'wait';
  if (alarm.state === 'GONE')
    return { nightshift: 1, command: 'settle', target: signal.target, alarms: { [alarm.arn]: 'GONE' } };
  const base = signal.id.split('#')[0];
  const at = new Date(alarm.stateAt).toISOString();
  if (alarm.state === 'ALARM' && alarm.actionsEnabled) {
    return { nightshift: 1, command: 'signal', signal: anew(signal, dueAt, at) };
  }
  if (alarm.state === 'OK') {
    const over: Signal = { ...signal, id: `${base}#ok-${alarm.stateAt}`, at, state: 'resolved' };
    return { nightshift: 1, command: 'signal', signal: over };
  }
  return 'wait';
}

const anew = (signal: Signal, dueAt: number, at: string): Signal => ({
  ...signal,
  id: `${signal.id.split('#')[0]}#recheck-${dueAt}`,
  at,
  recheck: signal.recheck + 1,
});

function statesOf(alarms: ReadonlyMap<string, LiveAlarm>): AlarmStates {
  return Object.fromEntries([...alarms.values()].map((alarm) => [alarm.arn, alarm.state]));
}

/** The runbook that an alarm's tags ask for, if it is one of this deployment's. */
export function runbookOf(
  tags: readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[],
  deployment: string,
  deployed: readonly string[],
): string | undefined {
  const tagged = (key: string) => tags.find((tag) => tag.Key === key)?.Value;
  const runbook = tagged(RUNBOOK_TAG);
  if (runbook === undefined || !deployed.includes(runbook)) return undefined;
  return (tagged(DEPLOYMENT_TAG) ?? deployment) === deployment ? runbook : undefined;
}

/** An alarm that fires although the journal knows nothing of it, or only an earlier state: its event was lost or never sent. */
export function isForgotten(
  alarm: LiveAlarm,
  known: { readonly state: string; readonly stateAt: number; readonly notOursUntil?: number } | undefined,
  now: number,
  graceMs: number,
): boolean {
  if (alarm.state !== 'ALARM' || !alarm.actionsEnabled) return false;
  if (now - alarm.stateAt < graceMs) return false; // its event may still be on its way
  if ((known?.notOursUntil ?? 0) > now) return false;
  return !(known?.state === 'ALARM' && known.stateAt >= alarm.stateAt - 1000);
}

/** What is known of disabled actions counts for so many runs of the reconciler, and is told again before it lapses. */
const RUNS_REMEMBERED = 6;

/**
 * Until when (epoch milliseconds) the actions of an alarm are to be remembered as disabled: `now` when they are enabled again; undefined when what is known
 * may stay as it is.
 */
export function disabledUntil(
  { actionsEnabled }: Pick<LiveAlarm, 'actionsEnabled'>,
  known: { readonly actionsDisabledUntil?: number } | undefined,
  now: number,
  everyMs: number,
): number | undefined {
  const until = known?.actionsDisabledUntil ?? 0;
  if (actionsEnabled) return until > now ? now : undefined;
  return until > now + 2 * everyMs ? undefined : now + RUNS_REMEMBERED * everyMs;
}
