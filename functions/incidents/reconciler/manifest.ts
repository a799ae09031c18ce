import { defineIncidentFunction } from '../manifest.ts';

export const manifest = defineIncidentFunction({
  name: 'reconciler',
  summary:
    'Compares firing alarms, held signals, unfinished intents, verifications and holds with the clock, and brings up what is due.',
  permissions: [
    {
      actions: ['cloudwatch:DescribeAlarms'],
      resources: ['*'],
      whyAnyResource:
        'DescribeAlarms returns composite alarms only to callers with scope * (Amazon CloudWatch API Reference, DescribeAlarms).',
    },
    {
      actions: ['cloudwatch:ListTagsForResource'],
      resources: ['arn:{partition}:cloudwatch:{region}:{account}:alarm:*'],
      whyAnyResource:
        'Which alarms carry our tag is what is being asked, of every alarm that fires unknown to the journal.',
    },
    {
      actions: ['lambda:ListEventSourceMappings'],
      resources: ['*'],
      whyAnyResource:
        'ListEventSourceMappings has no resource types (Service Authorization Reference, Actions for AWS Lambda).',
    },
  ],
  // Shorter than its default period. What doesn't fit waits for the next run.
  timeoutSeconds: 240,
  memoryMegabytes: 512,
});
