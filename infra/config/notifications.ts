/** The part of the configuration that says whom Nightshift tells, and by what. Secrets are named by ARN, never written down. */
import { z } from 'zod';
import { HAPPENINGS } from '../../events/published/notification.ts';
import type { ChannelConfig, NotifyConfig } from '../../functions/incidents/notify/manifest.ts';
import type { EscalationConfig } from './escalation.ts';
import { asGiven, type Fault, unknownName } from './faults.ts';
import { keyArn, secretArn } from './secret-arn.ts';

const SEVERITIES = ['P1', 'P2', 'P3', 'P4'] as const;

const common = {
  /** Messages a minute; what is more comes in one digest a minute. Updates take at most half of them. */
  perMinute: z.int().min(1).max(600).default(10),
};
const personal = {
  /**
   * The one person (of `people`) whom this channel reaches: its messages then carry links that act in this person's name. A channel that several
   * people read has none, because whoever has a link is that person.
   */
  recipient: z.string().optional(),
};
const withSecret = {
  ...common,
  /** Key of your own that its secrets are encrypted with; none when it is AWS's own. */
  secretKeyArn: keyArn.optional(),
};

/** By `kind`, one way of telling people. */
export const channelSchema = z.discriminatedUnion('kind', [
  /** Slack, by an incoming webhook: the secret is its URL. */
  z.strictObject({ kind: z.literal('slack'), webhookSecretArn: secretArn, ...withSecret, ...personal }),
  /** Microsoft Teams, by the webhook of a workflow: the secret is its URL. */
  z.strictObject({ kind: z.literal('teams'), webhookSecretArn: secretArn, ...withSecret, ...personal }),
  /** PagerDuty, by Events API v2: the secret is the 32-character integration key of a service. */
  z.strictObject({
    kind: z.literal('pagerduty'),
    routingKeySecretArn: secretArn,
    /** Where the PagerDuty account lives. */
    serviceRegion: z.enum(['us', 'eu']).default('us'),
    ...withSecret,
  }),
  /** A webhook of your own, signed as Standard Webhooks says. */
  z.strictObject({
    kind: z.literal('webhook'),
    urlSecretArn: secretArn,
    /** `whsec_` and base64. */
    signingSecretArn: secretArn,
    ...withSecret,
    ...personal,
  }),
  /** Mail by Amazon SES. */
  z.strictObject({
    kind: z.literal('email'),
    from: z.email(),
    /** ("SendEmail", Amazon SES API v2 Reference: at most 50 recipients.) */
    to: z.array(z.email()).min(1).max(50),
    /** The verified identity that `from` belongs to. */
    identityArn: z
      .string()
      .regex(/^arn:[a-z-]+:ses:[a-z0-9-]+:\d{12}:identity\/[\w.@+-]+$/, 'the ARN of a verified SES identity'),
    ...common,
    ...personal,
  }),
  /** An SNS topic of your own. */
  z.strictObject({
    kind: z.literal('sns'),
    topicArn: z.string().regex(/^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[\w-]+$/, 'the ARN of an SNS topic'),
    /** Key of your own that the topic is encrypted with. */
    topicKeyArn: keyArn.optional(),
    ...common,
    ...personal,
  }),
]);
export type ChannelInput = z.input<typeof channelSchema>;
type Channel = z.output<typeof channelSchema>;

/** Who is told of what: what fits a route is told by all of its channels. */
export const routeSchema = z.strictObject({
  severities: z
    .array(z.enum(SEVERITIES))
    .min(1)
    .default([...SEVERITIES]),
  /** What is told. Updates are many: left out unless named. */
  events: z.array(z.enum(HAPPENINGS)).min(1).default(['opened', 'approval', 'escalated', 'resolved']),
  channels: z.array(z.string()).min(1),
  /** Targets such as `rds-instance/orders-db`, or beginnings of them that end in `*`; all when left out. */
  targets: z.array(z.string().min(1)).min(1).optional(),
});
type Route = z.output<typeof routeSchema>;

/** Functions that are deployed only when somebody is told. */
export const NOTIFICATION_FUNCTIONS: readonly string[] = ['notify'];

interface Deployed {
  readonly escalation?: Pick<EscalationConfig, 'levels' | 'management'> | undefined;
  readonly name: string;
  readonly channels: Readonly<Record<string, Channel>>;
  readonly routing: readonly Route[];
  readonly contacts: { readonly commander?: string | undefined; readonly bridge?: string | undefined };
  readonly links?: { readonly signingSecretArn: string; readonly validForSeconds: number } | undefined;
  readonly reports?: { readonly channels: readonly string[] } | undefined;
}

/** What the notifier is given as `channels.json`; undefined when nobody is told but by pages. What only grants permissions isn't in it. */
export function notifyConfigOf({
  name,
  channels,
  routing,
  contacts,
  links,
  escalation,
  reports,
}: Deployed): NotifyConfig | undefined {
  const names = Object.keys(channels).sort();
  if (names.length === 0) return undefined;
  const { commander, bridge } = contacts;
  const levels = channelsByLevel(escalation);
  return {
    version: 1,
    deployment: name,
    channels: Object.fromEntries(names.map((each) => [each, runtimeOf(channels[each])])),
    routing: [...routing],
    ...(Object.keys(levels).length > 0 && { levels }),
    ...(reports && reports.channels.length > 0 && { reports: [...new Set(reports.channels)] }),
    ...(commander && { commander }),
    ...(bridge && { bridge }),
    ...(links && { links: { signingSecretArn: links.signingSecretArn, validForSeconds: links.validForSeconds } }),
  };
}

/** By level, as events name it: `1` is the first. Levels without channels are left out. */
function channelsByLevel(escalation: Deployed['escalation']): Record<string, readonly string[]> {
  if (!escalation) return {};
  const { levels, management } = escalation;
  const named = [
    ...levels.map(({ channels }, index) => [String(index + 1), channels] as const),
    ['management', management?.channels ?? []] as const,
  ];
  return Object.fromEntries(named.filter(([, channels]) => channels.length > 0));
}

function runtimeOf(channel: Channel | undefined): ChannelConfig {
  if (!channel) throw new Error('a channel vanished while it was read');
  switch (channel.kind) {
    case 'slack':
    case 'teams':
    case 'pagerduty':
    case 'webhook': {
      const { secretKeyArn, ...rest } = channel;
      return rest;
    }
    case 'email': {
      const { identityArn, ...rest } = channel;
      return rest;
    }
    case 'sns': {
      const { topicKeyArn, ...rest } = channel;
      return rest;
    }
    default:
      return channel satisfies never;
  }
}

/** A configuration of which any channel may be unreadable. */
export interface LooseNotifications {
  readonly region?: string | undefined;
  readonly channels: Readonly<
    Record<string, { readonly kind?: string | undefined; readonly [field: string]: unknown }>
  >;
  readonly routing: readonly Route[];
  /** Keys of everything that is protected. */
  readonly targets: readonly string[];
  /** Channels that levels of people are called by. */
  readonly called?: readonly string[];
}

const fault = (path: string, given: unknown, expected: string): Fault => ({ path, given: asGiven(given), expected });

/** Faults between channels, routes and what is protected. */
export function notificationFaults(config: LooseNotifications): Fault[] {
  return [
    ...Object.entries(config.channels).flatMap(([name, channel]) => channelFaults(name, channel, config)),
    ...config.routing.flatMap((route, index) => routeFaults(`routing[${index}]`, route, config)),
  ];
}

function channelFaults(name: string, channel: LooseNotifications['channels'][string], config: LooseNotifications) {
  const at = `channels.${name}`;
  const routes = config.routing.filter((route) => route.channels.includes(name));
  const isCalled = config.called?.includes(name) ?? false;
  const unused =
    routes.length === 0 && !isCalled
      ? [fault(at, channel.kind, 'no route names it: add it to routing, or take it out')]
      : [];
  const told = new Set(routes.flatMap(({ events }) => events));
  const open =
    channel.kind === 'pagerduty' && (told.has('opened') || told.has('escalated') || isCalled) && !told.has('resolved')
      ? [fault(at, channel.kind, "no route tells it of 'resolved': its alerts would stay open for ever")]
      : [];
  return [...unused, ...open, ...regionFaults(at, channel, config)];
}

/** Clients speak to the deployment's own region only. */
function regionFaults(at: string, channel: Readonly<Record<string, unknown>>, { region }: LooseNotifications): Fault[] {
  return Object.entries(channel).flatMap(([field, value]) => {
    const found = field.endsWith('Arn') && typeof value === 'string' ? value.split(':')[3] : undefined;
    return !found || !region || found === region
      ? []
      : [fault(`${at}.${field}`, value, `allowed is an ARN of this deployment's region (${region})`)];
  });
}

function routeFaults(at: string, route: Route, { channels, targets }: LooseNotifications): Fault[] {
  const unknown = route.channels.flatMap((name, index) =>
    Object.hasOwn(channels, name)
      ? []
      : [fault(`${at}.channels[${index}]`, name, `as a channel: ${unknownName(name, Object.keys(channels))}`)],
  );
  const speechless = route.channels.flatMap((name, index) =>
    route.events.includes('updated') && channels[name]?.kind === 'pagerduty'
      ? [fault(`${at}.channels[${index}]`, name, "PagerDuty has no word for 'updated': give it a route without")]
      : [],
  );
  const missed = (route.targets ?? []).flatMap((pattern, index) =>
    targets.some((target) => fits(pattern, target))
      ? []
      : [fault(`${at}.targets[${index}]`, pattern, `fits no target; protected are ${targets.join(', ') || 'none'}`)],
  );
  return [...unknown, ...speechless, ...missed];
}

const fits = (pattern: string, target: string): boolean =>
  pattern.endsWith('*') ? target.startsWith(pattern.slice(0, -1)) : target === pattern;
