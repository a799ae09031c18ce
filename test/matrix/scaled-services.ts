/** Services whose number of tasks is changed: what scaling out and in have in common in the matrix. */
import { RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import type { AwsCall } from '../../local/world/types.ts';
import { service } from '../support/fixtures.ts';
import { EcsServices } from './ecs-services.ts';
import { type Place, REGION } from './place.ts';
import type { Inspection, MatrixTarget, OpenCase, RecordedIntent, Stage } from './types.ts';

export interface Scaling {
  readonly cluster: string;
  /** Tasks that a target begins with. */
  readonly tasks: number;
  readonly metricName: string;
  readonly below?: true;
  /** A rival that forces deployments of the same services. */
  readonly restartedBy?: string;
  /** CPU and memory of the last minutes, in percent, at the stages that judge by them. */
  usageAt(stage: Stage): number | undefined;
  /** The number of tasks in one side of a recorded intent. */
  tasksOf(side: unknown): number;
}

export class ScaledServices implements OpenCase {
  readonly #place: Place;
  readonly #services: EcsServices;
  readonly #scaling: Scaling;
  /** Changes of the desired count to another value, by token; forced deployments. */
  readonly #changes = new Map<string, number>();
  readonly #forced = new Map<string, number>();

  private constructor(place: Place, services: EcsServices, scaling: Scaling) {
    this.#place = place;
    this.#services = services;
    this.#scaling = scaling;
  }

  static async open(place: Place, scaling: Scaling): Promise<ScaledServices> {
    const services = await EcsServices.open(place, scaling.cluster);
    const containerDefinitions = [{ name: scaling.cluster, image: `${scaling.cluster}:1` }];
    await services.ecs.send(new RegisterTaskDefinitionCommand({ family: scaling.cluster, containerDefinitions }));
    return new ScaledServices(place, services, scaling);
  }

  configure(token: string) {
    const sizes = { minTasks: 1, maxTasks: 10, stabiliseForSeconds: 1 };
    const own = { name: token, cluster: this.#scaling.cluster, service: token, dependsOn: [] };
    return { service: { ...service, ...sizes, ...own } };
  }

  changes({ service: of, operation, params }: AwsCall): string | undefined {
    if (of !== 'ecs' || operation !== 'UpdateService') return undefined;
    const token = String(params.service);
    if (params.forceNewDeployment) this.#forced.set(token, (this.#forced.get(token) ?? 0) + 1);
    else if (params.desiredCount !== this.#desired(token))
      this.#changes.set(token, (this.#changes.get(token) ?? 0) + 1);
    return token;
  }

  async target(token: string): Promise<MatrixTarget> {
    const { cluster, tasks, metricName, below, restartedBy } = this.#scaling;
    await this.#services.create(token, cluster, tasks);
    const Dimensions = this.#services.dimensions(token);
    const metricOfRival = { Namespace: 'ECS/ContainerInsights', MetricName: 'RunningTaskCount', Dimensions };
    return {
      token,
      key: `ecs-service/${cluster}/${token}`,
      metric: { Namespace: 'AWS/ECS', MetricName: metricName, Dimensions },
      ...(below && { below }),
      ...(restartedBy && { metricOfRival }),
      ready: (stage) => this.#ready(token, stage),
      inspect: async (intents) => this.#inspect(token, intents),
      dispose: () => this.#services.delete(token),
    };
  }

  async #ready(token: string, stage: Stage): Promise<void> {
    await this.#services.settled(token);
    const value = this.#scaling.usageAt(stage);
    if (value === undefined) return;
    const { cluster } = this.#scaling;
    // A minute that has only just ended isn't read yet, so the one before is told of, too.
    for (const name of ['CPUUtilization', 'MemoryUtilization'])
      for (const minutesAgo of [1, 2])
        this.#place.cloudwatch.put({
          ...{ region: REGION, namespace: 'AWS/ECS', name, value, unit: 'Percent' },
          dimensions: { ClusterName: cluster, ServiceName: token },
          at: new Date(Date.now() - minutesAgo * 60_000),
        });
  }

  #desired(token: string): number | undefined {
    return this.#place.ecs.desiredCount(REGION, this.#scaling.cluster, token);
  }

  #inspect(token: string, intents: readonly RecordedIntent[]): Inspection {
    const { tasks, tasksOf, restartedBy } = this.#scaling;
    const live = this.#desired(token);
    const forced = this.#forced.get(token) ?? 0;
    const last = intents.filter(({ remediation }) => remediation !== restartedBy).at(-1);
    const [before, after] = last ? [tasksOf(last.before), tasksOf(last.after)] : [tasks, tasks];
    const ofOwn = live === after && last ? 'after' : live === before ? 'before' : 'beyond';
    const isRivals = restartedBy !== undefined && intents.at(-1)?.remediation === restartedBy;
    const state = isRivals && ofOwn !== 'beyond' ? (forced > 0 ? 'after' : 'before') : ofOwn;
    const detail = `desired count ${live}, intended ${before} -> ${after}; ${forced} forced deployments`;
    return { state, changes: (this.#changes.get(token) ?? 0) + forced, detail };
  }
}
