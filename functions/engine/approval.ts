/**
 * Approvals: what people say yes or no to before a change is made. Pure.
 *
 * An approval is bound to one remediation, one target, one before-state, one change and a time; it is used once. Approving doesn't make the change:
 * the remediation looks at everything again, and makes the very change that was approved or none.
 */
import { createHash } from 'node:crypto';
import type { Signal } from '../../events/signal.ts';
import type { Key } from './items.ts';
import type { RemediationManifest } from './manifest.ts';
import type { Change, Json } from './remediation.ts';

/** `waiting` and `approved` are open; all others are final. */
export type ApprovalStatus =
  | 'waiting'
  /** Everybody who had to has approved; the change is still to be committed. */
  | 'approved'
  /** Its change was committed. */
  | 'used'
  | 'denied'
  | 'expired'
  /** The target isn't as it was, or another change is called for: what was asked isn't the question any more. */
  | 'void';

/** How many people have to approve: two different ones for what is hard to take back. */
export type People = 1 | 2;

export interface Approval {
  /** `apr-<sortable id>`. */
  readonly approvalId: string;
  readonly incidentId: string;
  readonly remediation: string;
  readonly target: string;
  readonly change: Change;
  /** `stateHash` of what is asked for. */
  readonly state: string;
  readonly risk: RemediationManifest['risk'];
  readonly people: People;
  /** What the change costs more, in US dollars an hour; absent when the remediation can't tell. */
  readonly costPerHourUsd?: number;
  /** Why a person is asked, when it isn't only the mode. */
  readonly why?: string;
  /** What made it necessary; judged again once it is approved. */
  readonly signal: Signal;
  /** The run of the recovery plan (`remediation`) that asks: it looks for the answer itself, and isn't told. */
  readonly run?: string;
  readonly status: ApprovalStatus;
  /** Who has approved so far (`person:<name>`), each once. */
  readonly approvedBy: readonly string[];
  /** Who ended it, when (epoch milliseconds), and why. */
  readonly decidedBy?: string;
  readonly decidedAt?: number;
  readonly reason?: string;
  /** Epoch milliseconds. */
  readonly askedAt: number;
  readonly validUntil: number;
  /** Grows with every write; compared by each. */
  readonly version: number;
}

export const approvalKey = (approvalId: string): Key => ({ pk: `APPROVAL#${approvalId}`, sk: 'APPROVAL' });

/** Kept in the table for so long after they were asked; the timeline keeps what was decided for good. */
export const APPROVAL_KEPT_SECONDS = 90 * 24 * 3600;

/** What one approval is about, as a short text: another target, before-state or change gives another. */
export function stateHash(
  remediation: string,
  target: string,
  { before, after }: Pick<Change, 'before' | 'after'>,
): string {
  const text = canonical([remediation, target, before, after]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

/** JSON with sorted keys: the same value gives the same text, whichever way it was stored. */
function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value as { readonly [key: string]: Json })
    .filter(([, each]) => each !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join(',')}}`;
}

/** One person's word. */
export interface Vote {
  readonly decision: 'approve' | 'deny';
  /** `person:<name>`. */
  readonly by: string;
  readonly reason?: string | undefined;
}

export type Counted =
  | { readonly kind: 'counted'; readonly next: Approval; readonly missing: number }
  | { readonly kind: 'complete'; readonly next: Approval }
  | { readonly kind: 'denied'; readonly next: Approval }
  /** The same person again: counts once, and nothing is written. */
  | { readonly kind: 'repeated'; readonly missing: number }
  | { readonly kind: 'refused'; readonly why: string };

/** Counts a vote. @param now Epoch milliseconds. */
export function count(approval: Approval, { decision, by, reason }: Vote, now: number): Counted {
  const { approvedBy, people } = approval;
  if (
    decision === 'approve' &&
    approvedBy.includes(by) &&
    (approval.status === 'waiting' || approval.status === 'approved')
  )
    return { kind: 'repeated', missing: people - approvedBy.length };
  const over = whyOver(approval, now);
  if (over) return { kind: 'refused', why: over };
  const version = approval.version + 1;
  if (decision === 'deny') {
    const next: Approval = {
      ...approval,
      status: 'denied',
      decidedBy: by,
      decidedAt: now,
      version,
      ...(reason && { reason }),
    };
    return { kind: 'denied', next };
  }
  const next: Approval = { ...approval, approvedBy: [...approvedBy, by], version };
  const missing = people - next.approvedBy.length;
  if (missing > 0) return { kind: 'counted', next, missing };
  return { kind: 'complete', next: { ...next, status: 'approved', decidedBy: by, decidedAt: now } };
}

/** Why nobody can say anything to it any more, as a sentence; undefined while they can. */
export function whyOver(
  { status, decidedBy, decidedAt, reason, validUntil }: Approval,
  now: number,
): string | undefined {
  const by = (decidedBy ?? 'somebody').replace(/^person:/, '');
  const at = decidedAt === undefined ? '' : ` at ${iso(decidedAt)}`;
  switch (status) {
    case 'waiting':
      return now < validUntil ? undefined : `it was to be approved before ${iso(validUntil)}`;
    case 'approved':
      return `it was approved already${at}: the change is on its way`;
    case 'used':
      return `it was approved${at}, and the change was begun: an approval is good for one change`;
    case 'denied':
      return `${by} denied it${at}${reason ? `: ${reason}` : ''}`;
    case 'expired':
      return `nobody approved it before ${iso(validUntil)}`;
    case 'void':
      return `it is void${at}: ${reason ?? 'the target is no longer as it was when this was asked'}`;
    default:
      return status satisfies never;
  }
}

const iso = (at: number): string => new Date(at).toISOString();

/** How many people a remediation's changes need in mode `approve`. */
export const peopleFor = ({ risk, approval }: Pick<RemediationManifest, 'risk' | 'approval'>): People =>
  approval?.people ?? (risk === 'high' ? 2 : 1);

/**
 * Who an identity is, in the names of the configuration's `people`; undefined when it isn't anybody there. One person may act under several
 * identities (a link's name, an IAM user, roles): without this list they would count as several.
 * @param by `person:<name>` or `<name>`.
 */
export function personKnown(
  people: Readonly<Record<string, { readonly identities: readonly string[] }>>,
  by: string,
): string | undefined {
  const name = by.replace(/^person:/, '');
  if (Object.hasOwn(people, name)) return `person:${name}`;
  const found = Object.entries(people).find(([, { identities }]) => identities.includes(name));
  return found && `person:${found[0]}`;
}

/** "jane" or "jane and john": who let it happen. */
export const approvers = ({ approvedBy }: Pick<Approval, 'approvedBy'>): string =>
  approvedBy.map((by) => by.replace(/^person:/, '')).join(' and ');
