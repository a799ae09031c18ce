/** The links that a message carries: for the one person whom its channel reaches. */
import type { Happening, IncidentEvent } from '../../../events/published/notification.ts';
import { log } from '../../engine/log.ts';
import { LINK_PATH, type Link, type LinkKey, type LinkOperation, parseKeys, signLink } from '../link-token.ts';
import type { Secrets } from '../secrets.ts';
import type { Content } from './content.ts';
import type { ChannelConfig, NotifyConfig } from './manifest.ts';
import type { MessageLink } from './templates.ts';

export interface Linking {
  readonly secrets: Pick<Secrets, 'get'>;
  /** Where the public endpoint is, without a slash at its end; empty where there is none. */
  readonly linksUrl: string;
}

interface Offer {
  readonly operation: LinkOperation;
  readonly label: string;
  readonly style?: MessageLink['style'];
}

const ON_INCIDENT: readonly Offer[] = [
  { operation: 'ack', label: 'Acknowledge', style: 'primary' },
  { operation: 'take-over', label: 'Take over' },
  { operation: 'resolve', label: 'End it', style: 'danger' },
];
const ON_APPROVAL: readonly Offer[] = [
  { operation: 'approve', label: 'Approve', style: 'primary' },
  { operation: 'deny', label: 'Deny', style: 'danger' },
];
const OFFERS: Readonly<Record<Happening, readonly Offer[]>> = {
  opened: ON_INCIDENT,
  escalated: ON_INCIDENT,
  approval: ON_APPROVAL,
  updated: [],
  acknowledged: [],
  resolved: [],
};

/**
 * The content with its links. A message never waits for them: when the signing secret can't be used, it is sent without, and says how else to act.
 */
export async function withLinks(
  name: string,
  channel: ChannelConfig,
  content: Content,
  { links, deployment }: Pick<NotifyConfig, 'links' | 'deployment'>,
  { secrets, linksUrl }: Linking,
): Promise<Content> {
  const { recipient } = channel;
  if (content.kind !== 'event' || recipient === undefined || !links || !linksUrl) return content;
  try {
    const keys = parseKeys(await secrets.get(links.signingSecretArn));
    const made = linksFor(content, name, recipient, { ...links, deployment, linksUrl, keys });
    return made.length > 0 ? { ...content, message: { ...content.message, links: made } } : content;
  } catch (error) {
    log('ERROR', `${name}: told without links: ${error instanceof Error ? error.message : String(error)}`);
    return content;
  }
}

/** Pure: the same event gives the same links, however often it is sent. */
export function linksFor(
  { happening, event, id, at }: Extract<Content, { kind: 'event' }>,
  channel: string,
  recipient: string,
  options: {
    readonly deployment: string;
    readonly linksUrl: string;
    readonly validForSeconds: number;
    readonly keys: readonly LinkKey[];
  },
): readonly MessageLink[] {
  return OFFERS[happening].flatMap(({ operation, label, style }): MessageLink[] => {
    const about = subjectOf(operation, event);
    if (!about) return [];
    const expiresAt =
      Math.floor(Date.parse(about.validUntil ?? at) / 1000) + (about.validUntil ? 0 : options.validForSeconds);
    const link: Link = { operation, recipient, expiresAt, nonce: `${channel}/${id}`, ...about.bound };
    const url = `${options.linksUrl}${LINK_PATH}/${signLink(link, options.keys, options.deployment)}`;
    return [{ operation, label, url, ...(style && { style }) }];
  });
}

interface About {
  readonly bound: Pick<Link, 'subject' | 'state'>;
  /** ISO 8601; absent: the links' own time. */
  readonly validUntil?: string;
}

function subjectOf(operation: LinkOperation, { incident, approval }: IncidentEvent): About | undefined {
  if (operation !== 'approve' && operation !== 'deny') return { bound: { subject: incident.id } };
  return approval && { bound: { subject: approval.id, state: approval.state }, validUntil: approval.validUntil };
}
