/** Alarms of endpoints in us-east-1, for a deployment whose own regions are others; a standby stack that is there has them itself. */
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { DeploymentConfig } from '../config/schema.ts';
import { EndpointAlarms } from '../constructs/endpoint-alarms.ts';
import { pageTopic } from '../constructs/page-topic.ts';

export interface EndpointStackProps extends StackProps {
  readonly config: DeploymentConfig;
}

export class EndpointStack extends Stack {
  constructor(scope: Construct, id: string, { config, ...props }: EndpointStackProps) {
    super(scope, id, {
      ...props,
      description: `Nightshift ${config.name}: alarms of endpoints for ${config.region}.`,
    });
    // A key of another region can't be used here.
    const { pageTopicKeyArn: _, ...rest } = config;
    const topic = pageTopic(this, rest);
    new EndpointAlarms(this, 'Endpoints', { config, pageTopic: topic });
    new CfnOutput(this, 'PageTopic', { value: topic.topicArn });
  }
}
