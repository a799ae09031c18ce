/** What the service scheduler of ECS tells of a service: tasks that don't start, tasks that can't be placed, a steady state. */
import { ecsService } from '../../../events/sources/ecs-service/schema.ts';
import { happened, oneTarget, targetsOfArn } from './build.ts';
import { type EventSource, malformed } from './source.ts';

export const source: EventSource = {
  name: 'ecs-service',
  eventPattern: (what) => ({
    source: ['aws.ecs'],
    'detail-type': ['ECS Service Action'],
    ...(what.length > 0 && { detail: { eventName: what } }),
  }),
  toSignal(event, { region }) {
    const parsed = ecsService.safeParse(event);
    if (!parsed.success) return malformed(event, parsed.error);
    const { id, time, resources, detail } = parsed.data;
    const target = oneTarget(
      id,
      resources.flatMap((arn) => targetsOfArn(arn, region)),
      'the service event',
    );
    if (typeof target !== 'string') return target;
    const { eventName: what, eventType, reason = '' } = detail;
    return happened('ecs-service', { id, time, target, what, reason: reason || what, facts: { eventType } });
  },
};
