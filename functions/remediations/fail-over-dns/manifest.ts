import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'fail-over-dns',
  summary:
    'Sends everybody from a site that is proved sick to one that is proved healthy, by their DNS record, and back again.',
  targetKind: 'dns-endpoint',
  // Of the health check that follows the record, as users do: it is well again once they reach a site that is.
  triggers: [{ namespace: 'AWS/Route53', metricName: 'HealthCheckStatus', dimensions: ['HealthCheckId'] }],
  permissions: [
    {
      actions: ['route53:ListResourceRecordSets'],
      resources: ['arn:{partition}:route53:::hostedzone/{zone}'],
    },
    {
      actions: ['route53:ChangeResourceRecordSets'],
      resources: ['arn:{partition}:route53:::hostedzone/{zone}'],
      // No other record of the zone, and the endpoint's own only one for the other.
      onlyEach: {
        'route53:ChangeResourceRecordSetsNormalizedRecordNames': ['{recordName}'],
        'route53:ChangeResourceRecordSetsRecordTypes': ['{recordType}'],
        'route53:ChangeResourceRecordSetsActions': ['DELETE', 'CREATE'],
      },
    },
    {
      actions: ['route53:GetHealthCheckStatus'],
      resources: ['arn:{partition}:route53:::healthcheck/{siteHealthCheck}'],
    },
  ],
  network: 'none',
  risk: 'high',
  removesCapacity: true,
  // The exact old record is deleted and the new one created in one batch, or nothing is.
  idempotency: 'conditional',
  holds: ['site'],
  // Resolvers keep the old answer for the record's TTL; whoever moved everybody waits until they have arrived before moving them again.
  defaults: { cooldownSeconds: 900, perTargetPerHour: 2, perRunbookPerHour: 6 },
  documentation: {
    refusesWhen: [
      "the record isn't there, can't be read, or is not one answer for everybody",
      'it points to none of the configured sites: somebody else has it in hand',
      'the site that it names answers, or is not proved sick',
      'no other site is proved healthy at that moment',
    ],
    undo: 'The earlier record is kept whole and put back by itself once its site has been well for the dwell time, unless `failBack` is `person`.',
  },
  timeoutSeconds: 60,
  memoryMegabytes: 512,
});
