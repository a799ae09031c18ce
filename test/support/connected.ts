/** What may be known of a database's clients, for property tests. */
import fc from 'fast-check';
import type { Connected } from '../../functions/databases/down.ts';

export const anyConnected: fc.Arbitrary<Connected> = fc.oneof(
  fc.nat(200).map((most) => ({ kind: 'counted' as const, most })),
  fc.string().map((why) => ({ kind: 'unknown' as const, why })),
);
