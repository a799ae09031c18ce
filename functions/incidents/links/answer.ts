/** From a request to its answer: a GET shows, a POST acts. */
import { EngineError } from '../../engine/errors.ts';
import { log } from '../../engine/log.ts';
import { equal, type LinkKey, LinkKeyError, type Verified, verifyLink } from '../link-token.ts';
import type { Secrets } from '../secrets.ts';
import { type ActContext, act, usedMessage } from './act.ts';
import type { LinkKeys } from './keys.ts';
import type { LinksConfig } from './manifest.ts';
import { type Message, messagePage, questionPage } from './page.ts';
import { answerPagerDuty } from './pagerduty.ts';
import { type Request, readRequest } from './request.ts';
import { type HttpResponse, htmlResponse, jsonResponse } from './respond.ts';
import { findSubject } from './subject.ts';
import { readUsed } from './used.ts';
import { questionFor, REFUSALS } from './words.ts';

export interface LinksContext extends Omit<ActContext, 'takeOverSeconds'> {
  readonly config: LinksConfig;
  readonly secrets: Pick<Secrets, 'get' | 'forget'>;
  readonly keys: LinkKeys;
}

/**
 * Answers anything that reaches the public endpoint. Whatever isn't signed by us, or by PagerDuty, costs at most one HMAC for each key and no
 * read of the journal. Never throws.
 */
export async function answer(event: unknown, context: LinksContext): Promise<HttpResponse> {
  const request = readRequest(event);
  try {
    switch (request.kind) {
      case 'refused':
        return refuse(request);
      case 'pagerduty':
        return await answerPagerDuty(request, context);
      case 'link':
        return await answerLink(request, context);
      default:
        return request satisfies never;
    }
  } catch (error) {
    log('ERROR', `links: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`);
    // PagerDuty tries again after a 5xx.
    return request.kind === 'pagerduty'
      ? jsonResponse(503, { status: 'try again' })
      : htmlResponse(error instanceof EngineError ? 503 : 500, messagePage(REFUSALS.unreachable));
  }
}

const refuse = ({ status, why }: Extract<Request, { kind: 'refused' }>): HttpResponse =>
  say(status, {
    tone: 'refused',
    heading: 'There is nothing to do here',
    text: `${why[0]?.toUpperCase()}${why.slice(1)}.`,
  });

const say = (status: number, message: Message): HttpResponse => htmlResponse(status, messagePage(message));

type LinkRequest = Extract<Request, { kind: 'link' }>;

const STATUS: Readonly<Record<Exclude<Verified['kind'], 'valid'>, number>> = {
  malformed: 404,
  altered: 403,
  'unknown-key': 403,
  expired: 410,
};

async function answerLink({ method, token, form }: LinkRequest, context: LinksContext): Promise<HttpResponse> {
  const verified = await verify(token, context);
  if (verified.kind !== 'valid') return say(STATUS[verified.kind], REFUSALS[verified.kind]);
  const { link, hash, confirmation } = verified;
  // Whoever only asks for the headers, as previews do, is told nothing.
  if (method === 'HEAD') return { ...htmlResponse(200, ''), body: '' };
  const { store, config } = context;
  const isPost = method === 'POST';
  if (isPost && !equal(form.confirmation, confirmation)) return say(400, REFUSALS.unconfirmed);
  const used = await readUsed(store, hash);
  if (used) return say(isPost ? 409 : 410, usedMessage(used));
  const found = await findSubject(store, link, context.now());
  if (found.kind === 'over')
    return say(410, { tone: 'refused', heading: 'There is nothing left to do', text: found.why });
  if (!isPost)
    return htmlResponse(200, questionPage(questionFor(link, found.subject, confirmation, config.takeOverSeconds)));
  const message = await act({ link, hash }, form, found.subject, {
    ...context,
    takeOverSeconds: config.takeOverSeconds,
  });
  return say(message.tone === 'done' ? 200 : 409, message);
}

async function verify(token: string, { keys, config, now }: LinksContext): Promise<Verified> {
  const first = check(token, await readable(() => keys.get()), config, now());
  if (first.kind !== 'unknown-key') return first;
  const again = await readable(() => keys.getAgain());
  return again ? check(token, again, config, now()) : first;
}

const check = (token: string, keys: readonly LinkKey[], { deployment }: LinksConfig, now: number): Verified =>
  verifyLink(token, keys, deployment, now);

/** A secret that can't be used is for the log, and a 5xx for whoever asks. */
async function readable<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof LinkKeyError) throw new SecretUnusable(error.message, { cause: error });
    throw error;
  }
}

class SecretUnusable extends EngineError {
  readonly retryable = false;
}
