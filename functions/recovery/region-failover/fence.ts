/** What `region-failover` decides of the authority to write: withdrawing it, waiting it out, and freeing the promoted database of it. Pure. */
import { type Authority, lapsesIn, whyNotSelfFenced, whyUnheard } from '../../authority/rules.ts';
import type { PairConfig } from '../../engine/config.ts';
import type { Change } from '../../engine/remediation.ts';
import type { StepDecision, StepProof } from '../step.ts';
import { type Input, POLL_SECONDS } from './decide.ts';

type Fenced = Pick<PairConfig, 'fencing'>;
const fail = (reason: string): StepDecision => ({ kind: 'fail', reason });
const NO_LEASE = { kind: 'done', detail: 'the old primary has no lease: fencing it is a person’s' } as const;

/** Why a person has to say that the old primary is fenced; undefined: it stops by itself. @param outageAt since when there is an outage, in epoch milliseconds, where that is asked. */
export function whyAttested(
  { fencing }: Fenced,
  authority: Authority | undefined,
  outageAt?: number,
): string | undefined {
  if (fencing.by === 'attested') return 'this pair is fenced by people';
  const weak = whyNotSelfFenced(authority, fencing.clockMarginSeconds * 1000);
  return weak ?? (authority && outageAt !== undefined ? whyUnheard(authority, outageAt) : undefined);
}

const isOurs = (authority: Authority | undefined, run: string): boolean =>
  authority?.state === 'withdrawn' && authority.withdrawnBy === run;

/** Also where nothing was ever granted: nobody may begin to now. */
export function decideWithdraw(authority: Authority | undefined, { fencing }: Fenced, run: string): StepDecision {
  if (fencing.by === 'attested') return NO_LEASE;
  if (isOurs(authority, run)) return { kind: 'done', detail: 'the old primary is granted no more time to write' };
  return {
    kind: 'act',
    change: {
      summary: `grant ${fencing.database} no more time to write`,
      before: { state: authority?.state ?? 'granting' },
      after: { state: 'withdrawn' },
      undo: 'grant it again',
    },
  };
}

export const withdrawApplied = (authority: Authority | undefined, run: string): 'yes' | 'no' =>
  isOurs(authority, run) ? 'yes' : 'no';

export const proveWithdraw = (change: Change, authority: Authority | undefined, run: string): StepProof =>
  isOurs(authority, run)
    ? { kind: 'good', detail: change.summary }
    : { kind: 'bad', detail: 'its authority is granted again, or withdrawn by another run' };

/** Only what this run withdrew, and only when it was granted before. */
export function decideGrantAgain(
  authority: Authority | undefined,
  made: Change | undefined,
  run: string,
): StepDecision {
  const before = made?.before as { readonly state?: string } | undefined;
  if (!made || !isOurs(authority, run)) return { kind: 'done', detail: 'this run has withdrawn no authority' };
  if (before?.state !== 'granting') return { kind: 'done', detail: 'it was withdrawn before, by another run' };
  return {
    kind: 'act',
    change: {
      summary: 'grant the old primary time to write again',
      before: { state: 'withdrawn' },
      after: { state: 'granting' },
      undo: 'withdraw it again',
    },
  };
}

/** Over by every clock within the margin: from then on the old primary takes no writes, whoever reaches it. */
export function lapse(
  authority: Authority | undefined,
  { fenced }: Pick<Input, 'fenced'>,
  pair: Fenced,
  { now, run, rehearse }: { readonly now: number; readonly run: string; readonly rehearse: boolean },
): StepDecision {
  const { fencing } = pair;
  if (fencing.by === 'attested' && !rehearse && fenced === undefined)
    // Fencing by itself was given up during the run: whoever did that may have freed the old primary of its lease.
    return fail(
      'this pair is fenced by people by now, and nobody has said that the old primary is: start again with fenced=',
    );
  if (fencing.by === 'attested') return NO_LEASE;
  if (rehearse) return { kind: 'done', detail: 'a rehearsal: no authority was withdrawn' };
  if (!authority || !isOurs(authority, run))
    return fail('the authority of the old primary isn’t withdrawn by this run');
  const weak = whyAttested(pair, authority);
  if (weak !== undefined)
    return fenced === undefined ? fail(weak) : { kind: 'done', detail: `fenced by ${fenced}; ${weak}` };
  const leftMs = lapsesIn(authority, fencing.clockMarginSeconds * 1000, now);
  if (leftMs > 0)
    return {
      kind: 'wait',
      seconds: Math.min(POLL_SECONDS, Math.ceil(leftMs / 1000)),
      detail: `the old primary may write for another ${Math.ceil(leftMs / 1000)} s`,
    };
  const until = new Date(authority.until).toISOString();
  return { kind: 'done', detail: `the old primary takes no writes since ${until}: its authority is over` };
}

/** Undefined: nothing stands against promoting. Asked again directly before it. */
export function stillWrites(...asked: Parameters<typeof lapse>): string | undefined {
  const decision = lapse(...asked);
  if (decision.kind === 'done') return undefined;
  return decision.kind === 'fail' ? decision.reason : 'its authority to write isn’t over';
}

/** The replica has the old primary's lease, which nobody renews: without this the promoted database would take no writes either. */
export function decideAdmission(
  authority: Authority | undefined,
  { fencing, replica }: Fenced & Pick<PairConfig, 'replica'>,
): StepDecision {
  if (fencing.by === 'attested') return { kind: 'done', detail: 'it takes writes without a lease' };
  // Also of one that never confirmed any: the message may have arrived, and its answer not.
  if (authority === undefined || authority.until === 0)
    return { kind: 'done', detail: 'the old primary was never granted a lease, so there is none to be freed of' };
  return {
    kind: 'act',
    change: {
      summary: `let ${replica} take writes`,
      before: { lease: 'the old primary’s' },
      after: { lease: 'none' },
      undo: 'none: it is the only one that takes writes',
    },
  };
}
