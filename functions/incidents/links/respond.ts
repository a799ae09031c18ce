/** What goes out: pages with headers that keep them, and the link that led to them, out of caches, frames, search engines and other sites. Pure. */
import { CONTENT_SECURITY_POLICY } from './page.ts';

/** As an HTTP API takes it from a function (payload format 2.0). */
export interface HttpResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const COMMON: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  // The address holds the token: no other site may learn it.
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
  'x-robots-tag': 'noindex, nofollow',
};

const PAGE: Readonly<Record<string, string>> = {
  ...COMMON,
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'interest-cohort=(), browsing-topics=()',
};

export const htmlResponse = (statusCode: number, body: string): HttpResponse => ({ statusCode, headers: PAGE, body });

export const jsonResponse = (statusCode: number, body: object): HttpResponse => ({
  statusCode,
  headers: { ...COMMON, 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
