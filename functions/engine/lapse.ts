/** Whether an intent that a function left unfinished may still be carried out. */
import type { HoldReason, Outcome } from '../../events/outcome.ts';
import { mayChange, type Protected } from './config.ts';
import { type Context, limitsOf, readTarget } from './context.ts';
import { describeTakeOver, takenOverBy } from './guard.ts';
import type { ActionItem } from './items.ts';
import { changeForbidden } from './windows.ts';

/** Why an intent is not carried out any more, and the outcome of its signal. */
export interface Lapse {
  readonly why: string;
  readonly outcome: Outcome;
}

/** A recorded intent is no licence for ever: undefined while what it was recorded for still holds. */
export async function whyLapsed<T extends Protected, O>(
  context: Context<T, O>,
  action: ActionItem,
): Promise<Lapse | undefined> {
  const now = context.now();
  const { incidentId, change } = action;
  const subject = action.signal?.subject;
  const present = await readTarget(context.store, action.target);
  const held = (reason: HoldReason, why: string): Lapse => ({
    why,
    outcome: { kind: 'held', reason, detail: why, recheckAt: new Date(now).toISOString() },
  });
  const { mode } = limitsOf(context);
  const forbidden = changeForbidden(context.config.windows, action.target, now);
  if (forbidden) return held('paused', forbidden.detail);
  const taken = takenOverBy(present, now);
  if (taken) return held('hands-off', describeTakeOver(taken));
  // What made things worse goes back also while its incident is open, and in no other mode than that it was made in.
  if (action.purpose === 'undo') return mayChange(mode) ? undefined : held('change-under-way', `mode is ${mode} now`);
  if (action.purpose === 'hand-back') {
    if (present.openIncidentId) return held('change-under-way', `${present.openIncidentId} is open now`);
    return mayChange(mode) ? undefined : held('change-under-way', `mode is ${mode} now`);
  }
  // An intent of mode `auto` that nobody was asked about isn't carried out after people said that they want to be asked.
  if (!mayChange(mode) || (mode === 'approve' && action.approvalId === undefined))
    return { why: `mode is ${mode} now`, outcome: { kind: 'would-act', incidentId, change: change.summary } };
  const recovered = subject !== undefined && present.alarms[subject] === 'OK';
  if (recovered || present.openIncidentId !== incidentId) {
    const why = 'its alarm is OK again';
    return { why, outcome: { kind: 'already-fine', reason: why } };
  }
  // The alarm is judged again by the recheck that was recorded with the intent.
  // Proof that takes hours doesn't make an intent that nobody carried out last for hours.
  const { verifyBy = now, verifyNotBefore = now } = action;
  const recordedAt = verifyNotBefore - (change.verifyNotBeforeSeconds ?? 0) * 1000;
  if (now > Math.min(verifyBy, recordedAt + context.config.verifyWithinSeconds * 1000))
    return held('stale', 'it was recorded too long ago');
  return undefined;
}
