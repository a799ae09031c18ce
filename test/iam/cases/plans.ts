/** What recovery plans do only when they are backed out; their scenarios take the other paths. */
import { DescribeDBInstancesCommand } from '@aws-sdk/client-rds';
import { manifest } from '../../../functions/recovery/database-restore/manifest.ts';
import {
  ACCOUNTS_ENVIRONMENT,
  ACCOUNTS_TARGETS,
  accountsSecret,
  copiesOf,
  restoreAccounts,
} from '../../../local/scenarios/support/accounts.ts';
import { startPlan, untilEnded } from '../../../local/scenarios/support/plans.ts';
import { expectThat, type Figures, type Scenario, type Stage } from '../../../local/scenarios/types.ts';
import { ACCOUNTS } from '../../../local/services/accounts.ts';
import type { World } from '../../../local/world/world.ts';

const PLAN = manifest.name;
const { database } = ACCOUNTS;
const FAULT = 'nobody is admitted';
const ENDED_WITHIN_MS = 240_000;

/** Before services can reach it, what it restored is removed. */
const backedOut: Scenario<World> = {
  name: 'plan-backed-out',
  groups: [],
  rank: 0,
  summary: 'database-restore is backed out before services can reach what it restored',
  targets: ACCOUNTS_TARGETS,
  uses: ACCOUNTS_TARGETS,
  timeLimitMs: 600_000,
  environment: ACCOUNTS_ENVIRONMENT,
  run: async (world, stage): Promise<Figures> => {
    const secret = accountsSecret(world, stage);
    const version = await secret.current();
    stage.restore('the accounts as they were', () => restoreAccounts(world, stage, secret, version));
    const at = await lastMoment(world, stage);
    const rehearsal = await startPlan(world, stage, PLAN, {
      database,
      at,
      rehearse: true,
      startedBy: 'person:demo-user',
    });
    const rehearsed = await untilEnded(world, stage, PLAN, rehearsal, ENDED_WITHIN_MS);
    expectThat(
      rehearsed.verdict === 'rehearsed',
      `expected a rehearsal, but it ${rehearsed.verdict}: ${rehearsed.summary}`,
    );
    const match = { service: 'rds', operation: 'ModifyDBInstance', caller: `nightshift-demo-${PLAN}` };
    world.faults.add({ name: FAULT, match, kind: 'refused' });
    stage.restore('the faults', () => void world.faults.remove(FAULT));
    const run = await startPlan(world, stage, PLAN, { database, at, startedBy: 'person:demo-user' });
    const ended = await untilEnded(world, stage, PLAN, run, ENDED_WITHIN_MS);
    const left = await copiesOf(world);
    expectThat(
      ended.verdict === 'backed-out' && left.length === 0,
      `expected it to be backed out and to leave nothing, but it ${ended.verdict} (${ended.summary}) and left ${left.join(', ') || 'nothing'}`,
    );
    return {};
  },
};

/** The last one that RDS can restore. */
const lastMoment = (world: World, stage: Stage): Promise<string> =>
  stage.until(`RDS to be able to restore ${database} to a moment`, async () => {
    const { DBInstances: [found] = [] } = await world
      .clients()
      .rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: database }));
    return found?.LatestRestorableTime?.toISOString();
  });

export const PLAN_CASES = [backedOut];
