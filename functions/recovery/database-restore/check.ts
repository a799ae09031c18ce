/** What was read of the new instance, a few questions in each turn; and what is lost with it. Pure. */
import type { Finding } from '../../jobs/verify-backup/checks.ts';
import type { StepDecision } from '../step.ts';
import type { Chosen } from './decide.ts';

/** What earlier turns read: kept, so that a turn that dies costs its own questions only. */
export type CheckProgress = {
  /** Names of the questions. */
  readonly asked: readonly string[];
  readonly findings: readonly Finding[];
  /** Its newest heartbeat, and its newest configured row (epoch milliseconds); null: there is none. */
  readonly beatAt: number | null;
  readonly rowAt: number | null;
};

export const NOTHING_READ: CheckProgress = { asked: [], findings: [], beatAt: null, rowAt: null };

export type Reading =
  | { readonly kind: 'unreachable'; readonly passing: boolean; readonly why: string }
  | {
      readonly kind: 'read';
      readonly progress: CheckProgress;
      /** Questions that aren't asked yet. */
      readonly left: number;
    };

/** What `check` leaves for the report: up to when rows are in it, by its newest heartbeat, else its newest configured row. */
export type Checked = { readonly recoveryPointAt: number | null; readonly checks: number };

/** Between one turn with questions and the next. */
const NEXT_SECONDS = 1;

export function judge(reading: Reading, pollSeconds: number): StepDecision {
  if (reading.kind === 'unreachable')
    return reading.passing
      ? { kind: 'wait', seconds: pollSeconds, detail: `it lets nobody in yet: ${reading.why}` }
      : { kind: 'fail', reason: `it can't be read: ${reading.why}` };
  const { progress, left } = reading;
  const { findings, asked, beatAt, rowAt } = progress;
  const bad = findings.filter(({ ok }) => !ok);
  if (bad.length > 0) return { kind: 'fail', reason: bad.map(({ check, detail }) => `${check}: ${detail}`).join('; ') };
  if (left > 0) {
    const detail = `${asked.length} of ${asked.length + left} questions are answered`;
    return { kind: 'wait', seconds: NEXT_SECONDS, detail, result: { ...progress, findings: [...findings] } };
  }
  const result: Checked = { recoveryPointAt: beatAt ?? rowAt, checks: findings.length };
  return { kind: 'done', detail: `${findings.length} checks passed`, result };
}

const iso = (ms: number): string => new Date(ms).toISOString();

/**
 * What is lost, as far as it can be known: services write to the old instance until the last of them is rolled.
 * @param until when they were (epoch milliseconds); of a rehearsal, when it is told. @param ended what kept them from writing to it.
 */
export function lossOf(
  chosen: Chosen,
  { recoveryPointAt }: Checked,
  until: number,
  rehearse: boolean,
  ended: 'rolled' | 'stopped' = 'rolled',
): string {
  const { takenAt, snapshotId } = chosen;
  if (recoveryPointAt === null)
    return `${rehearse ? 'a restore would lose' : 'lost is'} what was written after ${snapshotId === null ? iso(takenAt) : `${snapshotId} was taken (${iso(takenAt)})`}; the time of its newest row is unknown`;
  const seconds = Math.max(0, Math.round((until - recoveryPointAt) / 1000));
  return rehearse
    ? `its newest row is from ${iso(recoveryPointAt)}: a restore would lose what was written since, by now ${seconds} s`
    : `its newest row is from ${iso(recoveryPointAt)}: lost is what was written to the old instance from then until the services were ${ended} (${iso(until)}), ${seconds} s at most`;
}
