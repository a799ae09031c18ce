/** The deployments that a service has had, with what each rolled out. */
import {
  DescribeServiceRevisionsCommand,
  type ECSClient,
  ListServiceDeploymentsCommand,
  type ServiceDeploymentBrief,
  type ServiceRevision,
} from '@aws-sdk/client-ecs';
import type { ServiceConfig } from '../engine/config.ts';
import { classifyAwsError } from '../engine/errors.ts';
import type { PastDeployment } from './types.ts';

/** DescribeServiceRevisions takes at most 20 (its API page): as many deployments are looked back on. */
const LOOKED_BACK_ON = 20;

/** Newest first; empty for a service that isn't there. @throws EngineError when they can't be read. */
export async function listDeployments(
  ecs: ECSClient,
  { cluster, service }: ServiceConfig,
): Promise<readonly ServiceDeploymentBrief[]> {
  try {
    const reply = await ecs.send(new ListServiceDeploymentsCommand({ cluster, service, maxResults: LOOKED_BACK_ON }));
    return [...(reply.serviceDeployments ?? [])].sort((a, b) => timeOf(b.createdAt) - timeOf(a.createdAt));
  } catch (error) {
    if (error instanceof Error && ['ServiceNotFoundException', 'ClusterNotFoundException'].includes(error.name))
      return [];
    throw classifyAwsError(`list the deployments of ECS service ${cluster}/${service}`, error);
  }
}

/** What those deployments rolled out. @throws EngineError when it can't be read. */
export async function withRevisions(
  ecs: ECSClient,
  deployments: readonly ServiceDeploymentBrief[],
): Promise<readonly PastDeployment[]> {
  const arns = [...new Set(deployments.flatMap(({ targetServiceRevisionArn: arn }) => (arn ? [arn] : [])))];
  if (arns.length === 0) return [];
  try {
    const reply = await ecs.send(new DescribeServiceRevisionsCommand({ serviceRevisionArns: arns }));
    const revisions = new Map(reply.serviceRevisions?.map((each) => [each.serviceRevisionArn, each]));
    return deployments.map((each) => asPast(each, revisions.get(each.targetServiceRevisionArn)));
  } catch (error) {
    throw classifyAwsError('describe the revisions of an ECS service', error);
  }
}

const timeOf = (date: Date | undefined): number => date?.getTime() ?? 0;

function asPast(deployment: ServiceDeploymentBrief, revision: ServiceRevision | undefined): PastDeployment {
  const images = revision?.containerImages ?? [];
  return {
    status: deployment.status ?? '',
    createdAtMs: timeOf(deployment.createdAt),
    ...(deployment.finishedAt && { finishedAtMs: deployment.finishedAt.getTime() }),
    ...(revision?.taskDefinition && { taskDefinition: revision.taskDefinition }),
    images: images.map(({ image = '' }) => image),
    digests: images.flatMap(({ imageDigest }) => (imageDigest ? [imageDigest] : [])),
  };
}
