/** `ECS Deployment State Change` (Amazon ECS Developer Guide, "Amazon ECS service deployment state change events"). */
import * as z from 'zod/mini';
import { eventOf } from '../eventbridge.ts';

export const ecsDeployment = eventOf(
  'aws.ecs',
  ['ECS Deployment State Change'],
  z.looseObject({
    eventType: z.string(),
    /** `SERVICE_DEPLOYMENT_IN_PROGRESS`, `_COMPLETED`, `_FAILED`; AWS may add others. */
    eventName: z.string().check(z.minLength(1)),
    deploymentId: z.string(),
    reason: z.optional(z.string()),
  }),
);
