/**
 * Alarms of endpoints where their metric is, for a deployment in another region: Route 53's metrics are in us-east-1 only ("Monitoring health checks using CloudWatch"), and an alarm
 * looks at metrics of its own region. Its events are brought to the deployment's default bus ("Sending and receiving events between AWS Regions in Amazon EventBridge"), where
 * the rule of the remediation takes them as if they were its own.
 */
import { EventBus, Match, Rule } from 'aws-cdk-lib/aws-events';
import { EventBus as BusTarget } from 'aws-cdk-lib/aws-events-targets';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { DEPLOYMENT_TAG } from '../../functions/engine/manifest.ts';
import { ROUTE53_METRICS_REGION } from '../config/endpoints.ts';
import type { DeploymentConfig } from '../config/schema.ts';
import { functionNameOf } from './nightshift-function.ts';
import { Protection, protectionOf } from './protection.ts';

/** Whether the deployment is in one region, and alarms that it asked for are in another. */
export const hasEndpointsElsewhere = ({ region, endpoints }: Pick<DeploymentConfig, 'region' | 'endpoints'>): boolean =>
  region !== ROUTE53_METRICS_REGION && Object.values(endpoints).some(({ createAlarms }) => createAlarms);

export interface EndpointAlarmsProps {
  readonly config: DeploymentConfig;
  /** Of this region: an alarm calls no topic of another one. */
  readonly pageTopic: ITopic;
}

/**
 * In a stack of us-east-1. What can't be brought over within a day is lost, as the reconciler looks at the deployment's own region only: then the backstop, which is here and
 * calls people by itself, is what remains. So there is no queue for it, which nobody would read.
 */
export class EndpointAlarms extends Construct {
  constructor(scope: Construct, id: string, { config, pageTopic }: EndpointAlarmsProps) {
    super(scope, id);
    const protection = new Protection(this, 'Protection', protectionOf(config, pageTopic));
    for (const [name, endpoint] of Object.entries(config.endpoints))
      if (endpoint.createAlarms) protection.protectEndpoint(name, endpoint);
    const { account, partition } = Stack.of(this);
    const bus = `arn:${partition}:events:${config.region}:${account}:event-bus/default`;
    new Rule(this, 'Rule', {
      ruleName: functionNameOf(config.name, 'endpoints'),
      description: `Alarms of endpoints of Nightshift ${config.name}, brought to ${config.region}.`,
      eventPattern: {
        source: Match.exactString('aws.cloudwatch'),
        detailType: Match.exactString('CloudWatch Alarm State Change'),
        // Those that name this deployment only: whatever else fires here is none of its business.
        detail: { alarmTags: { [DEPLOYMENT_TAG]: [config.name] } },
      },
      targets: [new BusTarget(EventBus.fromEventBusArn(this, 'Bus', bus))],
    });
  }
}
