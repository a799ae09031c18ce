/** The reconciler: a schedule that looks again at everything held, firing or unfinished. Its absence is watched by `self-watch.ts`. */
import type { Construct } from 'constructs';
import { planPartition } from '../../functions/engine/plan-items.ts';
import type { IncidentFunctionManifest } from '../../functions/incidents/manifest.ts';
import { type Deployment, functionNameOf, NightshiftFunction } from './nightshift-function.ts';
import type { Remediation } from './remediation.ts';
import { scheduleFunction } from './schedule.ts';

export interface ReconcilerProps {
  readonly deployment: Deployment;
  readonly manifest: IncidentFunctionManifest;
  /** By name: what it hands work to. */
  readonly remediations: ReadonlyMap<string, Remediation>;
  /** Takes up incidents that nobody follows. */
  readonly followThrough: NightshiftFunction;
}

export class Reconciler extends NightshiftFunction {
  constructor(scope: Construct, { deployment, manifest, remediations, followThrough }: ReconcilerProps) {
    const functions = Object.fromEntries(
      [...remediations.keys()].map((name) => [name, functionNameOf(deployment.config.name, name)]),
    );
    super(scope, manifest.name, {
      deployment,
      manifest,
      environment: {
        NIGHTSHIFT_FUNCTIONS: JSON.stringify(functions),
        NIGHTSHIFT_STREAM: deployment.table.tableStreamArn ?? '',
        NIGHTSHIFT_FOLLOW_FUNCTION: followThrough.function.functionName,
        NIGHTSHIFT_PLANS: JSON.stringify(deployment.config.plans),
      },
      journal: {
        actions: ['BatchGetItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem'],
        indexes: ['due', 'incidents'],
        writes: [
          ...['ALARM#*', 'INCIDENT#*', 'JOBS', 'LEASE#reconciler', 'ROLLOUT#*', 'TARGET#*', 'WORK#*'],
          ...deployment.config.plans.map(planPartition),
        ],
      },
    });
    this.allow(
      ['lambda:InvokeFunction'],
      [followThrough, ...remediations.values()].map((unit) => unit.function.functionArn),
    );
    this.#schedule(deployment);
  }

  #schedule({ config }: Deployment): void {
    scheduleFunction(this, {
      groupName: functionNameOf(config.name, 'schedules'),
      scheduleName: functionNameOf(config.name, 'reconciler'),
      everyMinutes: config.reconcileEverySeconds / 60,
      maximumEventAgeInSeconds: Math.max(60, config.reconcileEverySeconds),
    });
  }
}
