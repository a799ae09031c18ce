/** States and sums as people read them. Pure. */
import type { Json } from '../engine/remediation.ts';

/** "+0.12 USD an hour". */
export const costText = (usd: number): string => `${usd < 0 ? '−' : '+'}${Math.abs(usd).toFixed(2)} USD an hour`;

const LONGEST = 400;

/** A state in words: "desiredCount: 2". */
export function plain(value: Json): string {
  const text = words(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1).replace(/[\uD800-\uDBFF]$/, '')}…` : text;
}

function words(value: Json): string {
  if (Array.isArray(value)) return (value as readonly Json[]).map(words).join('; ') || 'nothing';
  if (typeof value !== 'object' || value === null) return String(value);
  const { field, value: held, ...rest } = value as { readonly [key: string]: Json };
  // A number that names what it is of.
  if (typeof field === 'string' && held !== undefined && Object.keys(rest).length === 0)
    return `${field}: ${words(held)}`;
  return Object.entries(value as { readonly [key: string]: Json })
    .map(([key, each]) => `${key}: ${typeof each === 'object' && each !== null ? `(${words(each)})` : words(each)}`)
    .join(', ');
}
