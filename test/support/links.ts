/** The function behind links, called as API Gateway would, with a store of the test's. */
import { createHmac, randomBytes } from 'node:crypto';
import type { Store } from '../../functions/engine/store.ts';
import { type Link, parseKeys, signLink } from '../../functions/incidents/link-token.ts';
import { answer, type LinksContext } from '../../functions/incidents/links/answer.ts';
import { LinkKeys } from '../../functions/incidents/links/keys.ts';
import type { HttpResponse } from '../../functions/incidents/links/respond.ts';

const KEY = randomBytes(32).toString('base64');
export const PAGERDUTY_SECRET = 'pagerduty-signing-secret';
const SECRETS: Readonly<Record<string, string>> = { 'arn:links': KEY, 'arn:pagerduty': PAGERDUTY_SECRET };

export interface LinksHarness {
  readonly context: LinksContext;
  /** What remediations were told. */
  readonly orders: { readonly remediation: string; readonly payload: object }[];
  token(link: Partial<Link> & Pick<Link, 'operation' | 'subject'>): string;
  get(token: string): Promise<HttpResponse>;
  head(token: string): Promise<HttpResponse>;
  /** Presses the button of the page that a GET shows. */
  press(token: string, fields?: Readonly<Record<string, string>>): Promise<HttpResponse>;
  /** Sends a form without looking at the page. */
  post(
    token: string,
    fields: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<HttpResponse>;
  pagerDuty(
    body: object | string,
    options?: { readonly secret?: string; readonly signature?: string },
  ): Promise<HttpResponse>;
  send(event: unknown): Promise<HttpResponse>;
}

export function linksHarness(store: Store, over: Partial<LinksContext> = {}): LinksHarness {
  const orders: LinksHarness['orders'] = [];
  const secrets = { get: async (arn: string) => SECRETS[arn] ?? '', forget: () => {} };
  const context: LinksContext = {
    config: {
      version: 1,
      deployment: 'test',
      signingSecretArn: 'arn:links',
      pagerDutySecretArn: 'arn:pagerduty',
      takeOverSeconds: 7200,
    },
    secrets,
    keys: new LinkKeys(secrets, 'arn:links'),
    store,
    now: Date.now,
    people: { jane: { identities: [] }, john: { identities: [] } },
    order: async (remediation, payload) => {
      orders.push({ remediation, payload });
    },
    ...over,
  };
  let nonces = 0;
  const send = (event: unknown) => answer(event, context);
  const get = (token: string) => send(httpEvent('GET', `/act/${token}`));
  const post: LinksHarness['post'] = (token, fields, headers = {}) =>
    send(
      httpEvent('POST', `/act/${token}`, new URLSearchParams(fields).toString(), {
        'content-type': 'application/x-www-form-urlencoded',
        'sec-fetch-site': 'same-origin',
        ...headers,
      }),
    );
  return {
    context,
    orders,
    token: (link) =>
      signLink(
        { recipient: 'jane', expiresAt: Math.floor(context.now() / 1000) + 3600, nonce: String(nonces++), ...link },
        parseKeys(KEY),
        'test',
      ),
    get,
    head: (token) => send(httpEvent('HEAD', `/act/${token}`)),
    post,
    press: async (token, fields = {}) => post(token, { confirm: confirmationIn((await get(token)).body), ...fields }),
    pagerDuty: (body, { secret = PAGERDUTY_SECRET, signature } = {}) => send(signedWebhook(body, secret, signature)),
    send,
  };
}

/** A webhook of PagerDuty's, signed as it signs them unless another signature is given. */
export function signedWebhook(body: object | string, secret: string, signature?: string) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const signed = signature ?? `v1=${createHmac('sha256', secret).update(text).digest('hex')}`;
  return httpEvent('POST', '/pagerduty', text, {
    'content-type': 'application/json',
    'x-pagerduty-signature': signed,
  });
}

/** What the page's hidden field holds; empty when the page asks nothing. */
export const confirmationIn = (html: string): string => /name="confirm" value="([^"]+)"/.exec(html)?.[1] ?? '';

/** As an HTTP API sends it: forms as base64, JSON as text. */
export function httpEvent(method: string, rawPath: string, body = '', headers: Readonly<Record<string, string>> = {}) {
  const encoded = body !== '' && !/json/.test(headers['content-type'] ?? '');
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString: '',
    headers,
    requestContext: { http: { method, path: rawPath, sourceIp: '192.0.2.1' } },
    ...(body !== '' && { body: encoded ? Buffer.from(body).toString('base64') : body }),
    isBase64Encoded: encoded,
  };
}

/** An event of a PagerDuty webhook, after the example on "Overview" of PagerDuty's webhook documentation. */
export const pagerDutyEvent = (type: string, incidentKey: string, over: Record<string, unknown> = {}) => ({
  event: {
    id: randomBytes(8).toString('hex'),
    event_type: type,
    resource_type: 'incident',
    occurred_at: new Date().toISOString(),
    agent: {
      html_url: 'https://acme.pagerduty.com/users/PLH1HKV',
      id: 'PLH1HKV',
      self: 'https://api.pagerduty.com/users/PLH1HKV',
      summary: 'Tenex Engineer',
      type: 'user_reference',
    },
    client: { name: 'PagerDuty' },
    data: {
      id: 'PGR0VU2',
      type: 'incident',
      status: 'acknowledged',
      incident_key: incidentKey,
      title: 'A little bump in the road',
      assignees: [{ id: 'PTUXL6G', summary: 'User 123', type: 'user_reference' }],
    },
    ...over,
  },
});

/** A journal that must not be asked: every use is an error. */
export const untouchableStore = new Proxy({} as Store, {
  get: (_target, name) => {
    throw new Error(`the journal was asked (${String(name)})`);
  },
});
