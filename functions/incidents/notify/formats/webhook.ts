/**
 * A webhook of the user's own, signed as "Standard Webhooks" 1.0.0 says, so that receivers can use its libraries: HMAC-SHA256 over
 * `<webhook-id>.<webhook-timestamp>.<body>`. A receiver refuses timestamps more than five minutes off and ids that it has seen, so a copied request
 * can't be played again. Pure.
 */
import { createHmac } from 'node:crypto';
import type { WebhookBody } from '../../../../events/published/notification-webhook.ts';
import type { Content } from '../content.ts';

export interface SignedRequest {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The signing secret can't be used; its value is not in the message. */
export class SigningSecretError extends Error {
  constructor(why: string) {
    super(`the webhook's signing secret ${why}; make one with: echo "whsec_$(openssl rand -base64 32)"`);
    this.name = 'SigningSecretError';
  }
}

/** What is posted, before it is signed. */
export function webhookBody(content: Content): WebhookBody {
  const timestamp = content.at;
  switch (content.kind) {
    case 'digest':
      return {
        type: 'incident.digest',
        timestamp,
        data: { version: 1, deployment: content.deployment, events: [...content.folded] },
      };
    case 'report':
      return { type: 'report.written', timestamp, data: content.report };
    case 'event': {
      const links = content.message.links?.map(({ operation, label, url }) => ({ operation, label, url }));
      return { type: `incident.${content.happening}`, timestamp, data: content.event, ...(links && { links }) };
    }
    default:
      return content satisfies never;
  }
}

/**
 * @param id the same each time the same thing is told.
 * @param secret `whsec_` and 24 to 64 bytes in base64.
 * @param now milliseconds since 1970: when it is sent, not when it happened.
 * @throws SigningSecretError for a secret of another form.
 */
export function signed(id: string, body: WebhookBody, secret: string, now: number): SignedRequest {
  const text = JSON.stringify(body);
  const timestamp = String(Math.floor(now / 1000));
  const signature = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${text}`).digest('base64');
  return {
    body: text,
    headers: { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` },
  };
}

function keyOf(secret: string): Buffer {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret.trim())?.[1];
  if (!encoded) throw new SigningSecretError('is not "whsec_" and base64');
  const key = Buffer.from(encoded, 'base64');
  if (key.length < 24 || key.length > 64) throw new SigningSecretError(`has ${key.length} bytes; allowed are 24 to 64`);
  return key;
}
