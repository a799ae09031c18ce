import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'restart-database',
  summary: 'Restarts a DB instance whose memory is used up or that lets nobody in, once an hour at most.',
  targetKind: 'rds-instance',
  triggers: [
    { namespace: 'AWS/RDS', metricName: 'SwapUsage', dimensions: ['DBInstanceIdentifier'] },
    { namespace: 'AWS/RDS', metricName: 'FreeableMemory', dimensions: ['DBInstanceIdentifier'] },
  ],
  permissions: [
    {
      actions: ['rds:DescribeDBInstances', 'rds:RebootDBInstance'],
      resources: ['arn:{partition}:rds:{region}:{account}:db:{database}'],
    },
    {
      actions: ['rds:DescribeEvents'],
      resources: ['*'],
      whyAnyResource:
        "DescribeEvents isn't authorized on DB instances: it lists the account's events, narrowed by its parameters (Service Authorization Reference, Amazon RDS).",
    },
    {
      actions: ['cloudwatch:GetMetricData'],
      resources: ['*'],
      whyAnyResource:
        'GetMetricData has no resource types (Service Authorization Reference, Actions for Amazon CloudWatch).',
    },
  ],
  network: 'none',
  risk: 'high',
  removesCapacity: true,
  idempotency: 'evidence',
  defaults: { cooldownSeconds: 3600, perTargetPerHour: 1, perRunbookPerHour: 2 },
  documentation: {
    refusesWhen: [
      "the instance isn't there, isn't available, or is a member of a cluster",
      'parameter changes wait for a restart, which this one would put in force',
      'it restarted within the hour, is settling after that, or is recovering from a crash',
      'it is said to let nobody in, but clients are connected to it, or nobody can tell whether any are',
      'it is said to let nobody in, but no client was connected when its heartbeats stopped, or none of these was answered within the hour: it may be idle and well',
    ],
    undo: 'There is nothing to put back: clients connect again by themselves.',
  },
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
