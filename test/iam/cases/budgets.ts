/** When a slot of a budget is taken, a remediation looks for a free one: the only time that it queries the journal. */
import { claimSlot } from '../../../functions/engine/writes.ts';
import { DATABASE_TARGET } from '../../../local/scenarios/support/database.ts';
import { untilQuiet } from '../../../local/scenarios/support/incidents.ts';
import type { Scenario, Stage } from '../../../local/scenarios/types.ts';
import type { World } from '../../../local/world/world.ts';
import {
  CONNECTIONS_ALARM,
  CPU_ALARM,
  fillConnections,
  fireUntil,
  journalOf,
  nextCall,
  RELEASE,
  SCALE_OUT,
  SERVICE_TARGET,
} from './support.ts';

/** Both budgets of the demo's configuration (`perRunbookPerHour`). */
const SLOTS = 100;
/** Most items of a transaction (DynamoDB API reference, TransactWriteItems). */
const AT_ONCE = 100;
const base = { groups: [], uses: [SERVICE_TARGET, DATABASE_TARGET], timeLimitMs: 90_000 };

/** Takes every slot of the budget for an hour. */
async function spend(world: World, remediation: string): Promise<void> {
  const store = journalOf(world);
  const claims = Array.from({ length: SLOTS }, (_, slot) =>
    claimSlot(store.table, `slot ${slot}`, remediation, slot, 'of-the-case', Date.now()),
  );
  // One by one: slots that were really used must not keep the others from being taken.
  for (let start = 0; start < claims.length; start += AT_ONCE)
    await Promise.all(claims.slice(start, start + AT_ONCE).map((claim) => store.transact([claim])));
}

const spent = (
  name: string,
  remediation: string,
  target: string,
  caller: string,
  alarm: string,
  prepare: (world: World, stage: Stage) => Promise<void>,
): Scenario<World> => ({
  ...base,
  name,
  summary: `${remediation} finds no slot of its budget free`,
  rank: 9,
  targets: [target],
  run: async (world, stage) => {
    await untilQuiet(world, stage, target, remediation);
    await prepare(world, stage);
    await spend(world, remediation);
    // A cooldown may still run from the case before; then the alarm is refused without a look at budgets.
    await fireUntil(world, alarm, nextCall(world, stage, caller, 'Query'));
    return {};
  },
});

export const BUDGET_CASES = [
  spent('service-budget', 'scale-out-service', SERVICE_TARGET, SCALE_OUT, CPU_ALARM, async () => {}),
  spent('database-budget', 'release-idle-connections', DATABASE_TARGET, RELEASE, CONNECTIONS_ALARM, fillConnections),
];
