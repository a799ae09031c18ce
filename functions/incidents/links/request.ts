/**
 * What comes in from the public endpoint, made small and safe before anybody looks at it. Pure. ("Working with AWS Lambda proxy integrations for HTTP
 * APIs", Amazon API Gateway Developer Guide: payload format version 2.0; header names are in lower case, a body may be base64.)
 */
import * as z from 'zod/mini';
import { LINK_PATH, LONGEST_TOKEN } from '../link-token.ts';

const httpEvent = z.object({
  version: z.literal('2.0'),
  rawPath: z.string(),
  headers: z.optional(z.record(z.string(), z.optional(z.string()))),
  requestContext: z.object({ http: z.object({ method: z.string() }) }),
  body: z.optional(z.nullable(z.string())),
  isBase64Encoded: z.optional(z.boolean()),
});

export const PAGERDUTY_PATH = '/pagerduty';
/** A form of ours is a few hundred bytes. */
const MOST_FORM_BYTES = 4_096;
/** "Behavior", PagerDuty developer documentation: a webhook of more than 256 kB is never sent. */
const MOST_WEBHOOK_BYTES = 262_144;

export type Request =
  | { readonly kind: 'link'; readonly method: 'GET' | 'HEAD' | 'POST'; readonly token: string; readonly form: Form }
  | { readonly kind: 'pagerduty'; readonly body: Buffer; readonly signatures: string }
  | { readonly kind: 'refused'; readonly status: 400 | 403 | 404 | 405 | 413; readonly why: string };

export interface Form {
  readonly confirmation: string;
  readonly reason: string;
}

const refused = (status: Extract<Request, { kind: 'refused' }>['status'], why: string): Request => ({
  kind: 'refused',
  status,
  why,
});

/** Sorts a request. Never throws: whatever isn't understood is refused. */
export function readRequest(event: unknown): Request {
  const { success, data } = httpEvent.safeParse(event);
  if (!success) return refused(400, 'this is not a request that this endpoint understands');
  const { rawPath, requestContext, headers = {} } = data;
  const { method } = requestContext.http;
  const body = Buffer.from(data.body ?? '', data.isBase64Encoded ? 'base64' : 'utf8');
  if (rawPath === PAGERDUTY_PATH) {
    if (method !== 'POST') return refused(405, 'only POST is taken here');
    if (body.length > MOST_WEBHOOK_BYTES) return refused(413, 'this is too long for a webhook of PagerDuty');
    return { kind: 'pagerduty', body, signatures: headers['x-pagerduty-signature'] ?? '' };
  }
  if (!rawPath.startsWith(`${LINK_PATH}/`)) return refused(404, 'there is nothing here');
  const token = rawPath.slice(LINK_PATH.length + 1);
  if (token.length > LONGEST_TOKEN) return refused(404, 'there is nothing here');
  if (method === 'GET' || method === 'HEAD') return { kind: 'link', method, token, form: NO_FORM };
  if (method !== 'POST') return refused(405, 'a link is opened, or its form is sent');
  return readForm(token, headers, body);
}

const NO_FORM: Form = { confirmation: '', reason: '' };

/**
 * The form of our own page. It isn't authorized by anything that a browser adds by itself (no cookie), so another site can't send it without
 * knowing the link; browsers that say that it comes from another site are refused all the same. `Origin` can't be asked: our pages send no
 * referrer, and browsers then say `null` (Fetch standard, "append a request Origin header").
 */
function readForm(token: string, headers: Readonly<Record<string, string | undefined>>, body: Buffer): Request {
  const site = headers['sec-fetch-site'];
  if (site === 'cross-site' || site === 'same-site') return refused(403, 'this was sent by another site');
  if (!/^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? ''))
    return refused(400, 'open the link and press its button');
  if (body.length > MOST_FORM_BYTES) return refused(413, 'this is too long for the form of a link');
  const fields = new URLSearchParams(body.toString('utf8'));
  const form = { confirmation: fields.get('confirm') ?? '', reason: plainText(fields.get('reason') ?? '') };
  return { kind: 'link', method: 'POST', token, form };
}

const LONGEST_REASON = 200;

/** One line without control characters, as the journal keeps it. */
export const plainText = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, LONGEST_REASON);
