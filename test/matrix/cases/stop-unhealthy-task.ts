/** `stop-unhealthy-task` on services with three real tasks, one of which turns sick within the grace period, so that ECS leaves it. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteServiceCommand,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';
import type { AwsCall } from '../../../local/world/types.ts';
import { service } from '../../support/fixtures.ts';
import { type Place, REGION } from '../place.ts';
import type { Inspection, MatrixCase, MatrixTarget, OpenCase, RecordedIntent, Stage } from '../types.ts';

const CLUSTER = 'unhealthy';
const SETTLED_WITHIN_MS = 20_000;
/** `taskUnhealthyForSeconds`: a second after its start a sick task is old enough. */
const OLD_ENOUGH_MS = 1_100;

interface Stopped {
  readonly task: string;
}

export const matrixCase: MatrixCase = {
  remediation: 'stop-unhealthy-task',
  stages: ['firing', 'resolved'],
  targetsAtOnce: 6,
  async open(place) {
    const ecs = new ECSClient({
      endpoint: place.gateway.url,
      region: REGION,
      credentials: { accessKeyId: 'matrix', secretAccessKey: 'test' },
    });
    place.world.onStop('the matrix’s ECS client of sick tasks', () => ecs.destroy());
    await ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
    const containerDefinitions = [{ name: 'unhealthy', image: 'unhealthy:1' }];
    await ecs.send(new RegisterTaskDefinitionCommand({ family: 'unhealthy', containerDefinitions }));
    return new SickTasks(place, ecs);
  },
};

class SickTasks implements OpenCase {
  readonly #place: Place;
  readonly #ecs: ECSClient;
  /** The sick task of each target, by token. */
  readonly #sick = new Map<string, string>();
  /** Targets whose task was told to stop: telling it again changes nothing. */
  readonly #stopped = new Map<string, Set<string>>();

  constructor(place: Place, ecs: ECSClient) {
    this.#place = place;
    this.#ecs = ecs;
  }

  configure(token: string) {
    const sizes = { minTasks: 1, maxTasks: 10, stabiliseForSeconds: 1, taskUnhealthyForSeconds: 1 };
    return { service: { ...service, ...sizes, name: token, cluster: CLUSTER, service: token, dependsOn: [] } };
  }

  changes({ service: of, operation, params }: AwsCall): string | undefined {
    if (of !== 'ecs' || operation !== 'StopTask') return undefined;
    const task = String(params.task);
    const [token] = [...this.#sick].find(([, arn]) => arn === task) ?? [];
    if (token) this.#stopped.set(token, new Set([...(this.#stopped.get(token) ?? []), task]));
    return token;
  }

  async target(token: string): Promise<MatrixTarget> {
    await this.#ecs.send(
      new CreateServiceCommand({
        ...{
          cluster: CLUSTER,
          serviceName: token,
          taskDefinition: 'unhealthy',
          desiredCount: 3,
          launchType: 'FARGATE',
        },
        healthCheckGracePeriodSeconds: 3_600,
      }),
    );
    const Dimensions = [
      { Name: 'ClusterName', Value: CLUSTER },
      { Name: 'ServiceName', Value: token },
    ];
    return {
      token,
      key: `ecs-service/${CLUSTER}/${token}`,
      metric: { Namespace: 'ECS/ContainerInsights', MetricName: 'UnHealthyContainerHealthStatus', Dimensions },
      ready: (stage) => this.#ready(token, stage),
      inspect: async (intents) => this.#inspect(token, intents),
      dispose: async () => {
        await this.#ecs.send(new DeleteServiceCommand({ cluster: CLUSTER, service: token, force: true }));
      },
    };
  }

  async #ready(token: string, stage: Stage): Promise<void> {
    await this.#settled(token);
    if (stage !== 'firing') return;
    const [first] = this.#running(token);
    if (!first?.pid) throw new Error(`${token} has no running task`);
    this.#sick.set(token, first.taskArn);
    process.kill(first.pid, 'SIGUSR2');
    await this.#turned(token, first.taskArn);
    await sleep(OLD_ENOUGH_MS);
  }

  /** The signal may take a moment to be heard. */
  async #turned(token: string, task: string): Promise<void> {
    for (const until = Date.now() + SETTLED_WITHIN_MS; Date.now() < until; await sleep(25)) {
      await this.#place.ecs.checkHealth(CLUSTER, token, REGION);
      const { tasks } = await this.#ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: [task] }));
      if (tasks?.[0]?.healthStatus === 'UNHEALTHY') return;
    }
    throw new Error(`${token}: its task did not turn sick within ${SETTLED_WITHIN_MS} ms`);
  }

  #running(token: string) {
    return this.#place.ecs.processes(CLUSTER, token, REGION).filter(({ status }) => status === 'RUNNING');
  }

  #inspect(token: string, intents: readonly RecordedIntent[]): Inspection {
    const last = intents.at(-1) as { before: Stopped } | undefined;
    const task = last?.before.task ?? this.#sick.get(token);
    const runs = this.#running(token).some(({ taskArn }) => taskArn === task);
    const stopped = [...(this.#stopped.get(token) ?? [])];
    const beyond = stopped.some((each) => each !== this.#sick.get(token));
    const detail = `${stopped.length} tasks were stopped, the sick one ${runs ? 'runs' : 'is gone'}`;
    return { state: beyond ? 'beyond' : runs ? 'before' : 'after', changes: stopped.length, detail };
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
