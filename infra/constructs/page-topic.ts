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
  const topic = topicFor(scope, 'Pages', `nightshift-${config.name}-pages`, config.contacts.pageEmails, config);
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
  return topic;
}

/**
 * Topics of the levels of people that have addresses of their own, by level (`2`, `management`): only our functions publish there. A level without
 * one is called through the page topic.
 */
export function levelTopics(scope: Construct, config: DeploymentConfig): ReadonlyMap<string, Topic> {
  const { levels, management } = config.escalation;
  const named = [
    ...levels.map(({ pageEmails }, index) => ({ level: String(index + 1), pageEmails })),
    ...(management ? [{ level: 'management', pageEmails: management.pageEmails }] : []),
  ].filter(({ pageEmails }) => pageEmails.length > 0);
  return new Map(
    named.map(({ level, pageEmails }) => [
      level,
      topicFor(scope, `PagesOfLevel${level}`, `nightshift-${config.name}-pages-${level}`, pageEmails, config),
    ]),
  );
}

function topicFor(
  scope: Construct,
  id: string,
  topicName: string,
  addresses: readonly string[],
  config: Pick<DeploymentConfig, 'name' | 'pageTopicKeyArn'>,
): Topic {
  const topic = new Topic(scope, id, {
    topicName,
    displayName: `Nightshift ${config.name}`,
    enforceSSL: true,
    ...(config.pageTopicKeyArn
      ? { masterKey: Key.fromKeyArn(scope, `${id === 'Pages' ? 'Page' : id}Key`, config.pageTopicKeyArn) }
      : {}),
  });
  for (const address of addresses) topic.addSubscription(new EmailSubscription(address));
  if (!config.pageTopicKeyArn)
    Validations.of(topic).acknowledge({
      id: 'AwsSolutions-SNS2',
      reason:
        'Alarms cannot publish to a topic encrypted with the AWS managed key; pageTopicKeyArn sets a key of your own. Pages hold no secrets.',
    });
  return topic;
}
