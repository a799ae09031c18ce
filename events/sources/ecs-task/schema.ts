/** `ECS Task State Change` (Amazon ECS Developer Guide, "Amazon ECS task state change events"; API pages "Task" and "Container"). */
import * as z from 'zod/mini';
import { eventOf } from '../eventbridge.ts';

const container = z.looseObject({
  name: z.optional(z.string()),
  exitCode: z.optional(z.number()),
  reason: z.optional(z.string()),
});

export const ecsTask = eventOf(
  'aws.ecs',
  ['ECS Task State Change'],
  z.looseObject({
    clusterArn: z.string(),
    taskArn: z.string().check(z.minLength(1)),
    taskDefinitionArn: z.string(),
    lastStatus: z.string().check(z.minLength(1)),
    /** `service:<name>` for a task of a service. */
    group: z.optional(z.string()),
    /** The deployment that started it, for a task of a service. */
    startedBy: z.optional(z.string()),
    stopCode: z.optional(z.string()),
    stoppedReason: z.optional(z.string()),
    containers: z.optional(z.array(container)),
  }),
);
