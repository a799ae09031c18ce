/**
 * Rebooting an instance, once. RebootDBInstance takes no token and a second one isn't the first one again: an answer that was lost is never asked for
 * by a second call, and whether it happened is read from the instance afterwards.
 */
import { RDSClient, RebootDBInstanceCommand } from '@aws-sdk/client-rds';
import { onceClientDefaults } from '../engine/clients.ts';
import type { DatabaseConfig } from '../engine/config.ts';
import { ChangedBySomeoneElseError, classifyAwsError } from '../engine/errors.ts';
import { sendOnce } from '../engine/send-once.ts';

const rds = new RDSClient(onceClientDefaults());

/**
 * @throws ChangedBySomeoneElseError when the instance isn't available any more; RetryableError when it may or may not have happened, or RDS was
 *   busy; PermissionError; ActionFailedError.
 */
export async function reboot({ name }: Pick<DatabaseConfig, 'name'>, forceFailover: boolean): Promise<void> {
  try {
    await sendOnce(() =>
      rds.send(new RebootDBInstanceCommand({ DBInstanceIdentifier: name, ForceFailover: forceFailover })),
    );
  } catch (error) {
    // The re-read directly before saw it available, so somebody's change came in between.
    if (error instanceof Error && error.name === 'InvalidDBInstanceStateFault')
      throw new ChangedBySomeoneElseError(`DB instance ${name}`, 'status available', error.message);
    throw classifyAwsError(`${forceFailover ? 'fail over' : 'reboot'} DB instance ${name}`, error);
  }
}
