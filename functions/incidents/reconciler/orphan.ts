/** Work of a remediation that isn't deployed any more: nobody would ever do it, so a person is told once and the target let go. */
import { readAction, writeTarget } from '../../engine/action.ts';
import type { WorkItem } from '../../engine/items.ts';
import type { Store } from '../../engine/store.ts';
import { holdDropped, released, resolved } from '../../engine/target-state.ts';
import { dropWork, entryMaker, putEntry } from '../../engine/writes.ts';

/**
 * Ends the work. Where an incident, a held change or an unfinished intent hangs on it, a person is paged with what was left.
 * @throws RetryableError when the journal kept moving.
 */
export async function leaveToPerson(store: Store, work: WorkItem, now: number): Promise<void> {
  const { remediation, target, kind } = work;
  const action = kind === 'unfinished' ? await readAction(store, work.id) : undefined;
  await writeTarget(store, target, (present) => {
    const hold = present.hold?.remediation === remediation ? present.hold : undefined;
    const incidentId = action?.incidentId ?? present.openIncidentId ?? hold?.incidentId;
    const left = [
      ...(action ? [`it may or may not have made its last change (${action.change.summary})`] : []),
      ...(hold ? [`${hold.field} is still ${hold.value} instead of ${hold.baseline}`] : []),
      ...(present.openIncidentId ? ['the alarm may still be firing'] : []),
    ];
    const summary = `${remediation} is no longer deployed, so ${target} is left to a person: ${left.join('; ')}`;
    const data = { remediation, target, ...(action && { actionId: action.actionId, undo: action.change.undo }) };
    const entry = incidentId && entryMaker(incidentId, 'reconciler', now)('escalated', summary, data);
    const free = released(resolved(present), action?.actionId ?? present.leaseHolder ?? '');
    return {
      next: hold ? holdDropped(free) : free,
      items: [dropWork(store.table, work), ...(entry ? [putEntry(store.table, entry)] : [])],
    };
  });
}
