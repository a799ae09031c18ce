/** Operations on services and their deployments (their API pages). */
import { isDeepStrictEqual } from 'node:util';
import type {
  CreateServiceRequest,
  DeleteServiceRequest,
  DeploymentConfiguration,
  DescribeServiceDeploymentsRequest,
  DescribeServiceRevisionsRequest,
  DescribeServicesRequest,
  ListServiceDeploymentsRequest,
  ListServicesRequest,
  NetworkConfiguration,
  ServiceDeployment,
  ServiceDeploymentBrief,
  TaskDefinition,
  UpdateServiceRequest,
} from '@aws-sdk/client-ecs';
import { AwsFault } from '../../world/types.ts';
import { page } from '../cloudwatch/describe.ts';
import type { Operation, Wire } from '../cloudwatch/wire.ts';
import { createBalancer } from './balancer.ts';
import { describeRevision, describeService, describeServiceDeployment, serviceDeployments, wired } from './describe.ts';
import type { RegionRecord, ServiceRecord } from './model.ts';
import { isServing, tasksOf } from './model.ts';
import type { OperationContext } from './operations.ts';
import { clusterOf, definitionOf, invalid, nameOf, regional } from './operations.ts';

const MOST_SERVICES = 10;

/** @throws AwsFault `ServiceNotFoundException`, `ServiceNotActiveException`, `ClusterNotFoundException`. */
export function activeService(
  region: RegionRecord,
  cluster: string | undefined,
  name: string | undefined,
): ServiceRecord {
  const service = clusterOf(region, cluster).services.get(nameOf(name ?? ''));
  if (!service) throw new AwsFault('ServiceNotFoundException', 'Service not found.');
  if (service.status !== 'ACTIVE') throw new AwsFault('ServiceNotActiveException', 'Service was not ACTIVE.');
  return service;
}

const count = (field: string, value: number): number => {
  if (!Number.isInteger(value) || value < 0) throw invalid(`${field}: expected a whole number from 0, got ${value}`);
  return value;
};

/** Defaults of a rolling deployment (API page "DeploymentConfiguration"). */
const configured = (given: Wire<DeploymentConfiguration> | undefined, before?: DeploymentConfiguration) => ({
  deploymentCircuitBreaker: { enable: false, rollback: false },
  maximumPercent: 200,
  minimumHealthyPercent: 100,
  ...before,
  ...(given as DeploymentConfiguration | undefined),
});

async function createService(
  context: OperationContext,
  region: RegionRecord,
  input: Wire<CreateServiceRequest>,
): Promise<unknown> {
  const cluster = clusterOf(region, input.cluster);
  const name = input.serviceName;
  if (!name) throw invalid('serviceName: a value is required');
  const definition = definitionOf(region, input.taskDefinition);
  const desiredCount = count('desiredCount', input.desiredCount ?? 1);
  const existing = cluster.services.get(name);
  if (existing && existing.status !== 'INACTIVE') throw invalid('Creation of service was not idempotent.');
  const balancer = await createBalancer(() => {
    const current = cluster.services.get(name);
    return current ? tasksOf(current).flatMap((t) => (isServing(t) && t.port ? [t.port] : [])) : [];
  });
  const service: ServiceRecord = {
    name,
    arn: `${cluster.arn.replace(':cluster/', ':service/')}/${name}`,
    cluster,
    createdAt: new Date(),
    launchType: input.launchType ?? 'FARGATE',
    deploymentController: input.deploymentController?.type ?? 'ECS',
    healthCheckGracePeriodSeconds: input.healthCheckGracePeriodSeconds ?? 0,
    balancer,
    tags: input.tags ?? [],
    status: 'ACTIVE',
    desiredCount,
    configuration: configured(input.deploymentConfiguration),
    ...(input.networkConfiguration && { network: input.networkConfiguration as NetworkConfiguration }),
    deployments: [],
    events: [],
    steady: false,
  };
  cluster.services.set(name, service);
  context.scheduler.deploy(service, definition);
  context.scheduler.reconcile(service);
  return wired({ service: describeService(service, true) });
}

function updateService(context: OperationContext, region: RegionRecord, input: Wire<UpdateServiceRequest>): unknown {
  const service = activeService(region, input.cluster, input.service);
  const current = service.deployments[0]?.definition;
  if (input.taskDefinition && service.deploymentController !== 'ECS')
    throw invalid(
      `Unable to update task definition on services with a ${service.deploymentController} deployment controller.`,
    );
  const asked: TaskDefinition | undefined = input.taskDefinition ? definitionOf(region, input.taskDefinition) : current;
  const desiredCount =
    input.desiredCount === undefined ? service.desiredCount : count('desiredCount', input.desiredCount);
  service.configuration = configured(input.deploymentConfiguration, service.configuration);
  service.healthCheckGracePeriodSeconds = input.healthCheckGracePeriodSeconds ?? service.healthCheckGracePeriodSeconds;
  setDesired(service, desiredCount);
  const network = input.networkConfiguration as NetworkConfiguration | undefined;
  // "This parameter triggers a new service deployment" (API page "UpdateService", networkConfiguration).
  const moved = network !== undefined && !isDeepStrictEqual(network, service.network);
  if (moved) service.network = network;
  const changed = moved || asked?.taskDefinitionArn !== current?.taskDefinitionArn;
  if (asked && (changed || input.forceNewDeployment)) context.scheduler.deploy(service, asked);
  context.scheduler.reconcile(service);
  return wired({ service: describeService(service, true) });
}

/** Changes the desired count; the scheduler follows. */
export function setDesired(service: ServiceRecord, desiredCount: number): void {
  if (service.desiredCount === desiredCount) return;
  service.desiredCount = desiredCount;
  service.steady = false;
  const [primary] = service.deployments;
  if (primary) primary.updatedAt = new Date();
}

function describeServices(region: RegionRecord, input: Wire<DescribeServicesRequest>): unknown {
  const cluster = clusterOf(region, input.cluster);
  const asked = input.services ?? [];
  if (asked.length === 0 || asked.length > MOST_SERVICES)
    throw invalid(`services: expected 1 to ${MOST_SERVICES} names`);
  const found = asked.map((name) => cluster.services.get(nameOf(name)));
  const withTags = input.include?.includes('TAGS') ?? false;
  const missing = asked.filter((_, i) => !found[i]);
  return wired({
    services: found.flatMap((service) => (service ? [describeService(service, withTags)] : [])),
    failures: missing.map((name) => ({
      arn: `${cluster.arn.replace(':cluster/', ':service/')}/${nameOf(name)}`,
      reason: 'MISSING',
    })),
  });
}

function deleteService(context: OperationContext, region: RegionRecord, input: Wire<DeleteServiceRequest>): unknown {
  const service = activeService(region, input.cluster, input.service);
  if (service.desiredCount > 0 && !input.force)
    throw invalid('The service cannot be stopped while it is scaled above 0.');
  service.status = 'DRAINING';
  setDesired(service, 0);
  context.scheduler.reconcile(service);
  return wired({ service: describeService(service, true) });
}

function describeRevisions(region: RegionRecord, input: Wire<DescribeServiceRevisionsRequest>): unknown {
  const known = allServices(region).flatMap((service) =>
    serviceDeployments(service).map((deployment) => describeRevision(service, deployment)),
  );
  const asked = input.serviceRevisionArns ?? [];
  return wired({
    serviceRevisions: known.filter((revision) => asked.includes(revision.serviceRevisionArn ?? '')),
    failures: asked
      .filter((arn) => !known.some((revision) => revision.serviceRevisionArn === arn))
      .map((arn) => ({ arn, reason: 'MISSING' })),
  });
}

const allServices = (region: RegionRecord): ServiceRecord[] =>
  [...region.clusters.values()].flatMap((cluster) => [...cluster.services.values()]);

function describeServiceDeployments(region: RegionRecord, input: Wire<DescribeServiceDeploymentsRequest>): unknown {
  const known = allServices(region).flatMap((service) =>
    serviceDeployments(service).map((deployment) => describeServiceDeployment(service, deployment)),
  );
  const asked = input.serviceDeploymentArns ?? [];
  return wired({
    serviceDeployments: known.filter(({ serviceDeploymentArn = '' }) => asked.includes(serviceDeploymentArn)),
    failures: asked
      .filter((arn) => !known.some((each) => each.serviceDeploymentArn === arn))
      .map((arn) => ({ arn, reason: 'MISSING' })),
  });
}

function listServiceDeployments(region: RegionRecord, input: Wire<ListServiceDeploymentsRequest>): unknown {
  const service = clusterOf(region, input.cluster).services.get(nameOf(input.service ?? ''));
  if (!service) throw new AwsFault('ServiceNotFoundException', 'Service not found.');
  const described = serviceDeployments(service)
    .map((deployment) => describeServiceDeployment(service, deployment))
    .filter((deployment) => !input.status?.length || (deployment.status && input.status.includes(deployment.status)))
    .map(asBrief);
  const { items, next } = page(described, input.maxResults ?? 100, input.nextToken);
  return wired({ serviceDeployments: items, ...(next && { nextToken: next }) });
}

/** API page "ServiceDeploymentBrief". */
const asBrief = ({
  serviceDeploymentArn,
  serviceArn,
  clusterArn,
  createdAt,
  startedAt,
  finishedAt,
  status,
  statusReason,
  targetServiceRevision,
}: ServiceDeployment): ServiceDeploymentBrief => ({
  ...{ serviceDeploymentArn, serviceArn, clusterArn, createdAt, startedAt, status, statusReason },
  ...(finishedAt && { finishedAt }),
  targetServiceRevisionArn: targetServiceRevision?.arn,
});

export function createServiceOperations(context: OperationContext): Readonly<Record<string, Operation>> {
  const on = regional(context);
  return {
    CreateService: on<CreateServiceRequest>((region, input) => createService(context, region, input)),
    UpdateService: on<UpdateServiceRequest>((region, input) => updateService(context, region, input)),
    DescribeServices: on<DescribeServicesRequest>(describeServices),
    DeleteService: on<DeleteServiceRequest>((region, input) => deleteService(context, region, input)),
    ListServices: on<ListServicesRequest>((region, input) => {
      const all = [...clusterOf(region, input.cluster).services.values()].filter((s) => s.status !== 'INACTIVE');
      const { items, next } = page(
        all.map((service) => service.arn),
        input.maxResults ?? 10,
        input.nextToken,
      );
      return { serviceArns: items, ...(next && { nextToken: next }) };
    }),
    ListServiceDeployments: on<ListServiceDeploymentsRequest>(listServiceDeployments),
    DescribeServiceDeployments: on<DescribeServiceDeploymentsRequest>(describeServiceDeployments),
    DescribeServiceRevisions: on<DescribeServiceRevisionsRequest>(describeRevisions),
  };
}
