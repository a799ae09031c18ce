/**
 * `recover-service` on a state machine that only waits: one execution for each incident, however often its start is asked for. What a run does then is the matrix of
 * the plan (`test/matrix/plans`).
 */
import { CreateStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { createStepFunctions, type LocalStepFunctions } from '../../../local/stand-ins/step-functions/index.ts';
import type { AwsCall } from '../../../local/world/types.ts';
import { service } from '../../support/fixtures.ts';
import { REGION } from '../place.ts';
import type { Inspection, MatrixCase, MatrixTarget, OpenCase } from '../types.ts';

const CLUSTER = 'recovered';
const PLAN = 'service-recovery';
const WAITS = {
  StartAt: 'Wait',
  QueryLanguage: 'JSONata',
  States: { Wait: { Type: 'Wait', Seconds: 86_400, End: true } },
};

export const matrixCase: MatrixCase = {
  remediation: 'recover-service',
  // A person approves each start, whatever the mode.
  stages: ['asked', 'approved'],
  targetsAtOnce: 20,
  async open(place) {
    const stepFunctions = createStepFunctions(place.world, place.gateway, {
      lambda: place.lambda,
      events: { publish: async () => ({ id: '' }) },
    });
    const credentials = { accessKeyId: 'matrix', secretAccessKey: 'test' };
    const sfn = new SFNClient({ endpoint: place.gateway.url, region: REGION, credentials });
    place.world.onStop('the matrix’s client of Step Functions', () => sfn.destroy());
    const roleArn = `arn:aws:iam::${place.world.accountId}:role/matrix`;
    await sfn.send(
      new CreateStateMachineCommand({ name: `matrix-${PLAN}`, roleArn, definition: JSON.stringify(WAITS) }),
    );
    return new Starts(stepFunctions);
  },
};

class Starts implements OpenCase {
  readonly #stepFunctions: LocalStepFunctions;
  /** Names of the executions that were asked for, by token. */
  readonly #asked = new Map<string, Set<string>>();

  constructor(stepFunctions: LocalStepFunctions) {
    this.#stepFunctions = stepFunctions;
  }

  configure(token: string) {
    const sizes = { minTasks: 1, maxTasks: 10, stabiliseForSeconds: 1 };
    return { service: { ...service, ...sizes, name: token, cluster: CLUSTER, service: token, dependsOn: [] } };
  }

  changes({ service: of, operation, params }: AwsCall): string | undefined {
    if (of !== 'states' || operation !== 'StartExecution') return undefined;
    const token = (JSON.parse(String(params.input)) as { service: string }).service;
    this.#asked.set(token, (this.#asked.get(token) ?? new Set()).add(String(params.name)));
    return token;
  }

  async target(token: string): Promise<MatrixTarget> {
    const Dimensions = [
      { Name: 'ClusterName', Value: CLUSTER },
      { Name: 'ServiceName', Value: token },
    ];
    return {
      token,
      key: `ecs-service/${CLUSTER}/${token}`,
      metric: { Namespace: 'ECS/ContainerInsights', MetricName: 'RunningTaskCount', Dimensions },
      ready: async () => {},
      inspect: async () => this.#inspect(token),
      dispose: async () => {},
    };
  }

  #inspect(token: string): Inspection {
    const asked = this.#asked.get(token) ?? new Set();
    const started = this.#stepFunctions.executions().filter(({ arn }) => asked.has(arn.split(':').at(-1) ?? ''));
    const state = started.length === 0 ? 'before' : started.length === 1 ? 'after' : 'beyond';
    return { state, changes: started.length, detail: `${started.length} runs were started for ${token}` };
  }
}
