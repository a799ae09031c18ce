/** A remediation: its function and the rules that start it: one for alarms, one for each source of events. They grow with remediations, not with alarms. */
import { Match, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { RuntimeConfig } from '../../functions/engine/config.ts';
import {
  DEPLOYMENT_TAG,
  eventTriggersOf,
  metricTriggersOf,
  type RemediationManifest,
  RUNBOOK_TAG,
} from '../../functions/engine/manifest.ts';
import { EVENT_SOURCES } from '../../functions/engine/sources/index.ts';
import type { EventSource } from '../../functions/engine/sources/source.ts';
import type { DatabaseNetwork } from './database-network.ts';
import { engineAccess } from './journal-table.ts';
import { type Deployment, functionNameOf, NightshiftFunction } from './nightshift-function.ts';
import { machinesEnvironment } from './plan.ts';

export interface RemediationProps {
  readonly deployment: Deployment;
  readonly manifest: RemediationManifest;
  /** Every runbook that is deployed: those that begin with this remediation start it. */
  readonly ladders: RuntimeConfig['ladders'];
  /** Given when the manifest's network is `database-vpc`. */
  readonly network?: DatabaseNetwork | undefined;
}

export class Remediation extends NightshiftFunction {
  constructor(scope: Construct, { deployment, manifest, ladders, network }: RemediationProps) {
    super(scope, manifest.name, {
      deployment,
      manifest,
      journal: engineAccess(manifest),
      network,
      reservedConcurrency: deployment.config.runbooks[manifest.name]?.reservedConcurrency,
      ...(manifest.startsPlan !== undefined && {
        environment: machinesEnvironment(scope, deployment.config.name, [manifest.startsPlan]),
      }),
    });
    const mine = Object.entries(ladders).filter(([, { rungs }]) => rungs[0] === manifest.name);
    const byAlarms = mine.filter(([, { startedBy }]) => metricTriggersOf({ triggers: startedBy }).length > 0);
    if (byAlarms.length > 0)
      this.#listenToAlarms(
        deployment.config.name,
        manifest.name,
        byAlarms.map(([name]) => name),
      );
    const events = mine.flatMap(([, { startedBy }]) => eventTriggersOf({ triggers: startedBy }));
    for (const source of EVENT_SOURCES) {
      const what = events.filter((trigger) => trigger.source === source.name).flatMap((trigger) => trigger.what);
      if (what.length > 0) this.#listenTo(source, [...new Set(what)].sort(), deployment.config.name, manifest.name);
    }
  }

  #listenToAlarms(deployment: string, name: string, runbooks: readonly string[]): void {
    const rule = new Rule(this, 'Rule', {
      ruleName: functionNameOf(deployment, name),
      description: `Alarms that ask for ${runbooks.join(', ')}, in every state: the function decides.`,
      eventPattern: {
        source: Match.exactString('aws.cloudwatch'),
        detailType: Match.exactString('CloudWatch Alarm State Change'),
        detail: { alarmTags: { [RUNBOOK_TAG]: [...runbooks], $or: ofThisDeployment(deployment) } },
      },
    });
    this.#start(rule);
  }

  /** Events without a level: the function looks whether the target is this deployment's. */
  #listenTo(source: EventSource, what: readonly string[], deployment: string, name: string): void {
    const { 'detail-type': detailType, source: from, resources, detail } = source.eventPattern(what);
    const rule = new Rule(this, `Rule-${source.name}`, {
      ruleName: functionNameOf(deployment, `${name}-${source.name}`).slice(0, LONGEST_RULE_NAME),
      description: `Events of ${source.name} that start ${name}.`,
      eventPattern: {
        source: [...from],
        detailType: [...detailType],
        // Content filters are objects in an array of strings, as CDK's own Match makes them.
        ...(resources && { resources: [...resources] as string[] }),
        ...(detail && { detail: { ...detail } }),
      },
    });
    this.#start(rule);
  }

  #start(rule: Rule): void {
    rule.addTarget(
      new LambdaTarget(this.function, {
        deadLetterQueue: this.failures,
        // EventBridge's own defaults, written down: what can't be delivered for a day goes to the failure queue.
        retryAttempts: 185,
        maxEventAge: Duration.hours(24),
      }),
    );
  }
}

/** "Rule", Amazon EventBridge API Reference: Name has at most 64 characters. */
const LONGEST_RULE_NAME = 64;

/**
 * Two deployments in one account share the default bus: an alarm that names a deployment is that one's only, one that names none is
 * everybody's ("Comparison operators for use in event patterns in Amazon EventBridge": Or, Exists).
 */
const ofThisDeployment = (name: string) => [{ [DEPLOYMENT_TAG]: [name] }, { [DEPLOYMENT_TAG]: [{ exists: false }] }];
