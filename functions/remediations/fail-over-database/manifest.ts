import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'fail-over-database',
  summary: 'Has the standby of a Multi-AZ DB instance take over when its primary is sick without being dead.',
  targetKind: 'rds-instance',
  // A host, volume or server that is sick and still answers RDS's own health checks. When it stops answering these, RDS fails over by itself.
  triggers: [
    { namespace: 'AWS/RDS', metricName: 'WriteLatency', dimensions: ['DBInstanceIdentifier'] },
    { namespace: 'AWS/RDS', metricName: 'ReadLatency', dimensions: ['DBInstanceIdentifier'] },
    { namespace: 'AWS/RDS', metricName: 'DiskQueueDepth', dimensions: ['DBInstanceIdentifier'] },
    // What write-heartbeat measures: the server lets nobody in.
    { namespace: 'Nightshift', metricName: 'DatabaseUnanswered', dimensions: ['Deployment', 'DBInstanceIdentifier'] },
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
  // A second failover within the hour would go back to what was just left.
  defaults: { cooldownSeconds: 3600, perTargetPerHour: 1, perRunbookPerHour: 2 },
  documentation: {
    refusesWhen: [
      "the instance isn't there, isn't available, or is a member of a cluster",
      'it has no standby, is about to lose it, or RDS names none in another zone',
      'a failover or the recovery of its standby is under way, or one was completed within the hour',
      'it is said to let nobody in, but clients are connected to it, or nobody can tell whether any are',
      'it is said to let nobody in, but no client was connected when its heartbeats stopped, or none of these was answered within the hour: it may be idle and well',
    ],
    undo: 'Fail it over again to have its primary where it was; nothing else has changed.',
  },
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
