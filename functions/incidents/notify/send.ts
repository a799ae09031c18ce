/** Sending one content by one channel. */
import { SESv2Client, SendEmailCommand } from '@aws-sdk/client-sesv2';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { clientDefaults } from '../../engine/clients.ts';
import { classifyAwsError } from '../../engine/errors.ts';
import { withoutLinks } from '../link-token.ts';
import type { Secrets } from '../secrets.ts';
import type { Content } from './content.ts';
import { DeliveryError } from './errors.ts';
import { endingEvent, pagerDutyEvent } from './formats/pagerduty.ts';
import { slackMessage } from './formats/slack.ts';
import { teamsMessage } from './formats/teams.ts';
import { mailOf, snsMessageOf } from './formats/text.ts';
import { SigningSecretError, signed, webhookBody } from './formats/webhook.ts';
import { type HttpOptions, type HttpRequest, post } from './http.ts';
import type { ChannelConfig } from './manifest.ts';

export interface Sending extends Omit<HttpOptions, 'scrub'> {
  readonly secrets: Secrets;
  readonly ses: Pick<SESv2Client, 'send'>;
  readonly sns: Pick<SNSClient, 'send'>;
  /** "Service Regions", PagerDuty: an account lives in one. */
  /** Where signed links lead; empty where there are none. */
  readonly linksUrl: string;
  readonly pagerDutyUrl: Readonly<Record<'us' | 'eu', string>>;
}

/** The parts of `Sending` that have a default. */
export const sendingDefaults = () => ({
  ses: new SESv2Client(clientDefaults()),
  sns: new SNSClient(clientDefaults()),
  linksUrl: (process.env.NIGHTSHIFT_LINKS_URL ?? '').replace(/\/$/, ''),
  pagerDutyUrl: {
    us: 'https://events.pagerduty.com/v2/enqueue',
    eu: 'https://events.eu.pagerduty.com/v2/enqueue',
  },
});

/** Whether the vendor keeps a state for each incident, so that an old trigger told late would open it again. */
export const keepsState = ({ kind }: ChannelConfig): boolean => kind === 'pagerduty';

/**
 * Sends, and resolves once the vendor took it.
 * @returns `nothing` when the channel has no words for this content.
 * @throws DeliveryError or another EngineError; `retryable` says whether later makes sense.
 */
export async function send(
  name: string,
  channel: ChannelConfig,
  content: Content,
  sending: Sending,
): Promise<'sent' | 'nothing'> {
  switch (channel.kind) {
    case 'email':
      return sendMail(name, channel, content, sending);
    case 'sns':
      return publish(name, channel, content, sending);
    default:
      return withSecrets(name, channel, sending, (...secrets) => requestFor(channel, content, secrets, sending));
  }
}

/** Acknowledges or ends the alert of an incident, whatever is told of it besides. */
export async function endAlert(
  action: 'acknowledge' | 'resolve',
  name: string,
  channel: ChannelConfig,
  incidentId: string,
  sending: Sending,
): Promise<void> {
  if (channel.kind !== 'pagerduty') return;
  await withSecrets(name, channel, sending, (routingKey = '') => ({
    url: sending.pagerDutyUrl[channel.serviceRegion],
    body: JSON.stringify(endingEvent(action, incidentId, routingKey)),
  }));
}

type HttpChannel = Extract<ChannelConfig, { kind: 'slack' | 'teams' | 'pagerduty' | 'webhook' }>;

function secretArns(channel: HttpChannel): string[] {
  switch (channel.kind) {
    case 'slack':
    case 'teams':
      return [channel.webhookSecretArn];
    case 'pagerduty':
      return [channel.routingKeySecretArn];
    case 'webhook':
      return [channel.urlSecretArn, channel.signingSecretArn];
    default:
      return channel satisfies never;
  }
}

function requestFor(
  channel: HttpChannel,
  content: Content,
  [first = '', second = '']: readonly string[],
  { now, pagerDutyUrl }: Sending,
): HttpRequest | undefined {
  switch (channel.kind) {
    case 'slack':
      return { url: first, body: JSON.stringify(slackMessage(content.message)) };
    case 'teams':
      return { url: first, body: JSON.stringify(teamsMessage(content.message)) };
    case 'pagerduty': {
      const event = pagerDutyEvent(content, first);
      return event && { url: pagerDutyUrl[channel.serviceRegion], body: JSON.stringify(event) };
    }
    case 'webhook':
      return { url: first, ...signed(content.id, webhookBody(content), second, now()) };
    default:
      return channel satisfies never;
  }
}

/** Statuses by which vendors refuse a secret that was replaced. */
const REFUSED = new Set([401, 403, 404, 410]);

/** Posts with the channel's secrets; when the vendor refuses them and they have been replaced meanwhile, once more with the new ones. */
async function withSecrets(
  name: string,
  channel: HttpChannel,
  sending: Sending,
  build: (...secrets: string[]) => HttpRequest | undefined,
): Promise<'sent' | 'nothing'> {
  const arns = secretArns(channel);
  const read = () => Promise.all(arns.map((arn) => sending.secrets.get(arn)));
  const before = await read();
  try {
    return await postOnce(name, before, sending, build);
  } catch (error) {
    if (!(error instanceof DeliveryError && error.status !== undefined && REFUSED.has(error.status))) throw error;
    for (const arn of arns) sending.secrets.forget(arn);
    const after = await read();
    if (after.every((secret, index) => secret === before[index])) throw error;
    return postOnce(name, after, sending, build);
  }
}

async function postOnce(
  name: string,
  secrets: readonly string[],
  sending: Sending,
  build: (...secrets: string[]) => HttpRequest | undefined,
): Promise<'sent' | 'nothing'> {
  try {
    const request = build(...secrets);
    if (!request) return 'nothing';
    await post(name, request, { ...sending, scrub: (text) => withoutLinks(sending.secrets.scrub(text)) });
    return 'sent';
  } catch (error) {
    if (error instanceof SigningSecretError) throw new DeliveryError(`${name}: ${error.message}`, { retryable: false });
    throw error;
  }
}

async function sendMail(
  name: string,
  channel: Extract<ChannelConfig, { kind: 'email' }>,
  content: Content,
  { ses }: Sending,
): Promise<'sent'> {
  const { subject, text } = mailOf(content.message);
  const part = (Data: string) => ({ Data, Charset: 'UTF-8' });
  try {
    await ses.send(
      new SendEmailCommand({
        FromEmailAddress: channel.from,
        Destination: { ToAddresses: [...channel.to] },
        Content: { Simple: { Subject: part(subject), Body: { Text: part(text) } } },
      }),
    );
  } catch (error) {
    throw classifyAwsError(`${name}: send a mail`, error);
  }
  return 'sent';
}

async function publish(
  name: string,
  channel: Extract<ChannelConfig, { kind: 'sns' }>,
  content: Content,
  { sns }: Sending,
): Promise<'sent'> {
  const { subject, text } = snsMessageOf(content.message);
  try {
    await sns.send(new PublishCommand({ TopicArn: channel.topicArn, Subject: subject, Message: text }));
  } catch (error) {
    throw classifyAwsError(`${name}: publish`, error);
  }
  return 'sent';
}
