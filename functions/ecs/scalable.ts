/** Application Auto Scaling, where it owns a service's number of tasks. */
import {
  type ApplicationAutoScalingClient,
  DescribeScalableTargetsCommand,
} from '@aws-sdk/client-application-auto-scaling';
import type { ServiceConfig } from '../engine/config.ts';
import { classifyAwsError } from '../engine/errors.ts';

/** How Application Auto Scaling names a service ("ResourceId" of API page "ScalableTarget"). */
export const resourceId = (target: Pick<ServiceConfig, 'cluster' | 'service'>): string =>
  `service/${target.cluster}/${target.service}`;
export const DESIRED_COUNT = { ServiceNamespace: 'ecs', ScalableDimension: 'ecs:service:DesiredCount' } as const;

/** @returns its bounds, or undefined for a service that isn't scaled by it. @throws EngineError when that can't be read. */
export async function readScalableTarget(
  scaling: ApplicationAutoScalingClient,
  target: Pick<ServiceConfig, 'cluster' | 'service'>,
): Promise<{ readonly min: number; readonly max: number } | undefined> {
  try {
    const reply = await scaling.send(
      new DescribeScalableTargetsCommand({ ...DESIRED_COUNT, ResourceIds: [resourceId(target)] }),
    );
    const found = reply.ScalableTargets?.[0];
    return found && { min: found.MinCapacity ?? 0, max: found.MaxCapacity ?? 0 };
  } catch (error) {
    throw classifyAwsError(`describe the scalable target of ${resourceId(target)}`, error);
  }
}
