import { defineIncidentFunction } from '../manifest.ts';

export const manifest = defineIncidentFunction({
  name: 'follow-through',
  summary:
    'Decides what comes next in an open incident: wait, have it verified, order the next rung, or call the next level of people.',
  permissions: [
    {
      actions: ['cloudwatch:DescribeAlarms'],
      resources: ['*'],
      whyAnyResource:
        'DescribeAlarms returns composite alarms only to callers with scope * (Amazon CloudWatch API Reference, DescribeAlarms).',
    },
  ],
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
