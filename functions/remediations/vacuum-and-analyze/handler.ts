/** The database side of `vacuum-and-analyze`. It reaches the database and the journal, nothing else. */
import type pg from 'pg';
import { changeIn, readIn } from '../../databases/session.ts';
import { databaseOf, noUpstreams } from '../../databases/target.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { ActReport, Change, MayGoOn, RemainingMs, Remediation } from '../../engine/remediation.ts';
import { decide, nameOf, type Observation, type PlannedTable, planOf, verify } from './decide.ts';
import { examine } from './examine.ts';
import { manifest } from './manifest.ts';
import { type MaintenanceResult, maintain, readDue } from './sql.ts';

/** Time that must be left to write down what was done. */
const KEEP_FREE_MS = 10_000;
/** Less isn't worth beginning. */
const LEAST_MS = 1_000;

type Result = MaintenanceResult | 'no-longer-due' | 'no-time';

/** One after the other, each only if it still is due and nobody else is at it. */
async function vacuum(
  client: pg.Client,
  target: DatabaseConfig,
  change: Change,
  remaining: RemainingMs,
  mayGoOn: MayGoOn,
): Promise<ActReport> {
  const results: Record<Result, PlannedTable[]> = {
    done: [],
    skipped: [],
    'out-of-time': [],
    'no-longer-due': [],
    'no-time': [],
  };
  for (const [index, planned] of planOf(change).tables.entries()) {
    if (index > 0) await mayGoOn();
    results[await one(client, target, planned, remaining() - KEEP_FREE_MS)].push(planned);
  }
  const names = (result: Result) => results[result].map(nameOf);
  const left = [...names('skipped'), ...names('out-of-time'), ...names('no-time')];
  return {
    summary:
      `vacuumed ${names('done').join(', ') || 'no table'} of ${target.name}` +
      (left.length > 0 ? `; not ${left.join(', ')}` : ''),
    data: {
      done: names('done'),
      busy: names('skipped'),
      brokenOff: names('out-of-time'),
      noTime: names('no-time'),
      noLongerDue: names('no-longer-due'),
    },
  };
}

async function one(
  client: pg.Client,
  target: DatabaseConfig,
  planned: PlannedTable,
  withinMs: number,
): Promise<Result> {
  if (withinMs < LEAST_MS) return 'no-time';
  const [found] = (await readDue(client, target, planned.oid)).due;
  if (!found) return 'no-longer-due';
  if (found.isBusy || !found.mayMaintain) return 'skipped';
  return maintain(client, found, withinMs);
}

export const remediation: Remediation<DatabaseConfig, Observation> = {
  manifest,
  targetOf: databaseOf,
  upstreamsOf: noUpstreams,
  observe: (target, config) =>
    readIn(
      target,
      config,
      `the tables of ${target.name}`,
      async (client): Promise<Observation> => ({
        kind: 'tables',
        reading: await readDue(client, target),
      }),
    ),
  decide,
  act: (target, change, remaining, config, mayGoOn) =>
    changeIn(
      target,
      config,
      `vacuum tables of ${target.name}`,
      (client) => vacuum(client, target, change, remaining, mayGoOn),
      // The client waits as long as the whole action may take; each statement has a shorter limit of its own.
      { statementMs: Math.max(LEAST_MS, remaining() - KEEP_FREE_MS) },
    ),
  // A table that was vacuumed isn't due any more, so repeating the plan vacuums nothing twice.
  alreadyApplied: () => 'no',
  verify,
  examine,
};

export const handler = remediationHandler(remediation);
