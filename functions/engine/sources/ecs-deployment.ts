/** Deployments of ECS services that began, were completed or failed. */
import { ecsDeployment } from '../../../events/sources/ecs-deployment/schema.ts';
import { happened, oneTarget, targetsOfArn } from './build.ts';
import { type EventSource, malformed } from './source.ts';

export const source: EventSource = {
  name: 'ecs-deployment',
  eventPattern: (what) => ({
    source: ['aws.ecs'],
    'detail-type': ['ECS Deployment State Change'],
    ...(what.length > 0 && { detail: { eventName: what } }),
  }),
  toSignal(event, { region }) {
    const parsed = ecsDeployment.safeParse(event);
    if (!parsed.success) return malformed(event, parsed.error);
    const { id, time, resources, detail } = parsed.data;
    const target = oneTarget(
      id,
      resources.flatMap((arn) => targetsOfArn(arn, region)),
      'the deployment event',
    );
    if (typeof target !== 'string') return target;
    const { eventName: what, reason = '', deploymentId } = detail;
    return happened('ecs-deployment', { id, time, target, what, reason: reason || what, facts: { deploymentId } });
  },
};
