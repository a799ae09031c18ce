/** `restart-service` on services with real tasks: a forced deployment, which is known by the deployment that it replaces. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteServiceCommand,
  DescribeServicesCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';
import type { AwsCall } from '../../../local/world/types.ts';
import { service } from '../../support/fixtures.ts';
import { REGION } from '../place.ts';
import type { Inspection, MatrixCase, MatrixTarget, OpenCase, RecordedIntent } from '../types.ts';

const CLUSTER = 'restarted';
const SETTLED_WITHIN_MS = 20_000;

interface Rollout {
  readonly deploymentId: string;
}

export const matrixCase: MatrixCase = {
  remediation: 'restart-service',
  stages: ['firing', 'resolved'],
  targetsAtOnce: 12,
  async open(place) {
    const ecs = new ECSClient({
      endpoint: place.gateway.url,
      region: REGION,
      credentials: { accessKeyId: 'matrix', secretAccessKey: 'test' },
    });
    place.world.onStop('the matrix’s ECS client of restarts', () => ecs.destroy());
    await ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
    const containerDefinitions = [{ name: 'restarted', image: 'restarted:1' }];
    await ecs.send(new RegisterTaskDefinitionCommand({ family: 'restarted', containerDefinitions }));
    return new Restarts(ecs);
  },
};

class Restarts implements OpenCase {
  readonly #ecs: ECSClient;
  /** Forced deployments, by token. */
  readonly #changes = new Map<string, number>();
  /** The deployment that a target was made with. */
  readonly #first = new Map<string, string>();

  constructor(ecs: ECSClient) {
    this.#ecs = ecs;
  }

  configure(token: string) {
    const sizes = { minTasks: 1, maxTasks: 10, stabiliseForSeconds: 1 };
    return { service: { ...service, ...sizes, name: token, cluster: CLUSTER, service: token, dependsOn: [] } };
  }

  changes({ service: of, operation, params }: AwsCall): string | undefined {
    if (of !== 'ecs' || operation !== 'UpdateService') return undefined;
    const token = String(params.service);
    if (params.forceNewDeployment) this.#changes.set(token, (this.#changes.get(token) ?? 0) + 1);
    return token;
  }

  async target(token: string): Promise<MatrixTarget> {
    const made = { cluster: CLUSTER, serviceName: token, taskDefinition: 'restarted', desiredCount: 1 };
    await this.#ecs.send(new CreateServiceCommand({ ...made, launchType: 'FARGATE' }));
    await this.#settled(token);
    this.#first.set(token, await this.#primary(token));
    const Dimensions = [
      { Name: 'ClusterName', Value: CLUSTER },
      { Name: 'ServiceName', Value: token },
    ];
    return {
      token,
      key: `ecs-service/${CLUSTER}/${token}`,
      metric: { Namespace: 'ECS/ContainerInsights', MetricName: 'RunningTaskCount', Dimensions },
      ready: () => this.#settled(token),
      inspect: async (intents) => this.#inspect(token, intents),
      dispose: async () => {
        await this.#ecs.send(new DeleteServiceCommand({ cluster: CLUSTER, service: token, force: true }));
      },
    };
  }

  async #inspect(token: string, intents: readonly RecordedIntent[]): Promise<Inspection> {
    const live = await this.#primary(token);
    const last = intents.at(-1) as { before: Rollout } | undefined;
    const before = last?.before.deploymentId ?? this.#first.get(token);
    const changes = this.#changes.get(token) ?? 0;
    const state = live === before ? 'before' : changes === intents.length ? 'after' : 'beyond';
    return { state, changes, detail: `${changes} forced deployments, ${live} is the primary, ${before} was before` };
  }

  async #primary(token: string): Promise<string> {
    return (await this.#describe(token))?.deployments?.[0]?.id ?? '';
  }

  async #describe(token: string) {
    const reply = await this.#ecs.send(new DescribeServicesCommand({ cluster: CLUSTER, services: [token] }));
    return reply.services?.[0];
  }

  async #settled(token: string): Promise<void> {
    for (const until = Date.now() + SETTLED_WITHIN_MS; Date.now() < until; await sleep(25)) {
      const found = await this.#describe(token);
      const rolling = found?.deployments?.some((each) => each.rolloutState === 'IN_PROGRESS') ?? true;
      if (found && found.runningCount === found.desiredCount && found.deployments?.length === 1 && !rolling) return;
    }
    throw new Error(`${token} did not settle within ${SETTLED_WITHIN_MS} ms`);
  }
}
