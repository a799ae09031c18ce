/** `roll-back-deployment` on services with real tasks: the second revision goes, the first one comes back. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteServiceCommand,
  DescribeServicesCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import type { AwsCall } from '../../../local/world/types.ts';
import { service } from '../../support/fixtures.ts';
import { REGION } from '../place.ts';
import type { Inspection, MatrixCase, MatrixTarget, OpenCase, RecordedIntent } from '../types.ts';

const CLUSTER = 'deployed';
const SETTLED_WITHIN_MS = 20_000;

interface Rollout {
  readonly taskDefinition: string;
}

export const matrixCase: MatrixCase = {
  remediation: 'roll-back-deployment',
  stages: ['firing', 'resolved'],
  targetsAtOnce: 12,
  async open(place) {
    const ecs = new ECSClient({
      endpoint: place.gateway.url,
      region: REGION,
      credentials: { accessKeyId: 'matrix', secretAccessKey: 'test' },
    });
    place.world.onStop('the matrix’s ECS client of deployments', () => ecs.destroy());
    await ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
    const revisions: string[] = [];
    for (const letter of ['a', 'b']) {
      const containerDefinitions = [{ name: 'deployed', image: `deployed@sha256:${letter.repeat(64)}` }];
      const made = await ecs.send(new RegisterTaskDefinitionCommand({ family: 'deployed', containerDefinitions }));
      revisions.push(made.taskDefinition?.taskDefinitionArn ?? '');
    }
    return new Deployments(ecs, revisions);
  },
};

class Deployments implements OpenCase {
  readonly #ecs: ECSClient;
  readonly #revisions: readonly string[];
  /** Changes to another revision than the one that was live, by token. */
  readonly #changes = new Map<string, number>();
  readonly #live = new Map<string, string>();

  constructor(ecs: ECSClient, revisions: readonly string[]) {
    this.#ecs = ecs;
    this.#revisions = revisions;
  }

  configure(token: string) {
    const sizes = { minTasks: 1, maxTasks: 10, stabiliseForSeconds: 1 };
    return { service: { ...service, ...sizes, name: token, cluster: CLUSTER, service: token, dependsOn: [] } };
  }

  changes({ service: of, operation, params }: AwsCall): string | undefined {
    if (of !== 'ecs') return undefined;
    // Also the quarantine's tag is a change, but one that may be repeated.
    if (operation === 'TagResource') return String(params.resourceArn).split('/').at(-1);
    if (operation !== 'UpdateService') return undefined;
    const token = String(params.service);
    const wanted = String(params.taskDefinition);
    if (wanted !== this.#live.get(token)) this.#changes.set(token, (this.#changes.get(token) ?? 0) + 1);
    this.#live.set(token, wanted);
    return token;
  }

  async target(token: string): Promise<MatrixTarget> {
    const [first = '', second = ''] = this.#revisions;
    const made = { cluster: CLUSTER, serviceName: token, taskDefinition: first, desiredCount: 1 };
    await this.#ecs.send(new CreateServiceCommand({ ...made, launchType: 'FARGATE' }));
    await this.#settled(token);
    await this.#ecs.send(new UpdateServiceCommand({ cluster: CLUSTER, service: token, taskDefinition: second }));
    await this.#settled(token);
    this.#live.set(token, second);
    this.#changes.delete(token);
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
    const [, second = ''] = this.#revisions;
    const live = (await this.#describe(token))?.taskDefinition ?? '';
    const last = intents.at(-1) as { before: Rollout; after: Rollout } | undefined;
    const [before, after] = [last?.before.taskDefinition ?? second, last?.after.taskDefinition];
    const state = live === after ? 'after' : live === before ? 'before' : 'beyond';
    return { state, changes: this.#changes.get(token) ?? 0, detail: `runs ${live}, intended ${before} -> ${after}` };
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
