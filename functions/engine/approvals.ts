/** Approvals in the journal: read, asked for, decided. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Signal } from '../../events/signal.ts';
import { APPROVAL_KEPT_SECONDS, type Approval, approvalKey, count, type Vote, whyOver } from './approval.ts';
import { marshall } from './attributes.ts';
import { EngineError, RetryableError } from './errors.ts';
import { type Key, targetKey } from './items.ts';
import { listIncidents } from './journal-reader.ts';
import { runKey } from './plan-items.ts';
import type { Labelled, Store, TransactResult } from './store.ts';
import { entryMaker, putEntry, putWork } from './writes.ts';

/** Votes at the same time on one approval: each is counted, after the others. */
const TRIES = 12;
const PAUSE_MS = 15;

/** Nothing was written: the message says why, and what can be done. */
export class VoteRefusedError extends EngineError {
  readonly retryable = false;
}

/** @returns undefined when there is none of that id. @throws EngineError when the journal can't be read. */
export async function readApproval(store: Store, approvalId: string): Promise<Approval | undefined> {
  const item = (await store.read(approvalKey(approvalId))) as (Approval & Key & { expiresAt?: number }) | undefined;
  if (!item) return undefined;
  const { pk: _pk, sk: _sk, expiresAt: _expiresAt, ...approval } = item;
  return approval;
}

/** Writes an approval if it is still at the version that was read; version 1 is its first. */
export function putApproval(table: string, approval: Approval): Labelled {
  const expiresAt = Math.floor(approval.askedAt / 1000) + APPROVAL_KEPT_SECONDS;
  const first = approval.version === 1;
  return {
    label: 'approval',
    item: {
      Put: {
        TableName: table,
        Item: marshall({ ...approvalKey(approval.approvalId), ...approval, expiresAt }),
        ConditionExpression: first ? 'attribute_not_exists(pk)' : '#version = :before',
        ...(!first && {
          ExpressionAttributeNames: { '#version': 'version' },
          ExpressionAttributeValues: marshall({ ':before': approval.version - 1 }),
        }),
      },
    },
  };
}

/** The approval is used up by the commit that it belongs to: once, or the commit isn't made. */
export const useApproval = (table: string, approval: Approval): Labelled =>
  putApproval(table, { ...approval, status: 'used', version: approval.version + 1 });

export type Voted =
  | { readonly kind: 'counted'; readonly approval: Approval; readonly missing: number }
  /** The last that was missing: `orderFor` is what the remediation is told. */
  | { readonly kind: 'complete'; readonly approval: Approval }
  | { readonly kind: 'denied'; readonly approval: Approval }
  /** Had approved before; nothing was written. */
  | { readonly kind: 'repeated'; readonly approval: Approval; readonly missing: number };

/**
 * Writes down what a person says, together with `also` (a link that is used up by it): all or nothing. When the last that was missing has
 * approved, its alarm is due to be judged again at once: should the caller die before it tells the remediation, the reconciler does.
 * @throws VoteRefusedError when nothing can be said to it any more, or `also` refuses; RetryableError when it kept changing.
 */
export async function vote(
  store: Store,
  approvalId: string,
  said: Vote,
  options: { readonly now?: number; readonly also?: readonly Labelled[] } = {},
): Promise<Voted> {
  const { now = Date.now(), also = [] } = options;
  for (let tries = 0; tries < TRIES; tries++) {
    if (tries > 0) await sleep(Math.random() * PAUSE_MS * 2 ** Math.min(tries, 5));
    const approval = await readApproval(store, approvalId);
    if (!approval) throw new VoteRefusedError(`no approval "${approvalId}" there: see "nightshift approvals"`);
    const counted = count(approval, said, now);
    if (counted.kind === 'refused') throw new VoteRefusedError(`${approvalId}: ${counted.why}`);
    if (counted.kind === 'repeated') return { kind: 'repeated', approval, missing: counted.missing };
    const { kind, next } = counted;
    const result = await write(store, kind, next, said, now, also);
    if (result.ok)
      return kind === 'counted' ? { kind, approval: next, missing: counted.missing } : { kind, approval: next };
    if (result.failed.has(INCIDENT))
      throw new VoteRefusedError(`${approvalId}: its incident is over: nothing is changed any more`);
    const used = [...result.failed.keys()].find((label) => label !== 'approval');
    if (used) throw new VoteRefusedError(`${approvalId}: this ${used} was used before`);
  }
  throw new RetryableError(`${approvalId}: others kept writing to it: try again`);
}

async function write(
  store: Store,
  kind: 'counted' | 'complete' | 'denied',
  next: Approval,
  said: Vote,
  now: number,
  also: readonly Labelled[],
): Promise<TransactResult> {
  const make = entryMaker(next.incidentId, said.by, now);
  const name = said.by.replace(/^person:/, '');
  const { approvalId, change, people, approvedBy } = next;
  const data = { approvalId, ...(said.reason && { reason: said.reason }) };
  const who = people > 1 ? ` (${approvedBy.length} of ${people})` : '';
  const base = [putApproval(store.table, next), ...also];
  const run = next.run === undefined ? undefined : runGoesOn(store.table, next.remediation, next.run);
  const entry = (...args: Parameters<typeof make>) => putEntry(store.table, make(...args));
  switch (kind) {
    case 'counted':
      return store.transact([
        ...base,
        run ?? incidentOpen(store.table, next),
        entry('approved', `${name} approved${who}: ${change.summary}`, data),
      ]);
    case 'complete':
      return store.transact([
        ...base,
        run ?? incidentOpen(store.table, next),
        entry('approved', `${name} approved${who}: ${change.summary}`, { ...data, complete: true }),
        ...(run ? [] : [judgeAgain(store, next, now)]),
      ]);
    case 'denied': {
      const why = said.reason ? `: ${said.reason}` : '';
      // The run takes back what it did, and calls a person itself.
      if (run) return store.transact([...base, run, entry('denied', `${name} denied: ${change.summary}${why}`, data)]);
      return store.transact([
        ...base,
        incidentEscalated(store.table, next, now),
        entry('denied', `${name} denied: ${change.summary}${why}`, data),
        entry('escalated', `${name} denied "${change.summary}"${why}: it is left to people`, data),
        judgeAgain(store, next, now),
      ]);
    }
    default:
      return kind satisfies never;
  }
}

const INCIDENT = 'incident';

/** Refuses when the run that asks has ended, or takes back what it did. */
const runGoesOn = (table: string, plan: string, run: string): Labelled => ({
  label: INCIDENT,
  item: {
    ConditionCheck: {
      TableName: table,
      Key: marshall(runKey({ plan, run })),
      ConditionExpression: '#phase = :working AND attribute_not_exists(#stop)',
      ExpressionAttributeNames: { '#phase': 'phase', '#stop': 'stop' },
      ExpressionAttributeValues: marshall({ ':working': 'working' }),
    },
  },
});

/** Refuses when the incident that the approval belongs to is over. */
const incidentOpen = (table: string, { target, incidentId }: Approval): Labelled => ({
  label: INCIDENT,
  item: {
    ConditionCheck: {
      TableName: table,
      Key: marshall(targetKey(target)),
      ConditionExpression: 'openIncidentId = :incident',
      ExpressionAttributeValues: marshall({ ':incident': incidentId }),
    },
  },
});

/** The same, and the target remembers that a person was called for it. */
const incidentEscalated = (table: string, { target, incidentId }: Approval, now: number): Labelled => ({
  label: INCIDENT,
  item: {
    Update: {
      TableName: table,
      Key: marshall(targetKey(target)),
      UpdateExpression: 'SET escalatedAt = :now ADD #version :one',
      ConditionExpression: 'openIncidentId = :incident',
      ExpressionAttributeNames: { '#version': 'version' },
      ExpressionAttributeValues: marshall({ ':now': now, ':one': 1, ':incident': incidentId }),
    },
  },
});

/** The alarm's recheck, due now. */
const judgeAgain = (store: Store, { signal, remediation, target }: Approval, now: number): Labelled =>
  putWork(store.table, { kind: 'recheck', id: signal.subject, remediation, target, dueAt: now, attempts: 0, signal });

/**
 * What a remediation is told once everybody has approved: judge the signal again, under an identity of its own, so that telling it twice is telling
 * it once.
 */
export function orderFor({ approvalId, signal }: Approval): {
  readonly nightshift: 1;
  readonly command: 'signal';
  readonly signal: Signal;
} {
  const base = signal.id.split('#')[0];
  return {
    nightshift: 1,
    command: 'signal',
    signal: { ...signal, id: `${base}#${approvalId}`, recheck: signal.recheck + 1 },
  };
}

/** Incidents that are looked through for approvals that wait: newest first, of this month and the one before. */
const LOOKED_THROUGH = 200;

/** Approvals that wait for somebody, oldest first. @throws EngineError when the journal can't be read. */
export async function waitingApprovals(store: Store, now = Date.now()): Promise<Approval[]> {
  const incidents = await listIncidents(store, { limit: LOOKED_THROUGH, now: new Date(now) });
  const ids = incidents
    .filter(({ state }) => state !== 'resolved')
    .flatMap(({ timeline }) => timeline.filter(({ kind }) => kind === 'approval-requested'))
    .map(({ data }) => String(data.approvalId));
  const found = await Promise.all([...new Set(ids)].map((id) => readApproval(store, id)));
  return found
    .filter((approval) => approval !== undefined && whyOver(approval, now) === undefined)
    .sort((a, b) => (a?.askedAt ?? 0) - (b?.askedAt ?? 0)) as Approval[];
}
