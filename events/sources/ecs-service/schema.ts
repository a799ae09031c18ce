/** `ECS Service Action` (Amazon ECS Developer Guide, "Amazon ECS service action events"). */
import * as z from 'zod/mini';
import { eventOf } from '../eventbridge.ts';

export const ecsService = eventOf(
  'aws.ecs',
  ['ECS Service Action'],
  z.looseObject({
    /** `INFO`, `WARN` or `ERROR`. */
    eventType: z.string(),
    /** `SERVICE_TASK_START_IMPAIRED`, `SERVICE_TASK_PLACEMENT_FAILURE` ... */
    eventName: z.string().check(z.minLength(1)),
    clusterArn: z.string(),
    reason: z.optional(z.string()),
  }),
);
