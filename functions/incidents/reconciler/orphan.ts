/** Work of a remediation that isn't deployed any more: nobody would ever do it, so a person is told once and the target let go. */
import { readAction, writeTarget } from '../../engine/action.ts';
import { holdsBy } from '../../engine/holds.ts';
import type { WorkItem } from '../../engine/items.ts';
import type { Store } from '../../engine/store.ts';
import { judged, othersVerifying, released, resolved } from '../../engine/target-state.ts';
import { dropWork, entryMaker, putEntry } from '../../engine/writes.ts';

/**
 * Ends the work. Where an incident, a held change or an unfinished intent hangs on it, a person is paged with what was left.
 * @throws RetryableError when the journal kept moving.
 */
export async function leaveToPerson(store: Store, work: WorkItem, now: number): Promise<void> {
  const { remediation, target, kind } = work;
  const action = kind === 'unfinished' || kind === 'undo' ? await readAction(store, work.id) : undefined;
  await writeTarget(store, target, (present) => {
    const holds = holdsBy(present.holds, remediation);
    const incidentId = action?.incidentId ?? present.openIncidentId ?? holds[0]?.incidentId;
    const left = [
      ...(action ? [`it may or may not have made its last change (${action.change.summary})`] : []),
      ...holds.map((hold) => `${hold.field} is still ${hold.value} instead of ${hold.baseline}`),
      ...(present.openIncidentId ? ['the alarm may still be firing'] : []),
    ];
    const summary = `${remediation} is no longer deployed, so ${target} is left to a person: ${left.join('; ')}`;
    const data = { remediation, target, ...(action && { actionId: action.actionId, undo: action.change.undo }) };
    const entry = incidentId && entryMaker(incidentId, 'reconciler', now)('escalated', summary, data);
    // What another remediation did there is still verified by itself, and its incident is still open.
    const mine = judged(present, remediation);
    const over = othersVerifying(mine, remediation).length > 0 ? mine : resolved(mine);
    // Only its own: a plan, or another remediation's action, may have the target in hand.
    const free = action ? released(over, action.actionId) : over;
    return {
      next: { ...free, holds: free.holds.filter((hold) => hold.remediation !== remediation) },
      items: [dropWork(store.table, work), ...(entry ? [putEntry(store.table, entry)] : [])],
    };
  });
}
