import { defineJob } from '../manifest.ts';

export const manifest = defineJob({
  name: 'check-secrets',
  summary:
    'Names the secrets and secure parameters whose value is older than it may be, and those that end within days. Values are never read.',
  permissions: [
    {
      actions: ['secretsmanager:ListSecrets'],
      resources: ['*'],
      whyAnyResource:
        'Lists have no resource-level permissions (Service Authorization Reference, "Actions, resources, and condition keys for AWS Secrets Manager").',
    },
    {
      actions: ['secretsmanager:ListSecretVersionIds'],
      resources: ['arn:{partition}:secretsmanager:{region}:{account}:secret:*'],
      whyAnyResource:
        'It looks at every secret of the account, also those made later; the operation tells dates and ids, no value.',
    },
    {
      actions: ['ssm:DescribeParameters'],
      resources: ['*'],
      whyAnyResource:
        'Lists have no resource-level permissions (Service Authorization Reference, "Actions, resources, and condition keys for AWS Systems Manager").',
    },
  ],
  runsFor: 'checks',
  // Runbook 002, lines 838 to 842: once a week. Runbook 004, lines 83 to 91, asks daily for keys that end within 7 days.
  schedule: { cron: '0 6 * * ? *', timeZone: 'UTC' },
  flexibleMinutes: 30,
  deadlineSeconds: 3600,
  overdueAfterSeconds: 30 * 3600,
  effect: 'reads',
  severity: 'P4',
  timeoutSeconds: 60,
  memoryMegabytes: 256,
});
