import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'renew-certificate',
  summary:
    "Supplies what a certificate's renewal lacks: the validation record that ACM doesn't find, another mail to the owners, or the new certificate from its secret.",
  targetKind: 'certificate',
  triggers: [
    { namespace: 'AWS/CertificateManager', metricName: 'DaysToExpiry', dimensions: ['CertificateArn'] },
    {
      source: 'acm',
      what: [
        'ACM Certificate Approaching Expiration',
        'ACM Certificate Expired',
        'ACM Certificate Renewal Action Required',
      ],
    },
    { source: 'schedule', what: ['Certificate Needs Renewal'] },
  ],
  permissions: [
    { actions: ['acm:DescribeCertificate'], resources: ['{certificate}'] },
    { actions: ['acm:ResendValidationEmail'], resources: ['{issuedCertificate}'] },
    { actions: ['acm:ImportCertificate'], resources: ['{importedCertificate}'] },
    {
      actions: ['route53:ListResourceRecordSets'],
      resources: ['arn:{partition}:route53:::hostedzone/{validationZone}'],
    },
    {
      actions: ['route53:ChangeResourceRecordSets'],
      resources: ['arn:{partition}:route53:::hostedzone/{validationZone}'],
      // What ACM looks for begins with an underscore ("DNS validation"), and nothing that is there is overwritten.
      onlyEach: {
        'route53:ChangeResourceRecordSetsNormalizedRecordNames': ['_*.{validationDomain}'],
        'route53:ChangeResourceRecordSetsRecordTypes': ['CNAME'],
        'route53:ChangeResourceRecordSetsActions': ['CREATE'],
      },
    },
    { actions: ['secretsmanager:GetSecretValue'], resources: ['{certificateSecret}'] },
    { actions: ['kms:Decrypt'], resources: ['{certificateSecretKey}'] },
  ],
  network: 'none',
  risk: 'medium',
  // A record is created only where there is none; an import is compared by serial number; a mail may be sent twice.
  idempotency: 'conditional',
  // ACM takes hours to look again. DaysToExpiry is told twice a day, and the alarm takes the least of a day: it is OK up to two days after all is well.
  defaults: { cooldownSeconds: 21_600, perTargetPerHour: 2, perRunbookPerHour: 10, verifyWithinSeconds: 172_800 },
  documentation: {
    refusesWhen: [
      'the certificate has more than 30 days left, and ACM waits for nobody',
      'it has expired, was revoked, could not be issued, is used by no service after it was issued, or is of a private authority',
      'a validation record is there and says something else, or is in no configured zone',
      'what the secret holds is not newer, or its key, chain, names or dates are wrong',
      'nothing is lacking that it could supply: then a person is told how many days are left',
    ],
    undo: 'A validation record is deleted by hand; a mail needs nothing. An import is undone by importing the secret’s earlier version; where that does not hold the earlier certificate with its key, or another authority issued the new one, a person approves the import.',
  },
  timeoutSeconds: 60,
  memoryMegabytes: 512,
});
