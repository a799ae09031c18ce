/** What may be known of a database's clients, for property tests. */
import fc from 'fast-check';
import type { Connected } from '../../functions/databases/down.ts';

export const anyConnected: fc.Arbitrary<Connected> = fc.oneof(
  fc
    .record({ most: fc.nat({ max: 3 }), isAnswered: fc.boolean(), before: fc.option(fc.nat(5), { nil: undefined }) })
    .map(({ before, ...told }) => ({ kind: 'counted' as const, ...told, ...(before !== undefined && { before }) })),
  fc.string().map((why) => ({ kind: 'unknown' as const, why })),
);

/** Clients went together with the heartbeats, and neither is back. */
export const SHUT_OUT = { kind: 'counted', most: 0, isAnswered: false, before: 20 } as const satisfies Connected;

/** What a change because a database lets nobody in takes. */
export const provesDown = (connected: Connected): boolean =>
  connected.kind === 'counted' && connected.most === 0 && !connected.isAnswered && (connected.before ?? 0) > 2;
