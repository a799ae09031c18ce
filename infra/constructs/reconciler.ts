/** The reconciler: a schedule that looks again at everything held, firing or unfinished, and an alarm on its own absence. */
import type { Construct } from 'constructs';
import type { IncidentFunctionManifest } from '../../functions/incidents/manifest.ts';
import { pagingAlarm } from './alarm-action.ts';
import { type Deployment, functionNameOf, NightshiftFunction } from './nightshift-function.ts';
import type { Remediation } from './remediation.ts';
import { scheduleFunction } from './schedule.ts';

export interface ReconcilerProps {
  readonly deployment: Deployment;
  readonly manifest: IncidentFunctionManifest;
  /** By name: what it hands work to. */
  readonly remediations: ReadonlyMap<string, Remediation>;
}

export class Reconciler extends NightshiftFunction {
  constructor(scope: Construct, { deployment, manifest, remediations }: ReconcilerProps) {
    const functions = Object.fromEntries(
      [...remediations.keys()].map((name) => [name, functionNameOf(deployment.config.name, name)]),
    );
    super(scope, manifest.name, {
      deployment,
      manifest,
      environment: { NIGHTSHIFT_FUNCTIONS: JSON.stringify(functions) },
      journal: {
        actions: ['BatchGetItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem'],
        indexes: ['due'],
      },
    });
    if (remediations.size > 0)
      this.allow(
        ['lambda:InvokeFunction'],
        [...remediations.values()].map((remediation) => remediation.function.functionArn),
      );
    this.#schedule(deployment);
    this.#watch(deployment);
  }

  #schedule({ config }: Deployment): void {
    scheduleFunction(this, {
      groupName: functionNameOf(config.name, 'schedules'),
      scheduleName: functionNameOf(config.name, 'reconciler'),
      everyMinutes: config.reconcileEverySeconds / 60,
      maximumEventAgeInSeconds: Math.max(60, config.reconcileEverySeconds),
    });
  }

  /** Nobody else would notice if it didn't run. Three periods, so that one late start pages nobody. */
  #watch({ config, pageTopic }: Deployment): void {
    pagingAlarm(this, 'AbsenceAlarm', {
      alarmName: functionNameOf(config.name, 'reconciler-absent'),
      alarmDescription: `P1. The reconciler of Nightshift ${config.name} has not run: nothing held is looked at again until it does.`,
      namespace: 'AWS/Lambda',
      metricName: 'Invocations',
      dimensions: [{ name: 'FunctionName', value: this.function.functionName }],
      statistic: 'Sum',
      period: config.reconcileEverySeconds,
      evaluationPeriods: 3,
      threshold: 1,
      comparisonOperator: 'LessThanThreshold',
      treatMissingData: 'breaching',
      pageTopic,
    });
  }
}
