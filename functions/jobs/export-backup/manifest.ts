import { defineJob } from '../manifest.ts';

const BUCKET = 'arn:{partition}:s3:::nightshift-{deployment}-db-{account}-{region}';

export const manifest = defineJob({
  name: 'export-backup',
  summary:
    'Has the newest proved backup of each database written to S3 table by table, and checks that every table is there: a logical copy that no PostgreSQL is needed to read.',
  permissions: [
    {
      actions: ['rds:DescribeDBSnapshots'],
      // Asked for by the instance, it is authorized on all snapshots and on that instance ("Actions defined by Amazon RDS").
      resources: [
        'arn:{partition}:rds:{region}:{account}:snapshot:{exportedSnapshots}',
        'arn:{partition}:rds:{region}:{account}:db:{exportedDatabase}',
      ],
      whyAnyResource:
        'The newest backup of an instance is looked for, whose name is not known before (Service Authorization Reference, Amazon RDS).',
    },
    {
      actions: ['rds:DescribeExportTasks'],
      resources: ['*'],
      whyAnyResource:
        'DescribeExportTasks has no resource types (Service Authorization Reference, Actions for Amazon RDS).',
    },
    {
      actions: ['rds:StartExportTask'],
      resources: ['arn:{partition}:rds:{region}:{account}:snapshot:nightshift-{deployment}-{exportedDatabase}-*'],
      whyAnyResource:
        'A snapshot is named by the time of its run, which is not known before; the names of no others begin so.',
    },
    {
      // "StartExportTask", Amazon RDS API Reference: whoever asks passes the role on and may use the key.
      actions: ['iam:PassRole'],
      resources: ['{exportRole}'],
      onlyWhere: { 'iam:PassedToService': 'export.rds.amazonaws.com' },
    },
    {
      actions: ['kms:CreateGrant', 'kms:DescribeKey'],
      resources: ['{exportKey}'],
      onlyWhere: { 'kms:ViaService': 'rds.{region}.amazonaws.com' },
    },
    {
      actions: ['s3:ListBucket'],
      resources: [BUCKET],
    },
    {
      // What RDS says of the export, never the data itself.
      actions: ['s3:GetObject'],
      resources: [`${BUCKET}/{exportedDatabase}/*/export_*`],
      whyAnyResource: 'An export is named by a hash of its snapshot, which is not known before.',
    },
    {
      actions: ['kms:Decrypt'],
      resources: ['{exportKey}'],
      onlyWhere: { 'kms:ViaService': 's3.{region}.amazonaws.com' },
    },
  ],
  readsRuns: true,
  usesExports: true,
  runsFor: 'exported-database',
  // Weekly, once the backup of that day is proved (verify-backup). Runbooks 001, line 395, and 004, line 341, dump before each change of the schema: `nightshift export` does.
  schedule: { cron: '0 10 ? * SUN *', timeZone: 'UTC' },
  flexibleMinutes: 15,
  // "Creating snapshot export tasks": a large database takes hours, most of them before the first table is written.
  deadlineSeconds: 24 * 3600,
  overdueAfterSeconds: 9 * 24 * 3600,
  effect: 'adds',
  severity: 'P3',
  timeoutSeconds: 120,
  memoryMegabytes: 512,
});
