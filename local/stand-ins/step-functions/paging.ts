/** Pages of lists: `maxResults` up to 1,000 (100 when not said), continued by `nextToken`. Pure. */
import { AwsFault } from '../../world/types.ts';

const DEFAULT_RESULTS = 100;
const MOST_RESULTS = 1_000;

/** @throws AwsFault InvalidToken, ValidationException. */
export function page<T>(
  all: readonly T[],
  { maxResults = 0, nextToken }: Readonly<Record<string, unknown>>,
): { readonly items: readonly T[]; readonly next: { readonly nextToken?: string } } {
  const asked = Number(maxResults);
  if (!Number.isInteger(asked) || asked < 0 || asked > MOST_RESULTS)
    throw new AwsFault(
      'ValidationException',
      `maxResults has to be from 0 to ${MOST_RESULTS}, not ${String(maxResults)}`,
    );
  const from = nextToken === undefined ? 0 : positionOf(String(nextToken));
  const to = from + (asked || DEFAULT_RESULTS);
  const next = to < all.length ? { nextToken: Buffer.from(`from:${to}`).toString('base64url') } : {};
  return { items: all.slice(from, to), next };
}

function positionOf(token: string): number {
  const found = /^from:(\d+)$/.exec(Buffer.from(token, 'base64url').toString())?.[1];
  if (found === undefined) throw new AwsFault('InvalidToken', "Invalid Token: 'Invalid token'");
  return Number(found);
}
