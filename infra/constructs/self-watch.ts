/**
 * Who watches the watcher (invariant I13, docs/self-watch.md): few alarms, as many for a hundred remediations as for one, because an alarm costs
 * 0.10 USD a month for each metric it looks at, also within metric math ("Amazon CloudWatch Pricing": per alarm metric).
 */
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Aws, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { NAMESPACE } from '../../functions/engine/metrics.ts';
import type { DeploymentConfig } from '../config/schema.ts';
import { pagingAlarm, silenceAlarm } from './alarm-action.ts';
import { dashboard } from './dashboard.ts';
import { type Deployment, functionNameOf, NightshiftFunction } from './nightshift-function.ts';
import type { Reconciler } from './reconciler.ts';
import { heartbeatQueueName } from './sign-of-life.ts';

export interface SelfWatchProps {
  readonly deployment: Deployment;
  readonly reconciler: Reconciler;
}

/** Made last: it looks at every function of the stack. */
export class SelfWatch extends Construct {
  constructor(scope: Construct, { deployment, reconciler }: SelfWatchProps) {
    super(scope, 'SelfWatch');
    const { config, pageTopic } = deployment;
    const functions = Stack.of(this)
      .node.findAll()
      .filter((each) => each instanceof NightshiftFunction);
    this.#countFailures(functions, reconciler);
    this.#giveSigns(config, reconciler);
    this.#watchAbsence(config, pageTopic, reconciler);
    this.#watchTrouble(config, pageTopic);
    if (config.selfWatch.dashboard) dashboard(this, config, functions);
  }

  /** The reconciler looks into every failure queue; an alarm for each of them would cost more than everything else together. */
  #countFailures(functions: readonly NightshiftFunction[], reconciler: Reconciler): void {
    const urls = functions.map(({ failures }) => failures.queueUrl);
    reconciler.function.addEnvironment('NIGHTSHIFT_FAILURE_QUEUES', Stack.of(this).toJsonString(urls));
    reconciler.allow(
      ['sqs:GetQueueAttributes'],
      functions.map(({ failures }) => failures.queueArn),
    );
  }

  /** After each run that went well, to the queue that the standby stack watches. Named, not referred to: stacks of two regions share nothing. */
  #giveSigns({ name, standbyRegion }: DeploymentConfig, reconciler: Reconciler): void {
    const { account, partition } = Stack.of(this);
    const queue = heartbeatQueueName(name);
    reconciler.allow(['sqs:SendMessage'], [`arn:${partition}:sqs:${standbyRegion}:${account}:${queue}`]);
    reconciler.function.addEnvironment(
      'NIGHTSHIFT_HEARTBEAT_QUEUE',
      `https://sqs.${standbyRegion}.${Aws.URL_SUFFIX}/${account}/${queue}`,
    );
  }

  /**
   * Nobody else would notice here if it didn't run; runs that fail give no sign of life, which the standby region notices. Three periods, so that one
   * late start calls nobody.
   */
  #watchAbsence(config: DeploymentConfig, pageTopic: ITopic, reconciler: Reconciler): void {
    silenceAlarm(this, 'AbsenceAlarm', {
      alarmName: functionNameOf(config.name, 'reconciler-absent'),
      alarmDescription: `P1. The reconciler of Nightshift ${config.name} has not run: nothing held is looked at again until it does.`,
      namespace: 'AWS/Lambda',
      metricName: 'Invocations',
      dimensions: [{ name: 'FunctionName', value: reconciler.function.functionName }],
      statistic: 'Sum',
      period: config.reconcileEverySeconds,
      evaluationPeriods: 3,
      pageTopic,
    });
  }

  /**
   * Everything that functions gave up on and work that doesn't get done, counted by the reconciler at each run. What is new since the run before pages; a
   * message that stays calls nobody again, and keeps nobody from being called for the next (docs/decisions/0228).
   */
  #watchTrouble(config: DeploymentConfig, pageTopic: ITopic): void {
    pagingAlarm(this, 'TroubleAlarm', {
      alarmName: functionNameOf(config.name, 'trouble'),
      alarmDescription: `P2. Nightshift ${config.name} gave up on events, or doesn't get its work done. "nightshift doctor" names what, "nightshift dlq list" shows the events.`,
      namespace: NAMESPACE,
      metricName: 'NewTrouble',
      dimensions: [{ name: 'Deployment', value: config.name }],
      statistic: 'Maximum',
      period: config.reconcileEverySeconds,
      // Three runs: what comes in bursts, or comes and goes, is one call.
      evaluationPeriods: 3,
      datapointsToAlarm: 1,
      threshold: 0,
      comparisonOperator: 'GreaterThanThreshold',
      treatMissingData: 'notBreaching',
      pageTopic,
    });
  }
}
