/** `raise-task-resources` on services with real tasks: a greater revision is registered, and rolled out. */
import {
  DescribeTaskDefinitionCommand,
  ListTaskDefinitionsCommand,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';
import type { AwsCall } from '../../../local/world/types.ts';
import { service } from '../../support/fixtures.ts';
import { EcsServices } from '../ecs-services.ts';
import type { Inspection, MatrixCase, MatrixTarget, OpenCase, RecordedIntent } from '../types.ts';

const CLUSTER = 'raised';
/** Of the revision that every target begins with, in MiB. */
const BASELINE = 512;

interface Size {
  readonly memoryMib: number;
}

export const matrixCase: MatrixCase = {
  remediation: 'raise-task-resources',
  stages: ['firing', 'resolved'],
  targetsAtOnce: 12,
  open: async (place) => new Sizes(await EcsServices.open(place, CLUSTER)),
};

class Sizes implements OpenCase {
  readonly #services: EcsServices;
  /** Roll-outs of another revision, by token; and the revision that each is to run. */
  readonly #changes = new Map<string, number>();
  readonly #live = new Map<string, string>();

  constructor(services: EcsServices) {
    this.#services = services;
  }

  configure(token: string) {
    const own = { name: token, cluster: CLUSTER, service: token, dependsOn: [], minTasks: 1 };
    return { service: { ...service, ...own } };
  }

  changes({ service: of, operation, params }: AwsCall): string | undefined {
    if (of !== 'ecs') return undefined;
    // A revision that isn't run changes nothing, but there may be one more only.
    if (operation === 'RegisterTaskDefinition') return String(params.family);
    if (operation !== 'UpdateService') return undefined;
    const token = String(params.service);
    const wanted = String(params.taskDefinition);
    if (wanted !== this.#live.get(token)) this.#changes.set(token, (this.#changes.get(token) ?? 0) + 1);
    this.#live.set(token, wanted);
    return token;
  }

  async target(token: string): Promise<MatrixTarget> {
    const { taskDefinition } = await this.#services.ecs.send(
      new RegisterTaskDefinitionCommand({
        ...{ family: token, cpu: '256', memory: String(BASELINE), requiresCompatibilities: ['FARGATE'] },
        containerDefinitions: [{ name: 'raised', image: 'raised:1' }],
      }),
    );
    const first = taskDefinition?.taskDefinitionArn ?? '';
    await this.#services.create(token, first, 1);
    this.#live.set(token, first);
    const Dimensions = this.#services.dimensions(token);
    return {
      token,
      key: `ecs-service/${CLUSTER}/${token}`,
      metric: { Namespace: 'AWS/ECS', MetricName: 'MemoryUtilization', Dimensions },
      ready: () => this.#services.settled(token),
      inspect: (intents) => this.#inspect(token, intents),
      dispose: () => this.#services.delete(token),
    };
  }

  async #inspect(token: string, intents: readonly RecordedIntent[]): Promise<Inspection> {
    const { ecs } = this.#services;
    const [found, { taskDefinitionArns = [] }] = await Promise.all([
      this.#services.describe(token),
      ecs.send(new ListTaskDefinitionsCommand({ familyPrefix: token })),
    ]);
    const read = await ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: found?.taskDefinition }));
    const live = Number(read.taskDefinition?.memory);
    const last = intents.at(-1) as { before: Size; after: Size } | undefined;
    const [before, after] = [last?.before.memoryMib ?? BASELINE, last?.after.memoryMib];
    const revisions = taskDefinitionArns.length;
    const known = live === after ? 'after' : live === before ? 'before' : 'beyond';
    return {
      state: revisions > 2 ? 'beyond' : known,
      changes: this.#changes.get(token) ?? 0,
      detail: `its tasks have ${live} MiB, intended ${before} -> ${after}, by ${revisions} revisions`,
    };
  }
}
