/** What an instance's status means for whoever wants to change it. Pure. "Viewing Amazon RDS DB instance status" (Amazon RDS User Guide). */
import type { Decision } from '../engine/remediation.ts';

/** Statuses that end by themselves in `available`: something is being done to the instance, by AWS or by somebody else. */
const PASSING = new Set([
  'backing-up',
  'configuring-enhanced-monitoring',
  'configuring-iam-database-auth',
  'configuring-log-exports',
  'converting-to-vpc',
  'creating',
  'maintenance',
  'modifying',
  'moving-to-vpc',
  'rebooting',
  'renaming',
  'resetting-master-credentials',
  'starting',
  'storage-config-upgrade',
  'storage-initialization',
  'storage-optimization',
  'upgrading',
]);

const RECHECK_SECONDS = 60;

/** Why nothing can be done to an instance in that status now; `undefined` when it is available. A status that isn't known is a person's matter. */
export function notAvailable(name: string, status: string): Decision | undefined {
  if (status === 'available') return undefined;
  if (PASSING.has(status))
    return {
      kind: 'hold',
      reason: 'maintenance',
      detail: `${name} is ${status}`,
      recheckAfterSeconds: RECHECK_SECONDS,
    };
  return {
    kind: 'escalate',
    reason: `${name} is ${status}, which doesn't end by itself`,
    recheckAfterSeconds: RECHECK_SECONDS,
  };
}
