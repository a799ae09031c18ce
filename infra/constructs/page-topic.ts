/** Where a person is called: by our own functions and, without them, by alarms directly (invariant I13). */
import { Effect, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Stack, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { DeploymentConfig } from '../config/schema.ts';

/**
 * The topic `nightshift-<deployment>-pages`, TLS only, with the configured addresses.
 * Encrypted only with a key of the user's own: alarms can't publish through AWS's own key ("Amazon CloudWatch alarms and encrypted
 * Amazon SNS topics", AWS re:Post knowledge center), and a page that doesn't leave is worse than one that is readable at rest.
 */
export function pageTopic(
  scope: Construct,
  config: Pick<DeploymentConfig, 'name' | 'contacts' | 'pageTopicKeyArn'>,
): Topic {
  const topic = new Topic(scope, 'Pages', {
    topicName: `nightshift-${config.name}-pages`,
    displayName: `Nightshift ${config.name}`,
    enforceSSL: true,
    ...(config.pageTopicKeyArn ? { masterKey: Key.fromKeyArn(scope, 'PageKey', config.pageTopicKeyArn) } : {}),
  });
  // A topic policy of our own (TLS only) replaces SNS's default one, so alarms must be allowed by name.
  topic.addToResourcePolicy(
    new PolicyStatement({
      sid: 'AlarmsOfThisAccount',
      effect: Effect.ALLOW,
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
  );
  for (const address of config.contacts.pageEmails) topic.addSubscription(new EmailSubscription(address));
  if (!config.pageTopicKeyArn)
    Validations.of(topic).acknowledge({
      id: 'AwsSolutions-SNS2',
      reason:
        'Alarms cannot publish to a topic encrypted with the AWS managed key; pageTopicKeyArn sets a key of your own. Pages hold no secrets.',
    });
  return topic;
}
