/** `restart-service` on services with real tasks: a forced deployment, which is known by the deployment that it replaces. */
import { RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import type { AwsCall } from '../../../local/world/types.ts';
import { service } from '../../support/fixtures.ts';
import { EcsServices } from '../ecs-services.ts';
import type { Inspection, MatrixCase, MatrixTarget, OpenCase, RecordedIntent } from '../types.ts';

const CLUSTER = 'restarted';

interface Rollout {
  readonly deploymentId: string;
}

export const matrixCase: MatrixCase = {
  remediation: 'restart-service',
  stages: ['firing', 'resolved'],
  targetsAtOnce: 12,
  async open(place) {
    const services = await EcsServices.open(place, CLUSTER);
    const containerDefinitions = [{ name: CLUSTER, image: `${CLUSTER}:1` }];
    await services.ecs.send(new RegisterTaskDefinitionCommand({ family: CLUSTER, containerDefinitions }));
    return new Restarts(services);
  },
};

class Restarts implements OpenCase {
  readonly #services: EcsServices;
  /** Forced deployments, by token. */
  readonly #changes = new Map<string, number>();
  /** The deployment that a target was made with. */
  readonly #first = new Map<string, string>();

  constructor(services: EcsServices) {
    this.#services = services;
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
    await this.#services.create(token, CLUSTER, 1);
    this.#first.set(token, await this.#primary(token));
    const Dimensions = this.#services.dimensions(token);
    return {
      token,
      key: `ecs-service/${CLUSTER}/${token}`,
      metric: { Namespace: 'ECS/ContainerInsights', MetricName: 'RunningTaskCount', Dimensions },
      ready: () => this.#services.settled(token),
      inspect: async (intents) => this.#inspect(token, intents),
      dispose: () => this.#services.delete(token),
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
    return (await this.#services.describe(token))?.deployments?.[0]?.id ?? '';
  }
}
