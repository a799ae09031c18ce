/** The notifier's manifest, and the shape of the channels and routes that its asset carries as `channels.json`. */
import type { Severity } from '../../../events/journal.ts';
import type { Happening } from '../../../events/published/notification.ts';
import { defineIncidentFunction } from '../manifest.ts';

export const manifest = defineIncidentFunction({
  name: 'notify',
  summary: 'Tells people by the configured channels what happened, and sends digests when too much happens at once.',
  permissions: [],
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});

interface ChannelBase {
  /** Messages a minute; what is more is told in one digest a minute. */
  readonly perMinute: number;
  /** The one person whom it reaches: its messages carry links that act in this person's name. */
  readonly recipient?: string | undefined;
}

/**
 * How people are told. Secrets are never in here: `...SecretArn` names a Secrets Manager secret or an SSM SecureString parameter whose whole value
 * is the secret.
 */
export type ChannelConfig = ChannelBase &
  (
    | { readonly kind: 'slack'; readonly webhookSecretArn: string }
    | { readonly kind: 'teams'; readonly webhookSecretArn: string }
    | { readonly kind: 'pagerduty'; readonly routingKeySecretArn: string; readonly serviceRegion: 'us' | 'eu' }
    | { readonly kind: 'webhook'; readonly urlSecretArn: string; readonly signingSecretArn: string }
    | { readonly kind: 'email'; readonly from: string; readonly to: readonly string[] }
    | { readonly kind: 'sns'; readonly topicArn: string }
  );
export type ChannelKind = ChannelConfig['kind'];

/** Who is told of what. A happening is told by every channel of every route that fits it, once by each. */
export interface Route {
  readonly severities: readonly Severity[];
  readonly events: readonly Happening[];
  readonly channels: readonly string[];
  /** Targets, or beginnings of targets that end in `*`; absent means all. */
  readonly targets?: readonly string[] | undefined;
}

/** Channels of the escalation's levels, by level (`1`, `management`). */
export type LevelChannels = Readonly<Record<string, readonly string[]>>;

export interface NotifyConfig {
  readonly version: 1;
  readonly deployment: string;
  readonly channels: Readonly<Record<string, ChannelConfig>>;
  readonly routing: readonly Route[];
  readonly levels?: LevelChannels | undefined;
  /** Channels that are told of reports; absent: none. */
  readonly reports?: readonly string[] | undefined;
  /** Written in the first message of an incident, when configured. */
  readonly commander?: string | undefined;
  readonly bridge?: string | undefined;
  /** Absent: messages carry no links. */
  readonly links?: { readonly signingSecretArn: string; readonly validForSeconds: number } | undefined;
}
