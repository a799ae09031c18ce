/** A rung of a ladder that is a recovery plan: whether its run is started, and what came of it. Pure. */
import type { Change, Decision, Json, Verification } from '../engine/remediation.ts';

/** What is read of a run; `functions/recovery/items.ts` has the whole of it. */
export interface RunSeen {
  readonly run: string;
  /** Of the run's own incident, which its report belongs to. */
  readonly incidentId: string;
  readonly phase: 'working' | 'backing-out' | 'ended';
  readonly verdict?: 'recovered' | 'rehearsed' | 'backed-out' | 'needs-person' | 'refused';
  /** What came of it, in a sentence. */
  readonly summary?: string;
  /** Epoch milliseconds. */
  readonly endedAt?: number;
}

/** What is there of the run that the target's open incident has started; without one none was. */
export interface PlanSeen {
  readonly run?: RunSeen;
}

/** What a rung would start. */
export interface Start {
  readonly plan: string;
  /** As a person would give it to the plan. */
  readonly input: { readonly [key: string]: Json };
  /** For people: "orders-api". */
  readonly about: string;
  /** What the plan can't take back, or that it can, as a sentence: whoever approves it reads that. */
  readonly wayBack: string;
}

/** How the start is recorded: the run's name follows from the incident (`runOfRung`). */
interface Started {
  readonly plan: string;
  readonly input: Start['input'];
}
export const startOf = ({ after }: Pick<Change, 'after'>): Started => after as unknown as Started;

const LOOK_AGAIN_SECONDS = 60;
/** The run's name is used up in this incident: nothing is gained by looking earlier. */
const STOP_FOR_SECONDS = 3_600;

/**
 * One run for each incident.
 * @param since when the trouble began (epoch milliseconds): a run that recovered later has answered it.
 */
export function decideStart({ run }: PlanSeen, since: number, { plan, input, about, wayBack }: Start): Decision {
  if (run) return decideOn(run, since, plan);
  return {
    kind: 'act',
    change: {
      summary: `start the recovery plan ${plan} for ${about}`,
      before: { plan, run: 'none of this incident' },
      after: { plan, input },
      undo: `"nightshift stop <run>" has the run backed out. ${wayBack}`,
    },
  };
}

function decideOn(run: RunSeen, since: number, plan: string): Decision {
  const told = describeRun(run, plan);
  if (run.phase !== 'ended')
    return { kind: 'hold', reason: 'change-under-way', detail: told, recheckAfterSeconds: LOOK_AGAIN_SECONDS };
  if (run.verdict === 'recovered' && (run.endedAt ?? 0) >= since) return { kind: 'fine', reason: told };
  return { kind: 'escalate', reason: `${told}, and it is started once in an incident` };
}

/** The name is the run's alone, so what is there is the recorded start. Where nothing is yet, starting it again starts nothing twice. */
export const alreadyStarted = ({ run }: PlanSeen): 'yes' | 'no' => (run ? 'yes' : 'no');

/** The rung has helped when its run has recovered; the engine besides asks the alarm. */
export function verifyRun({ run }: PlanSeen, { plan }: Pick<Start, 'plan'>): Verification {
  if (!run) return { kind: 'not-yet', detail: `its run of ${plan} has not begun yet` };
  const detail = describeRun(run, plan);
  if (run.phase !== 'ended') return { kind: 'not-yet', detail };
  return run.verdict === 'recovered'
    ? { kind: 'good', detail }
    : { kind: 'bad', detail, stopForSeconds: STOP_FOR_SECONDS };
}

function describeRun({ run, incidentId, phase, verdict = 'needs-person', summary }: RunSeen, plan: string): string {
  const what = `run ${run} of ${plan}`;
  if (phase !== 'ended') return `${what} is ${phase === 'working' ? 'under way' : 'being backed out'}`;
  const report = incidentId === '' ? '' : `; its report is that of ${incidentId}`;
  return `${what} ended as ${verdict}${summary ? ` (${summary})` : ''}${report}`;
}
