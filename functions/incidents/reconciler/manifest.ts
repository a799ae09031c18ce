import { defineIncidentFunction } from '../manifest.ts';

export const manifest = defineIncidentFunction({
  name: 'reconciler',
  summary:
    'Compares firing alarms, held signals, unfinished intents, verifications and holds with the clock, and brings up what is due.',
  permissions: [
    {
      actions: ['cloudwatch:DescribeAlarms', 'cloudwatch:ListTagsForResource'],
      resources: ['arn:{partition}:cloudwatch:{region}:{account}:alarm:*'],
    },
  ],
  timeoutSeconds: 60,
  memoryMegabytes: 512,
});
