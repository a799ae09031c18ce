/** Asking people within a run: the question is an approval like any other, and the step that asked waits for what becomes of it. */
import { type Approval, approvers, stateHash } from '../engine/approval.ts';
import { putApproval, readApproval } from '../engine/approvals.ts';
import { requestData } from '../engine/consent.ts';
import { ActionFailedError, RetryableError } from '../engine/errors.ts';
import type { ActReport, Change } from '../engine/remediation.ts';
import { entryMaker, putEntry } from '../engine/writes.ts';
import { readRun } from './items.ts';
import type { StepContext, StepProof } from './step.ts';

/** One question a run: asked again, it is the same one. */
const idOf = (run: string): string => `apr-${run}`;

/** @throws EngineError when the journal can't be read. */
export const readAnswer = ({
  store,
  run,
}: Pick<StepContext<unknown>, 'store' | 'run'>): Promise<Approval | undefined> => readApproval(store, idOf(run));

/** What an approval has to be of: names of runs are given by people, and another's approval may have the id that follows from one. */
export type Asked = Pick<Approval, 'remediation' | 'target' | 'state'> & { readonly run: string };

export const asked = (
  { run }: Pick<StepContext<unknown>, 'run'>,
  { plan, target }: Question,
  change: Change,
): Asked => ({
  ...{ run, remediation: plan, target, state: stateHash(plan, target, change) },
});

export interface Question {
  /** Name of the plan. */
  readonly plan: string;
  readonly target: string;
  readonly why: string;
  readonly validForSeconds: number;
}

/** Writes the question into the journal, from where people are told of it, and calls somebody. @throws EngineError */
export async function ask(
  { store, run, now }: StepContext<unknown>,
  { plan, target, why, validForSeconds }: Question,
  change: Change,
): Promise<ActReport> {
  const item = await readRun(store, plan, run);
  if (!item) throw new ActionFailedError(`${run}: the journal has no such run`);
  const askedAt = now();
  const { incidentId } = item;
  const approval: Approval = {
    ...{ approvalId: idOf(run), incidentId, remediation: plan, target, change, run, why },
    state: stateHash(plan, target, change),
    // What is given up stays in the evidence: it can be copied by hand later.
    ...{ risk: 'high', people: 1 },
    signal: {
      ...{ id: run, source: 'person', subject: `plan/${plan}`, name: plan, state: 'firing' },
      ...{ at: new Date(askedAt).toISOString(), target, firstEvaluation: false, recheck: 0, rung: 0 },
      evidence: { reason: why, datapoints: [] },
    },
    ...{ status: 'waiting', approvedBy: [], askedAt, validUntil: askedAt + validForSeconds * 1000, version: 1 },
  };
  const make = entryMaker(incidentId, plan, askedAt);
  const until = new Date(approval.validUntil).toISOString();
  const result = await store.transact([
    putApproval(store.table, approval),
    putEntry(
      store.table,
      make(
        'escalated',
        `asks for an approval until ${until}: ${change.summary} (nightshift approve ${approval.approvalId}, or deny)`,
        { asks: approval.approvalId, remediation: plan, run },
      ),
    ),
    putEntry(
      store.table,
      make('approval-requested', `asks before it does it: ${change.summary}`, { ...requestData(approval), run }),
    ),
  ]);
  // It was asked, and the answer to that was lost.
  if (!result.ok && !(await readAnswer({ store, run })))
    throw new RetryableError(`${run}: the question couldn't be written`);
  return { summary: `asked people: ${approval.approvalId}`, data: { approval: approval.approvalId } };
}

const SOONEST_POLL_SECONDS = 5;
const LATEST_POLL_SECONDS = 45;

/** Whoever answers at once isn't waited for any longer than that, and an hour of waiting fits a step's share of turns: a tenth of the time that it has waited. */
export const answerPollSeconds = (waitedMs: number): number =>
  Math.round(Math.min(LATEST_POLL_SECONDS, Math.max(SOONEST_POLL_SECONDS, waitedMs / 10_000)));

/** Pure: what has become of the question. @param of what was asked: an approval of anything else is none. */
export function proveAgreed(approval: Approval | undefined, of: Asked, now: number): StepProof {
  if (!approval) return { kind: 'bad', detail: 'the question is gone from the journal' };
  if (
    approval.run !== of.run ||
    approval.remediation !== of.remediation ||
    approval.target !== of.target ||
    approval.state !== of.state
  )
    return {
      kind: 'bad',
      detail: `${approval.approvalId} is an approval of something else: give the run another name`,
    };
  const { approvalId, status, askedAt, validUntil, reason } = approval;
  switch (status) {
    case 'approved':
    case 'used':
      return { kind: 'good', detail: `${approvers(approval)} agreed` };
    case 'denied':
      return {
        kind: 'bad',
        detail: `${(approval.decidedBy ?? 'somebody').replace(/^person:/, '')} denied it${reason ? `: ${reason}` : ''}`,
      };
    case 'waiting':
      return now < validUntil
        ? {
            kind: 'not-yet',
            detail: `nightshift approve ${approvalId}, or deny, is waited for`,
            seconds: answerPollSeconds(now - askedAt),
          }
        : { kind: 'bad', detail: `nobody agreed before ${new Date(validUntil).toISOString()}` };
    case 'expired':
    case 'void':
      return { kind: 'bad', detail: `the question is ${status}` };
    default:
      return status satisfies never;
  }
}
