/** How a run and its job's head change: pure, from the item as read to the item as written. */
import type { JournalEntry } from '../../events/journal.ts';
import { type HeadItem, jobTarget } from '../engine/job-head.ts';
import type { Json } from '../engine/remediation.ts';
import { entryMaker, newId } from '../engine/writes.ts';
import type { RunItem } from './items.ts';
import type { CleanUp, RunIdentity, Step, Verdict } from './job.ts';
import type { JobManifest } from './manifest.ts';

/** After its deadline a run has so long to remove what it made; then a person is told what is left. */
export const CLEANING_MS = 3_600_000;

export function newRun(
  run: RunIdentity,
  state: Json,
  { deadlineSeconds }: Pick<JobManifest, 'deadlineSeconds'>,
  now: number,
  { startedBy, wanted }: { readonly startedBy?: string | undefined; readonly wanted?: string | undefined } = {},
): RunItem {
  const deadlineAt = now + deadlineSeconds * 1000;
  return {
    ...{ ...run, version: 0, phase: 'working', state, startedAt: now, deadlineAt },
    ...(startedBy !== undefined && { startedBy }),
    ...(wanted !== undefined && { wanted }),
  };
}

/** With all of its time again: it was stopped by the switch. */
export const renewed = (
  run: RunItem,
  { deadlineSeconds }: Pick<JobManifest, 'deadlineSeconds'>,
  now: number,
): RunItem => ({
  ...run,
  deadlineAt: now + deadlineSeconds * 1000,
});

export function afterStep(run: RunItem, step: Step<Json>): RunItem {
  switch (step.kind) {
    case 'wait':
      return { ...run, state: step.state, note: step.note };
    case 'verdict':
      return { ...withoutNote(run), state: step.state, phase: 'cleaning', verdict: step.verdict };
    default:
      return step satisfies never;
  }
}

/** A run that can't go on: what it made is still removed. */
export const broken = (run: RunItem, check: string, summary: string): RunItem => ({
  ...withoutNote(run),
  phase: 'cleaning',
  verdict: { kind: 'failed', check, summary, report: {} },
});

/** Past its deadline: failed, whatever it waits for. */
export function overdue(run: RunItem, now: number): RunItem | undefined {
  if (run.phase !== 'working' || now < run.deadlineAt) return undefined;
  const waitedFor = run.note ? `; it waited for this: ${run.note}` : '';
  const minutes = Math.round((run.deadlineAt - run.startedAt) / 60_000);
  return broken(run, 'deadline', `not done within ${minutes} minutes${waitedFor}`);
}

/** Clean, or given up on cleaning: the run is over. Undefined: cleaned on. */
export function afterCleanUp(run: RunItem, result: CleanUp, now: number): RunItem | undefined {
  const verdict: Verdict = run.verdict ?? { kind: 'failed', summary: 'ended without a verdict', report: {} };
  if (result.kind === 'clean') return { ...withoutNote(run), phase: 'ended', endedAt: now, verdict };
  if (now < Math.max(run.deadlineAt, run.startedAt) + CLEANING_MS) return undefined;
  const summary = `${verdict.summary}; and what it made is still there: ${result.note}`;
  return { ...run, phase: 'ended', endedAt: now, verdict: { ...verdict, kind: 'failed', check: 'clean-up', summary } };
}

function withoutNote({ note: _note, ...run }: RunItem): RunItem {
  return run;
}

/**
 * What a verdict means for its job: the head's next state, and what is told. Undefined: nothing. A run about something that a person named, such as one old backup, says
 * nothing about the job, and is that person's to read; nor does one that ends after a later one.
 */
export function afterRun(
  head: HeadItem,
  run: RunItem,
  { name, severity, overdueAfterSeconds }: Pick<JobManifest, 'name' | 'severity' | 'overdueAfterSeconds'>,
  now: number,
): { readonly next: HeadItem; readonly entries: readonly JournalEntry[] } | undefined {
  const { verdict } = run;
  if (!verdict) throw new Error(`${name}: a run ended without a verdict`);
  if (run.wanted !== undefined) return undefined;
  if (head.lastRunAt !== undefined && Date.parse(run.scheduledAt) < Date.parse(head.lastRunAt)) return undefined;
  const { openIncidentId, ...rest } = head;
  const news = { lastRunAt: run.scheduledAt, lastKind: verdict.kind, lastSummary: verdict.summary };
  if (verdict.kind === 'passed') {
    const next = { ...rest, ...news, lastPassedAt: now, overdueAt: now + overdueAfterSeconds * 1000 };
    if (!openIncidentId) return { next, entries: [] };
    const make = entryMaker(openIncidentId, name, now);
    return { next, entries: [make('resolved', `passed again: ${verdict.summary}`, { scheduledAt: run.scheduledAt })] };
  }
  const incidentId = openIncidentId ?? `inc-${newId(now)}`;
  const make = entryMaker(incidentId, name, now);
  const title = `${name} failed for ${run.subject}`;
  const opened = make('opened', title, { title, target: jobTarget(run), severity, remediation: name });
  const reason = verdict.check ? `${verdict.check}: ${verdict.summary}` : verdict.summary;
  const data = { remediation: name, scheduledAt: run.scheduledAt, ...(verdict.check && { check: verdict.check }) };
  const escalated = make('escalated', `${title}: ${reason}`, { ...data, report: verdict.report });
  return {
    next: { ...rest, ...news, openIncidentId: incidentId },
    entries: openIncidentId ? [escalated] : [opened, escalated],
  };
}
