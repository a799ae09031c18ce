/**
 * Asking before acting: in mode `approve`, and where a remediation or its decision says so, a change is made only with people's approval. What was
 * approved is looked at again here: the very change that was asked for is made, on the very state that it was asked for, or it is asked anew.
 */
import type { Outcome } from '../../events/outcome.ts';
import type { Signal } from '../../events/signal.ts';
import { type Approval, type People, peopleFor, stateHash, whyOver } from './approval.ts';
import { putApproval, readApproval } from './approvals.ts';
import type { Mode, Protected } from './config.ts';
import { type Context, calledLately, type Situation } from './context.ts';
import { openIncident } from './incident.ts';
import type { RemediationManifest } from './manifest.ts';
import { record, recordEscalation } from './record.ts';
import type { Decision } from './remediation.ts';
import { askedFor } from './target-state.ts';
import { alarmFired, entryMaker, newId, putEntry, putRecheck, putTarget } from './writes.ts';

type Act = Extract<Decision, { kind: 'act' }>;

/** How many people have to approve a change before it is made; 0: nobody is asked. */
export function peopleNeeded(
  mode: Mode,
  manifest: Pick<RemediationManifest, 'risk' | 'approval'>,
  { approval }: Pick<Act, 'approval'>,
): People | 0 {
  const always = Math.max(approval?.people ?? 0, manifest.approval?.people ?? 0) as People | 0;
  return mode === 'approve' ? (Math.max(always, peopleFor(manifest)) as People) : always;
}

/** What is done about an approval that was asked for earlier. */
export type Standing = 'ask' | 'wait' | 'given' | 'void' | 'expire' | 'escalate';

/**
 * Pure.
 * @param isSame Whether the target is still as it was when this was asked.
 * @param times Milliseconds: how long a no (or no answer) stands before it is asked anew; how long after its end a given approval may still be used,
 *   for the time that it takes to be noticed.
 */
export function standingOf(
  approval: Approval,
  now: number,
  isSame: boolean,
  times: { readonly handsOffMs: number; readonly graceMs: number },
): Standing {
  const { status, validUntil, decidedAt = 0 } = approval;
  switch (status) {
    case 'waiting':
      if (now >= validUntil) return 'expire';
      return isSame ? 'wait' : 'void';
    case 'approved':
      if (now >= validUntil + times.graceMs) return 'expire';
      return isSame ? 'given' : 'void';
    case 'denied':
    case 'expired':
      return now < decidedAt + times.handsOffMs ? 'escalate' : 'ask';
    case 'used':
    case 'void':
      return 'ask';
    default:
      return status satisfies never;
  }
}

export type Consent =
  | { readonly kind: 'given'; readonly approval: Approval }
  /** Nothing is changed now; undefined: the target moved meanwhile, and everything has to be looked at again. */
  | { readonly kind: 'recorded'; readonly outcome: Outcome | undefined };

/** @throws EngineError when the journal can't be read or written. */
export async function consentTo<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  { decision, observation, people }: { readonly decision: Act; readonly observation: O; readonly people: People },
): Promise<Consent> {
  const { store, remediation, config } = context;
  const { now, target } = situation;
  const asked = target.approvals?.[remediation.manifest.name];
  const approval = asked === undefined ? undefined : await readApproval(store, asked);
  const recorded = (outcome: Outcome | undefined): Consent => ({ kind: 'recorded', outcome });
  if (!approval) return recorded(await ask(context, signal, situation, decision, people));
  const isSame = remediation.alreadyApplied(approval.change, observation) === 'no';
  const times = { handsOffMs: config.handsOffSeconds * 1000, graceMs: 2 * config.reconcileEverySeconds * 1000 };
  const standing = standingOf(approval, now, isSame, times);
  switch (standing) {
    case 'given':
      return { kind: 'given', approval };
    case 'wait':
      return recorded(await wait(context, signal, situation, approval));
    case 'void':
      return recorded(await ask(context, signal, situation, decision, people, approval));
    case 'ask':
      return recorded(await ask(context, signal, situation, decision, people));
    case 'expire':
    case 'escalate': {
      const ended = standing === 'expire' ? await expire(context, approval, now) : approval;
      if (!ended) return recorded(undefined);
      const reason = `${approval.change.summary}: ${whyOver(ended, now)}`;
      const recheckAfterSeconds = Math.ceil(((ended.decidedAt ?? now) + times.handsOffMs - now) / 1000);
      return recorded(await recordEscalation(context, signal, situation, { reason, recheckAfterSeconds }));
    }
    default:
      return standing satisfies never;
  }
}

/** Asks: the question is in the journal, from where it is told, and is looked at again when its time is over. */
async function ask<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  { change, approval: wanted }: Act,
  people: People,
  instead?: Approval,
): Promise<Outcome | undefined> {
  const { store, remediation, config } = context;
  const { now, target } = situation;
  const { name, risk } = remediation.manifest;
  const { incidentId, make, entries, next } = openIncident(context, signal, target, now);
  const costPerHourUsd = remediation.costPerHourUsd?.(change, signal.target, config);
  const approval: Approval = {
    approvalId: `apr-${newId(now)}`,
    incidentId,
    remediation: name,
    target: signal.target,
    change,
    state: stateHash(name, signal.target, change),
    risk,
    people,
    ...(costPerHourUsd !== undefined && { costPerHourUsd }),
    ...(wanted?.why !== undefined && { why: wanted.why }),
    signal,
    status: 'waiting',
    approvedBy: [],
    askedAt: now,
    validUntil: now + config.approvals.validForSeconds * 1000,
    version: 1,
  };
  const voided = instead && voidedBy(instead, change.summary, now);
  if (voided)
    entries.push(
      make('approval-ended', `not as it was: ${voided.reason}`, { approvalId: voided.approvalId, status: 'void' }),
    );
  const call = !calledLately(context, situation);
  // Before the question, whose state counts: an incident that waits for somebody has called for them.
  if (call) {
    const until = new Date(approval.validUntil).toISOString();
    const how = `nightshift approve ${approval.approvalId}, or deny`;
    const summary = `asks for an approval until ${until}: ${change.summary} (${how})`;
    entries.push(make('escalated', summary, { asks: approval.approvalId, remediation: name }));
  }
  entries.push(make('approval-requested', `asks before it does it: ${change.summary}`, requestData(approval)));
  return record(context, signal, situation, { kind: 'awaiting-approval', incidentId }, [
    putTarget(
      store.table,
      signal.target,
      target.version,
      askedFor(call ? { ...next, escalatedAt: now } : next, name, approval.approvalId),
    ),
    alarmFired(store.table, signal),
    putApproval(store.table, approval),
    ...(voided ? [putApproval(store.table, voided)] : []),
    ...entries.map((entry) => putEntry(store.table, entry)),
    putRecheck(store.table, name, signal, approval.validUntil),
  ]);
}

const voidedBy = (approval: Approval, instead: string, now: number): Approval => ({
  ...approval,
  status: 'void',
  decidedAt: now,
  reason: `"${approval.change.summary}" was asked for, now it would be "${instead}"`,
  version: approval.version + 1,
});

/** What announcements are made of. */
export const requestData = ({ change, ...approval }: Approval): Readonly<Record<string, unknown>> => ({
  approvalId: approval.approvalId,
  state: approval.state,
  remediation: approval.remediation,
  change: change.summary,
  before: change.before,
  after: change.after,
  undo: change.undo,
  risk: approval.risk,
  people: approval.people,
  ...(approval.costPerHourUsd !== undefined && { costPerHourUsd: approval.costPerHourUsd }),
  ...(approval.why !== undefined && { why: approval.why }),
  validUntil: new Date(approval.validUntil).toISOString(),
});

/** Somebody was asked and may still answer; another alarm of the target is noted, the same one again isn't. */
async function wait<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  { validUntil }: Approval,
): Promise<Outcome | undefined> {
  const { store, remediation } = context;
  const { incidentId, entries, next } = openIncident(context, signal, situation.target, situation.now);
  const known = signal.subject in situation.target.alarms;
  return record(context, signal, situation, { kind: 'awaiting-approval', incidentId }, [
    putTarget(store.table, signal.target, situation.target.version, next),
    alarmFired(store.table, signal),
    ...(known ? [] : entries.map((entry) => putEntry(store.table, entry))),
    putRecheck(store.table, remediation.manifest.name, signal, validUntil),
  ]);
}

/** Its time is over. Undefined when somebody answered in this very moment. */
async function expire<T extends Protected, O>(
  { store, remediation }: Context<T, O>,
  approval: Approval,
  now: number,
): Promise<Approval | undefined> {
  const ended: Approval = { ...approval, status: 'expired', decidedAt: now, version: approval.version + 1 };
  const make = entryMaker(approval.incidentId, remediation.manifest.name, now);
  const { approvalId } = approval;
  const entry = make('approval-ended', `${whyOver(ended, now)}: ${approval.change.summary}`, {
    approvalId,
    status: 'expired',
  });
  const result = await store.transact([putApproval(store.table, ended), putEntry(store.table, entry)]);
  return result.ok ? ended : undefined;
}
