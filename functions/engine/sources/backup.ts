/** Backup jobs of AWS Backup; what happened is the job's state (`FAILED`, `ABORTED`, `EXPIRED`, `COMPLETED` ...). */
import { backup } from '../../../events/sources/backup/schema.ts';
import { happened, oneTarget, targetsOfArn } from './build.ts';
import { type EventSource, malformed } from './source.ts';

export const source: EventSource = {
  name: 'backup',
  eventPattern: (what) => ({
    source: ['aws.backup'],
    'detail-type': ['Backup Job State Change'],
    ...(what.length > 0 && { detail: { state: what } }),
  }),
  toSignal(event, { region }) {
    const parsed = backup.safeParse(event);
    if (!parsed.success) return malformed(event, parsed.error);
    const { id, time, detail } = parsed.data;
    const { state: what, backupJobId, resourceArn = '', statusMessage, backupVaultName } = detail;
    const target = oneTarget(id, targetsOfArn(resourceArn, region), `backup job ${backupJobId}`);
    if (typeof target !== 'string') return target;
    const facts = { backupJobId, backupVaultName };
    return happened('backup', { id, time, target, what, reason: statusMessage || `backup job ${what}`, facts });
  },
};
