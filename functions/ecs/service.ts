/** An ECS service as DescribeServices tells it, as far as remediations look at it. */
import { DescribeServicesCommand, type ECSClient, type Service } from '@aws-sdk/client-ecs';
import type { ServiceConfig } from '../engine/config.ts';
import { classifyAwsError } from '../engine/errors.ts';
import type { Missing, RunningService, ServiceWithEvents } from './types.ts';

type Named = Pick<ServiceConfig, 'cluster' | 'service'>;

/**
 * Reads the target's service with its tags; what isn't there is an answer too.
 * @throws EngineError when it can't be read.
 */
export async function readService(ecs: ECSClient, target: Named): Promise<RunningService | Missing> {
  const seen = await describeService(ecs, target);
  return 'kind' in seen ? seen : asRunning(seen);
}

/**
 * The same with what its scheduler told, newest first: the last 100 messages (API page "Service").
 * @throws EngineError when it can't be read.
 */
export async function readServiceWithEvents(ecs: ECSClient, target: Named): Promise<ServiceWithEvents | Missing> {
  const seen = await describeService(ecs, target);
  if ('kind' in seen) return seen;
  const events = (seen.events ?? []).flatMap(({ createdAt, message }) =>
    createdAt && message ? [{ atMs: createdAt.getTime(), message }] : [],
  );
  return { ...asRunning(seen), events: events.sort((a, b) => b.atMs - a.atMs) };
}

async function describeService(ecs: ECSClient, target: Named): Promise<Service | Missing> {
  const where = `${target.cluster}/${target.service}`;
  try {
    const reply = await ecs.send(
      new DescribeServicesCommand({ cluster: target.cluster, services: [target.service], include: ['TAGS'] }),
    );
    const service = reply.services?.[0];
    if (service?.status === 'ACTIVE') return service;
    const status = service?.status ?? reply.failures?.[0]?.reason ?? 'MISSING';
    return { kind: 'missing', why: `ECS service ${where} is ${status}` };
  } catch (error) {
    if (error instanceof Error && error.name === 'ClusterNotFoundException')
      return { kind: 'missing', why: `ECS cluster ${target.cluster} does not exist` };
    throw classifyAwsError(`describe ECS service ${where}`, error);
  }
}

/** By its capacity providers where it has a strategy of them, else by its launch type (API page "Service"). */
function onFargate({ launchType, capacityProviderStrategy = [] }: Service): boolean {
  if (capacityProviderStrategy.length === 0) return launchType === 'FARGATE';
  return capacityProviderStrategy.every(({ capacityProvider = '' }) => /^FARGATE(_SPOT)?$/.test(capacityProvider));
}

function asRunning(service: Service): RunningService {
  const { deploymentConfiguration: limits, deployments = [], tags = [] } = service;
  return {
    kind: 'service',
    arn: service.serviceArn ?? '',
    desired: service.desiredCount ?? 0,
    running: service.runningCount ?? 0,
    pending: service.pendingCount ?? 0,
    // Absent for services that were made before there were others (API page "Service").
    controller: service.deploymentController?.type ?? 'ECS',
    // Defaults of a rolling deployment (API page "DeploymentConfiguration").
    minimumHealthyPercent: limits?.minimumHealthyPercent ?? 100,
    maximumPercent: limits?.maximumPercent ?? 200,
    rollsBackByItself: Boolean(limits?.deploymentCircuitBreaker?.enable && limits.deploymentCircuitBreaker.rollback),
    fargate: onFargate(service),
    deployments: deployments.map((each) => ({
      id: each.id ?? '',
      primary: each.status === 'PRIMARY',
      taskDefinition: each.taskDefinition ?? '',
      // Absent for deployments that aren't rolling updates.
      rolloutState: each.rolloutState ?? 'COMPLETED',
      reason: each.rolloutStateReason ?? '',
      failedTasks: each.failedTasks ?? 0,
      running: each.runningCount ?? 0,
      createdAtMs: each.createdAt?.getTime() ?? 0,
    })),
    tags: Object.fromEntries(tags.map(({ key = '', value = '' }) => [key, value])),
  };
}
