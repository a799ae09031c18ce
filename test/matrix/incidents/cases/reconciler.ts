/** The reconciler: what is due is handed over, however its runs end; the next run finds what the last one left. */

import { runLeaseKey, type WorkItem, type WorkKind, workKey, workOf } from '../../../../functions/engine/items.ts';
import { dropWork, putWork } from '../../../../functions/engine/writes.ts';
import { signal } from '../../../support/fixtures.ts';
import { age } from '../../age.ts';
import { asynchronously } from '../delivering.ts';
import { FOLLOWER, orderTaker, REMEDIATION } from '../site.ts';
import { counted, endFollowing, open, targetOf, tell } from '../story.ts';
import type { Prepared, Site, UnitCase } from '../types.ts';

/** Longer than the lease of a run that died (its time limit of 240 s and a margin), and than a period. */
const UNTIL_NEXT_RUN_MS = 260_000;
const RUNS = 5;

export const unitCase: UnitCase = {
  unit: 'reconciler',
  ownJournal: true,
  deliveries: { 'hand over': prepare },
};

/** A proof that is due, a change to hand back, an intent that was left, and an incident that nobody follows. */
async function prepare(site: Site, incidentId: string): Promise<Prepared> {
  const { store, place, effects } = site;
  const target = targetOf(incidentId);
  await tell(site, incidentId, 3, []);
  await open(site, incidentId, { alarms: {} });
  const due: readonly { kind: WorkKind; id: string }[] = [
    { kind: 'verify', id: workOf(target, REMEDIATION) },
    { kind: 'hand-back', id: workOf(target, REMEDIATION) },
    { kind: 'unfinished', id: `act-${incidentId}` },
    { kind: 'recheck', id: `ecs-event:${target}:STOPPED` },
  ];
  const held = { ...signal, source: 'ecs-service' as const, id: incidentId, target, subject: due[3]?.id ?? '' };
  for (const { kind, id } of due)
    await store.transact([
      putWork(store.table, {
        ...{ kind, id, remediation: REMEDIATION, target, dueAt: Date.now() - 10_000, attempts: 0 },
        ...(kind === 'recheck' && { signal: held }),
      }),
    ]);
  const keys = due.map(({ kind, id }) => workKey(kind, id));
  const signsBefore = effects.signs;
  const between = () =>
    age(place.clients.journal, store.table, [...keys, runLeaseKey('reconciler')], UNTIL_NEXT_RUN_MS);
  return {
    deliver: (copies) => asynchronously(site, {}, copies, { runs: RUNS, between }),
    check: async () => {
      // A run that another one skipped for, or that died, is followed by the next.
      await between();
      const again = await asynchronously(site, {}, 1, { runs: RUNS, between });
      const work = await store.readAll(keys);
      return [
        ...again,
        ...due.flatMap(({ kind, id }, at) => handedOver(site, incidentId, kind, work.get(keys[at]?.pk ?? ''), id)),
        ...counted('I1: orders to follow it', effects.orders(FOLLOWER, incidentId).length, 1, 2 * RUNS),
        ...(effects.signs > signsBefore ? [] : ['I13: no run gave a sign of life']),
        ...(await leaseLeft(site)),
      ];
    },
    dispose: async () => {
      for (const item of (await store.readAll(keys)).values())
        await store.transact([dropWork(store.table, item as unknown as WorkItem)]);
      await endFollowing(site, incidentId);
    },
  };
}

const COMMANDS: Readonly<Record<WorkKind, string>> = {
  verify: 'settle',
  'hand-back': 'hand-back',
  unfinished: 'resume',
  recheck: 'signal',
  undo: 'undo',
};

/** Given at least once, never without its work being put off before, and nothing forgotten while nobody has done it. */
function handedOver(
  { effects }: Site,
  incidentId: string,
  kind: WorkKind,
  work: Record<string, unknown> | undefined,
  id: string,
): string[] {
  if (!work) return [`I1: the work ${kind} ${id} is gone, and nobody did it`];
  const orders = effects
    .orders(orderTaker(REMEDIATION), incidentId)
    .filter((text) => text.includes(`"command":"${COMMANDS[kind]}"`));
  const attempts = Number(work.attempts);
  // The SDK sends an order whose answer was lost again: it is known by its signal, or does nothing the second time.
  return counted(`I1: orders to ${COMMANDS[kind]}`, orders.length, 1, attempts + 2);
}

async function leaseLeft({ store }: Site): Promise<string[]> {
  const lease = await store.read(runLeaseKey('reconciler'));
  return lease ? ['I2: the lease of a run that ended well is left'] : [];
}
