/** The AWS side of `restart-database`. */
import { readConnected } from '../../databases/connected.ts';
import { readDatabaseGuards } from '../../databases/guards.ts';
import { lookAt } from '../../databases/look.ts';
import { reboot } from '../../databases/reboot.ts';
import { databaseOf, noUpstreams } from '../../databases/target.ts';
import type { DatabaseConfig, RuntimeConfig } from '../../engine/config.ts';
import { ChangedBySomeoneElseError } from '../../engine/errors.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { ActReport, Change, Remediation } from '../../engine/remediation.ts';
import { alreadyApplied, decide, notAsSeen, type Observation, verify } from './decide.ts';
import { examine } from './examine.ts';
import { manifest } from './manifest.ts';

/** How far back restarts count. */
const MINUTES = 60;
const CATEGORIES = ['availability', 'failover', 'recovery'];

async function observe(target: DatabaseConfig, config: RuntimeConfig): Promise<Observation> {
  const [look, connected] = await Promise.all([lookAt(target, MINUTES, CATEGORIES), readConnected(target, config)]);
  return look.kind === 'missing' ? look : { ...look, connected };
}

/** RDS compares nothing, so one look comes directly before: somebody else's restart, which is over already, shows in the events only. */
async function act(target: DatabaseConfig, change: Change): Promise<ActReport> {
  const { name } = target;
  const found = notAsSeen(change, await lookAt(target, MINUTES, CATEGORIES));
  if (found) throw new ChangedBySomeoneElseError(`DB instance ${name}`, 'available, not restarted', found);
  await reboot(target, false);
  return { summary: `told ${name} to restart`, data: {} };
}

export const remediation: Remediation<DatabaseConfig, Observation> = {
  manifest,
  targetOf: databaseOf,
  upstreamsOf: noUpstreams,
  observe,
  decide,
  act,
  alreadyApplied,
  verify,
  examine,
  readGuards: readDatabaseGuards,
};

export const handler = remediationHandler(remediation);
