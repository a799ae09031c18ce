/** Nightshift's own bus, the announcer that fills it from the journal, and the notifier that empties it into channels. */
import { EventBus, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Duration } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import {
  DETAIL_TYPES,
  HAPPENINGS,
  type Happening,
  NOTIFICATION_SOURCE,
  tells,
} from '../../events/published/notification.ts';
import { REPORT_DETAIL_TYPE } from '../../events/published/report.ts';
import type { IncidentFunctionManifest } from '../../functions/incidents/manifest.ts';
import type { DeploymentConfig } from '../config/schema.ts';
import { archiveBucketName } from './archive.ts';
import { followJournal } from './journal-stream.ts';
import { type Deployment, functionNameOf, NightshiftFunction } from './nightshift-function.ts';
import { scheduleFunction } from './schedule.ts';
import { secretStatements } from './secret-statements.ts';

export interface NotificationsProps {
  readonly deployment: Deployment;
  readonly announcer: IncidentFunctionManifest;
  /** Deployed only when there is a channel to tell. */
  readonly notify: IncidentFunctionManifest | undefined;
  readonly streamArn: string;
  /** Where signed links lead; undefined where there are none. */
  readonly linksUrl?: string | undefined;
}

/** The bus `nightshift-<deployment>`, open to rules of the user's own, and its functions. The announcer is always there: it keeps the hash chain. */
export class Notifications extends Construct {
  readonly bus: EventBus;

  constructor(scope: Construct, { deployment, announcer, notify, streamArn, linksUrl }: NotificationsProps) {
    super(scope, 'Notifications');
    const { config } = deployment;
    this.bus = new EventBus(this, 'Bus', {
      eventBusName: busNameOf(config.name),
      description: `What Nightshift ${config.name} did and found, as events/published/notification.ts describes it.`,
    });
    this.#announce(deployment, announcer, streamArn);
    if (notify && Object.keys(config.channels).length > 0) this.#notify(deployment, notify, linksUrl);
  }

  #announce(deployment: Deployment, manifest: IncidentFunctionManifest, streamArn: string): void {
    const announcer = new NightshiftFunction(this, 'Announcer', {
      deployment,
      manifest,
      environment: { NIGHTSHIFT_BUS: this.bus.eventBusName },
      journal: { actions: ['PutItem', 'Query'] },
    });
    announcer.allow(['events:PutEvents'], [this.bus.eventBusArn]);
    followJournal(announcer, { deployment, name: manifest.name, streamArn });
  }

  #notify(deployment: Deployment, manifest: IncidentFunctionManifest, linksUrl: string | undefined): void {
    const { config } = deployment;
    // Only where the vendor keeps a state does it look whether the incident is over meanwhile.
    const looks = Object.values(config.channels).some(({ kind }) => kind === 'pagerduty');
    const notify = new NightshiftFunction(this, 'Notify', {
      deployment,
      manifest,
      reservedConcurrency: config.contacts.reservedConcurrency,
      environment: {
        NIGHTSHIFT_ARCHIVE_BUCKET: archiveBucketName(this, config.name),
        ...(linksUrl && { NIGHTSHIFT_LINKS_URL: linksUrl }),
      },
      journal: { actions: [...(looks ? (['GetItem'] as const) : []), 'DeleteItem', 'PutItem', 'Query', 'UpdateItem'] },
    });
    for (const statement of [...channelStatements(config), ...linkStatements(config)])
      notify.role.addToPolicy(statement);
    const { levels, management } = config.escalation;
    const ladderTells = [...levels, ...(management ? [management] : [])].some(({ channels }) => channels.length > 0);
    const told = HAPPENINGS.filter(
      (each) => config.routing.some(({ events }) => tells(events, each)) || (ladderTells && CALLS.includes(each)),
    );
    const detailType = [
      ...told.map((each): string => DETAIL_TYPES[each]),
      ...(config.reports && config.reports.channels.length > 0 ? [REPORT_DETAIL_TYPE] : []),
    ];
    new Rule(this, 'Rule', {
      ruleName: functionNameOf(config.name, 'notify'),
      description: 'What the routes speak of; the function finds out who is told.',
      eventBus: this.bus,
      eventPattern: { source: [NOTIFICATION_SOURCE], detailType },
      targets: [
        new LambdaTarget(notify.function, {
          deadLetterQueue: notify.failures,
          retryAttempts: 185,
          maxEventAge: Duration.hours(24),
        }),
      ],
    });
    scheduleFunction(notify, {
      groupName: functionNameOf(config.name, 'digests'),
      scheduleName: functionNameOf(config.name, 'digests'),
      everyMinutes: 1,
      input: { nightshift: 1, command: 'send-digests' },
      maximumEventAgeInSeconds: 60,
    });
  }
}

/** What channels of levels are told, whatever the routes say. */
const CALLS: readonly Happening[] = ['escalated', 'acknowledged'];

export const busNameOf = (deployment: string): string => `nightshift-${deployment}`;

/** The key that signs links, where a channel carries any. */
const linkStatements = ({ channels, links }: DeploymentConfig): PolicyStatement[] =>
  links && Object.values(channels).some((channel) => 'recipient' in channel && channel.recipient !== undefined)
    ? secretStatements([links.signingSecretArn], links.secretKeyArn)
    : [];

/** Exactly what the configured channels need. */
function channelStatements({ channels }: DeploymentConfig): PolicyStatement[] {
  return Object.values(channels).flatMap((channel): PolicyStatement[] => {
    switch (channel.kind) {
      case 'slack':
      case 'teams':
        return secretStatements([channel.webhookSecretArn], channel.secretKeyArn);
      case 'pagerduty':
        return secretStatements([channel.routingKeySecretArn], channel.secretKeyArn);
      case 'webhook':
        return secretStatements([channel.urlSecretArn, channel.signingSecretArn], channel.secretKeyArn);
      case 'email':
        // "Identity and access management in Amazon SES": the identity, and only this sender.
        return [
          new PolicyStatement({
            actions: ['ses:SendEmail'],
            resources: [channel.identityArn],
            conditions: { StringEquals: { 'ses:FromAddress': channel.from } },
          }),
        ];
      case 'sns':
        return [
          allow(['sns:Publish'], channel.topicArn),
          ...(channel.topicKeyArn ? [allow(['kms:Decrypt', 'kms:GenerateDataKey'], channel.topicKeyArn)] : []),
        ];
      default:
        return channel satisfies never;
    }
  });
}

const allow = (actions: string[], resource: string) => new PolicyStatement({ actions, resources: [resource] });
