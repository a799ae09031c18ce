/**
 * Changing one setting of an instance at once, if it still is as it was seen. RDS compares nothing and takes no token: the instance is read directly
 * before, and an answer that was lost is never asked for by a second call, because that one would be refused while the first is carried out.
 */
import { ModifyDBInstanceCommand, type ModifyDBInstanceCommandInput } from '@aws-sdk/client-rds';
import type { DatabaseConfig } from '../engine/config.ts';
import { ChangedBySomeoneElseError, classifyAwsError } from '../engine/errors.ts';
import type { ActReport, Json } from '../engine/remediation.ts';
import { sendOnce } from '../engine/send-once.ts';
import { type Instance, readInstance } from './instance.ts';
import { onceRds } from './rds-clients.ts';

export interface Modification<Value extends Json> {
  /** "grow the storage of DB instance orders-db to 30 GiB". */
  readonly what: string;
  readonly before: Value;
  readonly after: Value;
  /** The setting, as the instance has it. */
  present(instance: Instance): Value;
  readonly unit?: string;
  /** Where it is; undefined: in the function's own region. */
  readonly region?: string;
  readonly set: Omit<ModifyDBInstanceCommandInput, 'DBInstanceIdentifier' | 'ApplyImmediately'>;
}

/**
 * "ModifyDBInstance" (Amazon RDS API Reference): with ApplyImmediately, changes that wait for the maintenance window come into force, too; so none may wait.
 * @throws ChangedBySomeoneElseError when the setting isn't as it was, changes wait, or the instance isn't available any more; RetryableError when it may or may
 *   not have happened, or RDS was busy; PermissionError; ActionFailedError.
 */
export async function modifyNow<Value extends Json>(
  { name }: Pick<DatabaseConfig, 'name'>,
  { what, before, after, present, unit = '', region, set }: Modification<Value>,
): Promise<ActReport> {
  const live = await readInstance({ name }, region);
  if (live.kind === 'missing' || present(live) !== before || live.pending.length > 0) {
    const found =
      live.kind === 'missing' ? live.why : `${present(live)}${unit}, pending: ${live.pending.join() || 'none'}`;
    throw new ChangedBySomeoneElseError(`DB instance ${name}`, `${before}${unit}, pending: none`, found);
  }
  try {
    await sendOnce(() =>
      onceRds(region).send(new ModifyDBInstanceCommand({ ...set, DBInstanceIdentifier: name, ApplyImmediately: true })),
    );
  } catch (error) {
    // The read directly before saw it as it was, so somebody's change came in between.
    if (error instanceof Error && error.name === 'InvalidDBInstanceStateFault')
      throw new ChangedBySomeoneElseError(`DB instance ${name}`, `status ${live.status}`, error.message);
    throw classifyAwsError(what, error);
  }
  return { summary: `told RDS to ${what} (was ${before})`, data: { before, after } };
}
