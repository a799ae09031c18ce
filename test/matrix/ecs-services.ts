/** Services with real tasks for cases of the matrix, made and looked at through the API. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteServiceCommand,
  DescribeServicesCommand,
  ECSClient,
  type Service,
} from '@aws-sdk/client-ecs';
import { type Place, REGION } from './place.ts';

const SETTLED_WITHIN_MS = 20_000;

export class EcsServices {
  readonly ecs: ECSClient;
  readonly cluster: string;

  private constructor(ecs: ECSClient, cluster: string) {
    this.ecs = ecs;
    this.cluster = cluster;
  }

  /** In a cluster of that name, which is made. */
  static async open(place: Place, cluster: string): Promise<EcsServices> {
    const credentials = { accessKeyId: 'matrix', secretAccessKey: 'test' };
    const ecs = new ECSClient({ endpoint: place.gateway.url, region: REGION, credentials });
    place.world.onStop(`the matrix’s ECS client of ${cluster}`, () => ecs.destroy());
    await ecs.send(new CreateClusterCommand({ clusterName: cluster }));
    return new EcsServices(ecs, cluster);
  }

  /** Makes the service and waits until it is steady. */
  async create(serviceName: string, taskDefinition: string, desiredCount: number): Promise<void> {
    const made = { cluster: this.cluster, serviceName, taskDefinition, desiredCount };
    await this.ecs.send(new CreateServiceCommand({ ...made, launchType: 'FARGATE' }));
    await this.settled(serviceName);
  }

  async describe(name: string): Promise<Service | undefined> {
    const reply = await this.ecs.send(new DescribeServicesCommand({ cluster: this.cluster, services: [name] }));
    return reply.services?.[0];
  }

  async delete(service: string): Promise<void> {
    await this.ecs.send(new DeleteServiceCommand({ cluster: this.cluster, service, force: true }));
  }

  dimensions(name: string): { Name: string; Value: string }[] {
    return [
      { Name: 'ClusterName', Value: this.cluster },
      { Name: 'ServiceName', Value: name },
    ];
  }

  /** @throws Error when it isn't steady, with one deployment, within 20 seconds. */
  async settled(name: string): Promise<void> {
    for (const until = Date.now() + SETTLED_WITHIN_MS; Date.now() < until; await sleep(25)) {
      const found = await this.describe(name);
      const rolling = found?.deployments?.some((each) => each.rolloutState === 'IN_PROGRESS') ?? true;
      if (found && found.runningCount === found.desiredCount && found.deployments?.length === 1 && !rolling) return;
    }
    throw new Error(`${name} did not settle within ${SETTLED_WITHIN_MS} ms`);
  }
}
