/** `scale-out-service` on services with real tasks: one task becomes two, and is one again after the hand-back. */
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
import { type Place, REGION } from '../place.ts';
import type { Inspection, MatrixCase, MatrixTarget, OpenCase, RecordedIntent, Stage } from '../types.ts';

const CLUSTER = 'orders';
const BASELINE = 1;
/** Its forced deployments are the other change that a service may get. */
const RIVAL = 'restart-service';
const SETTLED_WITHIN_MS = 20_000;

interface Capacity {
  readonly value: number;
}

export const matrixCase: MatrixCase = {
  remediation: 'scale-out-service',
  stages: ['firing', 'resolved', 'hand-back'],
  rival: RIVAL,
  targetsAtOnce: 20,
  async open(place) {
    const ecs = new ECSClient({
      endpoint: place.gateway.url,
      region: REGION,
      credentials: { accessKeyId: 'matrix', secretAccessKey: 'test' },
    });
    place.world.onStop('the matrix’s ECS client', () => ecs.destroy());
    await ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
    await ecs.send(
      new RegisterTaskDefinitionCommand({ family: 'task', containerDefinitions: [{ name: 'task', image: 'task:1' }] }),
    );
    return new Services(place, ecs);
  },
};

class Services implements OpenCase {
  readonly #place: Place;
  readonly #ecs: ECSClient;
  /** Changes of the desired count to another value, by token; forced deployments. */
  readonly #changes = new Map<string, number>();
  readonly #forced = new Map<string, number>();

  constructor(place: Place, ecs: ECSClient) {
    this.#place = place;
    this.#ecs = ecs;
  }

  configure(token: string) {
    const sizes = { minTasks: 1, maxTasks: 10, stabiliseForSeconds: 1 };
    return { service: { ...service, ...sizes, name: token, cluster: CLUSTER, service: token, dependsOn: [] } };
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
    await this.#ecs.send(
      new CreateServiceCommand({
        cluster: CLUSTER,
        serviceName: token,
        taskDefinition: 'task',
        desiredCount: BASELINE,
        launchType: 'FARGATE',
      }),
    );
    await this.#settled(token);
    const Dimensions = [
      { Name: 'ClusterName', Value: CLUSTER },
      { Name: 'ServiceName', Value: token },
    ];
    return {
      token,
      key: `ecs-service/${CLUSTER}/${token}`,
      // The alarm is OK when it comes to handing back, which is judged by CPU and memory.
      metric: { Namespace: 'AWS/ECS', MetricName: 'MemoryUtilization', Dimensions },
      metricOfRival: { Namespace: 'ECS/ContainerInsights', MetricName: 'RunningTaskCount', Dimensions },
      ready: (stage) => this.#ready(token, stage),
      inspect: async (intents) => this.#inspect(token, intents),
      dispose: async () => {
        await this.#ecs.send(new DeleteServiceCommand({ cluster: CLUSTER, service: token, force: true }));
      },
    };
  }

  async #ready(token: string, stage: Stage): Promise<void> {
    await this.#settled(token);
    if (stage !== 'hand-back') return;
    for (const name of ['CPUUtilization', 'MemoryUtilization'])
      this.#place.cloudwatch.put({
        region: REGION,
        namespace: 'AWS/ECS',
        name,
        dimensions: { ClusterName: CLUSTER, ServiceName: token },
        value: 10,
        unit: 'Percent',
        at: new Date(Date.now() - 60_000),
      });
  }

  #desired(token: string): number | undefined {
    return this.#place.ecs.desiredCount(REGION, CLUSTER, token);
  }

  #inspect(token: string, intents: readonly RecordedIntent[]): Inspection {
    const live = this.#desired(token);
    const own = intents.filter(({ remediation }) => remediation !== RIVAL);
    const forced = this.#forced.get(token) ?? 0;
    const changed = (this.#changes.get(token) ?? 0) + forced;
    const last = own.at(-1) as { before: Capacity; after: Capacity } | undefined;
    const [before, after] = last ? [last.before.value, last.after.value] : [BASELINE, BASELINE];
    const ofOwn = live === after && last ? 'after' : live === before ? 'before' : 'beyond';
    const isRivals = intents.at(-1)?.remediation === RIVAL;
    const state = isRivals && ofOwn !== 'beyond' ? (forced > 0 ? 'after' : 'before') : ofOwn;
    const detail = `desired count ${live}, intended ${before} -> ${after}; ${forced} forced deployments`;
    return { state, changes: changed, detail };
  }

  async #settled(token: string): Promise<void> {
    for (const until = Date.now() + SETTLED_WITHIN_MS; Date.now() < until; await sleep(25)) {
      const reply = await this.#ecs.send(new DescribeServicesCommand({ cluster: CLUSTER, services: [token] }));
      const found = reply.services?.[0];
      const rolling = found?.deployments?.some((each) => each.rolloutState === 'IN_PROGRESS') ?? true;
      if (found && found.runningCount === found.desiredCount && !rolling) return;
    }
    throw new Error(`${token} did not settle within ${SETTLED_WITHIN_MS} ms`);
  }
}
