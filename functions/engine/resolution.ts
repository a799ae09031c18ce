/** How an incident ends: by the last remediation that has nothing left to verify. */
import type { JournalEntry } from '../../events/journal.ts';
import type { Outcome } from '../../events/outcome.ts';
import { isAlarm } from '../../events/signal.ts';
import { writeTarget } from './action.ts';
import type { Protected } from './config.ts';
import type { Context } from './context.ts';
import { InFlightError } from './errors.ts';
import { handBackWork } from './hand-back.ts';
import { type ActionItem, type TargetItem, workOf } from './items.ts';
import type { Labelled, Store } from './store.ts';
import { alarmSeen, alarmsOk, allOk, judged, othersVerifying, resolved } from './target-state.ts';
import { entryMaker, putEntry, removeWork, updateAction } from './writes.ts';

/** `GONE`: there is no such alarm any more. */
export type AlarmStates = Readonly<Record<string, 'ALARM' | 'OK' | 'INSUFFICIENT_DATA' | 'GONE'>>;

/** Deleted alarms aren't looked at again. */
export const recheckOf = (store: Store, seen: AlarmStates): Labelled[] =>
  Object.keys(seen)
    .filter((arn) => seen[arn] === 'GONE')
    .map((arn) => removeWork(store.table, 'recheck', arn));

/** What happened without a level is over once the change that answers it is verified. */
export function overWith(action: ActionItem | undefined): Readonly<Record<string, 'OK'>> {
  const subject = action?.signal?.subject;
  return subject !== undefined && !isAlarm(subject) ? { [subject]: 'OK' } : {};
}

const stillOpen = ({ alarms }: TargetItem): string[] => Object.keys(alarms).filter((each) => alarms[each] !== 'OK');

export const noVerify = (store: Store, target: string, remediation: string): Labelled =>
  removeWork(store.table, 'verify', workOf(target, remediation));

/**
 * Nothing is left to do for this remediation, whose action helped if it made one. The incident is over with it, unless an action of another
 * remediation waits for its own verification: that one ends it.
 * @param waited id of the action of this remediation that waited for its verification when the target was read.
 */
export async function resolve<T extends Protected, O>(
  context: Context<T, O>,
  targetName: string,
  seen: AlarmStates,
  waited: string | undefined,
  action: ActionItem | undefined,
  detail: string,
): Promise<Outcome> {
  const { store, remediation } = context;
  const { name } = remediation.manifest;
  const now = context.now();
  let ended = '';
  await writeTarget(store, targetName, (read) => {
    const over = overWith(action);
    const present = alarmSeen(read, { ...seen, ...over }, now);
    const { openIncidentId } = present;
    if (!openIncidentId || !alarmsOk(present) || present.verifying[name] !== waited)
      throw new InFlightError(`${targetName}: its incident changed while it was being resolved`);
    const make = entryMaker(openIncidentId, name, now);
    const entries: JournalEntry[] = [];
    if (action) entries.push(make('verified', detail, { actionId: action.actionId }));
    const items = [
      ...(action ? [updateAction(store.table, action, { ...action, status: 'verified' as const })] : []),
      ...recheckOf(store, seen),
      ...Object.keys(over).map((each) => removeWork(store.table, 'recheck', each)),
    ];
    const put = () => entries.map((entry) => putEntry(store.table, entry));
    const waiting = othersVerifying(present, name);
    const told = Object.keys(present.alarms).length > 0;
    if (waiting.length > 0 && told) {
      ended = `${openIncidentId} waits for the verification of ${waiting.join(' and ')}`;
      return { next: judged(present, name), items: [...items, noVerify(store, targetName, name), ...put()] };
    }
    if (!allOk(present)) {
      // Something else without a level is still to be judged by its own recheck.
      ended = `${openIncidentId} stays open: ${stillOpen(present).join(', ')}`;
      return { next: judged(present, name), items: [...items, noVerify(store, targetName, name), ...put()] };
    }
    ended = `${openIncidentId} resolved`;
    if (!told) entries.push(make('escalated', `${detail}: nothing tells any more whether the trouble is over`));
    entries.push(make('resolved', action ? 'all alarms OK, action verified' : `no alarm is firing: ${detail}`));
    return {
      next: resolved(present),
      items: [
        ...items,
        noVerify(store, targetName, name),
        ...put(),
        ...waiting.map((other) => noVerify(store, targetName, other)),
        ...handBackWork(store, targetName, present, now),
      ],
    };
  });
  return { kind: 'noted', detail: ended };
}
