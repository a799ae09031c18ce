/**
 * Renews, each minute, the lease by which the primary of a pair takes writes. It runs in the standby's region and reaches out, so that no one in the primary's region can grant itself anything, and
 * nothing there can write the journal by which a failover goes (docs/decisions/0250).
 */
import type { AuthorityManifest } from '../manifest.ts';

export const manifest: AuthorityManifest = {
  name: 'keep-authority',
  summary: 'Renews the lease by which the primary databases of pairs take writes.',
  permissions: [
    {
      actions: ['lambda:InvokeFunction'],
      resources: ['arn:{partition}:lambda:{standbyRegion}:{account}:function:{holderFunction}'],
    },
  ],
  everyMinutes: 1,
  timeoutSeconds: 55,
  memoryMegabytes: 256,
};
