/** The AWS side of `fail-over-database`. */
import { readConnected } from '../../databases/connected.ts';
import { readDatabaseGuards } from '../../databases/guards.ts';
import { readInstance } from '../../databases/instance.ts';
import { lookAt } from '../../databases/look.ts';
import { reboot } from '../../databases/reboot.ts';
import { databaseOf, noUpstreams } from '../../databases/target.ts';
import type { DatabaseConfig, RuntimeConfig } from '../../engine/config.ts';
import { ChangedBySomeoneElseError } from '../../engine/errors.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { ActReport, Change, Remediation } from '../../engine/remediation.ts';
import { afterOf, alreadyApplied, beforeOf, decide, type Observation, verify } from './decide.ts';
import { examine } from './examine.ts';
import { manifest } from './manifest.ts';

/** How far back failovers count. */
const MINUTES = 60;
const CATEGORIES = ['failover', 'availability', 'recovery'];

async function observe(target: DatabaseConfig, config: RuntimeConfig): Promise<Observation> {
  const [look, connected] = await Promise.all([lookAt(target, MINUTES, CATEGORIES), readConnected(target, config)]);
  return look.kind === 'missing' ? look : { ...look, connected };
}

async function act(target: DatabaseConfig, change: Change): Promise<ActReport> {
  const { name } = target;
  const [before, after] = [beforeOf(change), afterOf(change)];
  const live = await readInstance(target);
  const isAsSeen = live.kind === 'instance' && live.status === 'available' && live.multiAz && live.zone === before.zone;
  if (!isAsSeen) {
    const found =
      live.kind === 'missing' ? live.why : `${live.status} in ${live.zone}${live.multiAz ? '' : ', Single-AZ'}`;
    throw new ChangedBySomeoneElseError(`DB instance ${name}`, `available, Multi-AZ, in ${before.zone}`, found);
  }
  await reboot(target, true);
  return {
    summary: `told ${name} to fail over from ${before.zone} to ${after.zone}`,
    data: { from: before.zone, to: after.zone },
  };
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
