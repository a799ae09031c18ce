import { defineRunbook } from '../functions/engine/runbook.ts';
import { manifest } from '../functions/remediations/renew-certificate/manifest.ts';

export const runbook = defineRunbook({
  name: 'renew-certificate',
  summary:
    'A certificate has few days left: what its renewal lacks is supplied, else a person is told how many days are left.',
  severity: 'P3',
  startedBy: manifest.triggers,
  rungs: ['renew-certificate'],
  guards: [],
  told: 'The contacts of the certificate, with the days left, whenever its renewal lacks what Nightshift can not supply; again by alarm at 14, 7 and 1 days.',
  covers: [
    '2c/certificate-expiring',
    '2c/certificate-not-ready',
    '8/renew-certificate',
    'D20',
    'D52',
    'D53',
    'D76',
    'D96',
    'D141',
  ],
});
