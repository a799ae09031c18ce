/** What copying a snapshot of ours to the standby region takes. Data only. */
import type { Permission } from '../engine/manifest.ts';

const OWN = 'arn:{partition}:rds:{region}:{account}:snapshot:nightshift-{deployment}-{copiedDatabase}-*';
const COPIES = 'arn:{partition}:rds:{standbyRegion}:{account}:snapshot:nightshift-{deployment}-{copiedDatabase}-*';
const WHY = 'A snapshot is named by when it was asked for, which is not known before; the names of no others begin so.';

export const COPY_PERMISSIONS = [
  // "Actions defined by Amazon RDS": both the snapshot and its copy.
  { actions: ['rds:CopyDBSnapshot'], resources: [OWN, COPIES], whyAnyResource: WHY },
  { actions: ['rds:DescribeDBSnapshots', 'rds:AddTagsToResource'], resources: [COPIES], whyAnyResource: WHY },
  {
    // "Copying encrypted snapshots", Amazon RDS User Guide; "AWS KMS condition keys", kms:ViaService: by RDS alone.
    actions: ['kms:CreateGrant', 'kms:DescribeKey'],
    resources: ['{copyKey}'],
    onlyWhere: { 'kms:ViaService': 'rds.{standbyRegion}.amazonaws.com' },
  },
] as const satisfies readonly Permission[];
