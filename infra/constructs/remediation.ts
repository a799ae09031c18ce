/** A remediation: its function and the rule that starts it. Rules grow with remediations, not with alarms. */
import { Match, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { DEPLOYMENT_TAG, type RemediationManifest, RUNBOOK_TAG } from '../../functions/engine/manifest.ts';
import type { DatabaseNetwork } from './database-network.ts';
import { ENGINE_ACCESS } from './journal-table.ts';
import { type Deployment, functionNameOf, NightshiftFunction } from './nightshift-function.ts';

export interface RemediationProps {
  readonly deployment: Deployment;
  readonly manifest: RemediationManifest;
  /** Given when the manifest's network is `database-vpc`. */
  readonly network?: DatabaseNetwork | undefined;
}

export class Remediation extends NightshiftFunction {
  readonly rule: Rule;

  constructor(scope: Construct, { deployment, manifest, network }: RemediationProps) {
    super(scope, manifest.name, {
      deployment,
      manifest,
      journal: ENGINE_ACCESS,
      network,
      reservedConcurrency: deployment.config.runbooks[manifest.name]?.reservedConcurrency,
    });
    this.rule = new Rule(this, 'Rule', {
      ruleName: functionNameOf(deployment.config.name, manifest.name),
      description: `Alarms that ask for ${manifest.name}, in every state: the function decides.`,
      eventPattern: {
        source: Match.exactString('aws.cloudwatch'),
        detailType: Match.exactString('CloudWatch Alarm State Change'),
        detail: { alarmTags: { [RUNBOOK_TAG]: [manifest.name], $or: ofThisDeployment(deployment.config.name) } },
      },
    });
    this.rule.addTarget(
      new LambdaTarget(this.function, {
        deadLetterQueue: this.failures,
        // EventBridge's own defaults, written down: what can't be delivered for a day goes to the failure queue.
        retryAttempts: 185,
        maxEventAge: Duration.hours(24),
      }),
    );
  }
}

/**
 * Two deployments in one account share the default bus: an alarm that names a deployment is that one's only, one that names none is
 * everybody's ("Comparison operators for use in event patterns in Amazon EventBridge": Or, Exists).
 */
const ofThisDeployment = (name: string) => [{ [DEPLOYMENT_TAG]: [name] }, { [DEPLOYMENT_TAG]: [{ exists: false }] }];
