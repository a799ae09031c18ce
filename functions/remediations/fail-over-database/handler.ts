/** The AWS side of `fail-over-database`. */
import { readEvents } from '../../databases/events.ts';
import { readInstance } from '../../databases/instance.ts';
import { reboot } from '../../databases/reboot.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import { ChangedBySomeoneElseError } from '../../engine/errors.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { ActReport, Change, Remediation } from '../../engine/remediation.ts';
import { afterOf, alreadyApplied, beforeOf, decide, type Observation, verify } from './decide.ts';
import { examine } from './examine.ts';
import { manifest } from './manifest.ts';

/** How far back failovers count. */
const MINUTES = 60;
const CATEGORIES = ['failover', 'availability', 'recovery'];

async function observe(target: DatabaseConfig): Promise<Observation> {
  // Before the reading: what happens meanwhile is later than this.
  const at = new Date().toISOString();
  const [instance, events] = await Promise.all([readInstance(target), readEvents(target, MINUTES, CATEGORIES)]);
  if (instance.kind === 'missing') return instance;
  const { status, cluster, multiAz, zone, secondaryZone, pending } = instance;
  return {
    kind: 'instance',
    at,
    events,
    status,
    ...(cluster && { cluster }),
    multiAz,
    zone,
    ...(secondaryZone && { secondaryZone }),
    pending,
  };
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
  targetOf: (key, config) => Object.values(config.databases).find((each) => key === `rds-instance/${each.name}`),
  upstreamsOf: () => [],
  observe,
  decide,
  act,
  alreadyApplied,
  verify,
  examine,
};

export const handler = remediationHandler(remediation);
