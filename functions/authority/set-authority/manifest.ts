/**
 * The hand in a database's network: tells it until when it may write. Whoever decides that is in the standby's region, and has no way into this network but by invoking this function.
 */
import type { AuthorityManifest } from '../manifest.ts';
import { SET_AUTHORITY_SECONDS } from '../orders.ts';

export const manifest: AuthorityManifest = {
  name: 'set-authority',
  summary: 'Tells a database until when it may take writes, as the standby’s region grants it.',
  permissions: [
    {
      actions: ['rds-db:connect'],
      resources: ['arn:{partition}:rds-db:{region}:{account}:dbuser:{authorityResourceId}/nightshift_authority'],
    },
  ],
  timeoutSeconds: SET_AUTHORITY_SECONDS,
  memoryMegabytes: 256,
};
