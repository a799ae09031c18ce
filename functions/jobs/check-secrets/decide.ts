/** Which secrets are too old or about to end. Pure; knows names and dates, never values. */
import type { SecretChecks } from '../../engine/config.ts';
import type { Finding } from '../findings.ts';

/** A secret of Secrets Manager, or a secure parameter of Systems Manager. */
export interface SecretSeen {
  readonly name: string;
  /** When its present value was set (epoch milliseconds); undefined when AWS names no date. */
  readonly setAt: number | undefined;
  /** What its tag `nightshift:expires-at` says. */
  readonly expiresAt: string | undefined;
}

/** ISO 8601, a day or a moment: until when the value is good. Only its owner knows that of a key that somebody else issued. */
export const EXPIRES_TAG = 'nightshift:expires-at';

const DAY_MS = 86_400_000;

/** `ignore` holds names, or beginnings of names that end with `*`. */
export const isIgnored = (name: string, { ignore }: Pick<SecretChecks, 'ignore'>): boolean =>
  ignore.some((each) => (each.endsWith('*') ? name.startsWith(each.slice(0, -1)) : name === each));

/** Two findings for a secret that has an end, one for any other. @param now epoch milliseconds. */
export function findingsOf(secret: SecretSeen, checks: SecretChecks, now: number): Finding[] {
  return secret.expiresAt === undefined
    ? [ageOf(secret, checks, now)]
    : [ageOf(secret, checks, now), endOf(secret.name, secret.expiresAt, checks, now)];
}

function ageOf({ name, setAt }: SecretSeen, { olderThanDays }: SecretChecks, now: number): Finding {
  const about = { check: 'secret-age', subject: name };
  if (setAt === undefined) return { ...about, result: 'unknown', says: 'AWS does not tell when its value was set' };
  const days = Math.floor((now - setAt) / DAY_MS);
  return {
    ...about,
    result: days > olderThanDays ? 'failed' : 'passed',
    says: `its value is ${days} days old; the limit is ${olderThanDays}`,
  };
}

function endOf(subject: string, tag: string, { expiringWithinDays }: SecretChecks, now: number): Finding {
  const about = { check: 'secret-end', subject };
  const end = Date.parse(tag);
  if (Number.isNaN(end))
    return { ...about, result: 'unknown', says: `its tag ${EXPIRES_TAG} is no date: expected one such as 2027-01-31` };
  const left = Math.floor((end - now) / DAY_MS);
  const says = end <= now ? 'it has ended' : `it ends in ${left} days; told from ${expiringWithinDays} days before`;
  return { ...about, result: end - now <= expiringWithinDays * DAY_MS ? 'failed' : 'passed', says };
}
