/** The AWS side of `grow-storage`. */
import { ModifyDBInstanceCommand, RDSClient } from '@aws-sdk/client-rds';
import { readInstance } from '../../databases/instance.ts';
import { lookAt } from '../../databases/look.ts';
import { databaseOf, noUpstreams } from '../../databases/target.ts';
import { onceClientDefaults } from '../../engine/clients.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import { ChangedBySomeoneElseError, classifyAwsError } from '../../engine/errors.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { ActReport, Change, Remediation } from '../../engine/remediation.ts';
import { sendOnce } from '../../engine/send-once.ts';
import { alreadyApplied, decide, gibOf, type Observation, RESTS_FOR_MINUTES, verify } from './decide.ts';
import { examine } from './examine.ts';
import { manifest } from './manifest.ts';

// A second request would be refused while the first is carried out, and hide that it is.
const rds = new RDSClient(onceClientDefaults());

async function act(target: DatabaseConfig, change: Change): Promise<ActReport> {
  const { name } = target;
  const [before, after] = [gibOf(change, 'before'), gibOf(change, 'after')];
  const live = await readInstance(target);
  const isAsSeen = live.kind === 'instance' && live.storageGib === before && live.pending.length === 0;
  if (!isAsSeen) {
    const found =
      live.kind === 'missing' ? live.why : `${live.storageGib} GiB, pending: ${live.pending.join() || 'none'}`;
    throw new ChangedBySomeoneElseError(`DB instance ${name}`, `${before} GiB, pending: none`, found);
  }
  const what = `grow the storage of DB instance ${name} to ${after} GiB`;
  try {
    await sendOnce(() =>
      rds.send(
        new ModifyDBInstanceCommand({ DBInstanceIdentifier: name, AllocatedStorage: after, ApplyImmediately: true }),
      ),
    );
  } catch (error) {
    if (error instanceof Error && error.name === 'InvalidDBInstanceStateFault')
      throw new ChangedBySomeoneElseError(`DB instance ${name}`, `status ${live.status}`, error.message);
    throw classifyAwsError(what, error);
  }
  return { summary: `told RDS to ${what} (was ${before})`, data: { before, after } };
}

export const remediation: Remediation<DatabaseConfig, Observation> = {
  manifest,
  targetOf: databaseOf,
  upstreamsOf: noUpstreams,
  observe: (target) => lookAt(target, RESTS_FOR_MINUTES, ['configuration change']),
  decide,
  act,
  alreadyApplied,
  verify,
  examine,
};

export const handler = remediationHandler(remediation);
