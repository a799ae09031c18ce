/** The items of recovery plans in the journal table: a run with the progress of its steps. */
import { planPartition, runKey } from '../engine/plan-items.ts';
import type { Stop } from '../engine/plan-stop.ts';
import type { ActReport, Change, Json } from '../engine/remediation.ts';
import type { Store } from '../engine/store.ts';
import type { StepStatus } from './plan.ts';

/** Thirteen months: a year's worth of trend beside this month. */
export const RUN_KEPT_SECONDS = 400 * 24 * 3600;

/** How far a step, or its compensation, is. Times are epoch milliseconds. */
export interface Progress {
  readonly beganAt: number;
  /** Not done by then: it has failed. */
  readonly deadlineAt: number;
  /** A function may still be making its change until then. */
  readonly busyUntil?: number;
  /** Which request of Lambda is making it. */
  readonly requestId?: string;
  readonly attempt: number;
  /** Written down before it is made. */
  readonly change?: Change;
  readonly actedAt?: number;
  readonly report?: ActReport;
  readonly endedAt?: number;
  /** What it last said: what it waits for, what came of it. */
  readonly note?: string;
  readonly result?: Json;
}

export interface StepItem {
  readonly status: StepStatus;
  readonly forward?: Progress;
  readonly undo?: Progress;
}

export const VERDICTS = ['recovered', 'rehearsed', 'backed-out', 'needs-person', 'refused'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** How long it took and what it lost, in milliseconds: what the ledger keeps of a run. */
export interface Figures {
  /** From its start to its end; `frozenMs` of that it was frozen. */
  readonly recoveryTimeMs: number;
  readonly frozenMs: number;
  readonly targetRecoveryTimeMs: number;
  /** null: unknown. Absent of plans that lose none. */
  readonly dataLossMs?: number | null;
  readonly targetDataLossMs?: number;
}

export interface RunItem {
  readonly plan: string;
  /** The name of its execution. */
  readonly run: string;
  /** Grows with every write; each write names the one that it read. */
  readonly version: number;
  readonly phase: 'working' | 'backing-out' | 'ended';
  readonly input: Json;
  readonly rehearse: boolean;
  /** `person:<name>`, or what else started it. */
  readonly startedBy: string;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly incidentId: string;
  /** What it has in hand: none, when it is a rehearsal. */
  readonly targets: readonly string[];
  /** What it is about: of a real run its targets, of a rehearsal those that a real one would have. One run at a time about each. */
  readonly about: readonly string[];
  /** Until when its leases are said to hold; renewed by its turns. */
  readonly leasedUntil: number;
  readonly steps: Readonly<Record<string, StepItem>>;
  /** A person wants it backed out. */
  readonly stop?: Stop;
  /** Since when Nightshift is frozen, as far as the run has noticed. */
  readonly frozenSince?: number;
  /** For how long it was frozen, in milliseconds: no budget counts that. */
  readonly frozenMs: number;
  /** A person was called because it failed: its incident is theirs from then on. */
  readonly calledPerson?: boolean;
  /** When the reconciler told a person that nobody takes its turns any more. */
  readonly leftToldAt?: number;
  /** Why it is backed out, or was refused. */
  readonly why?: string;
  /** It was refused for a reason that passes by itself. */
  readonly passes?: true;
  readonly verdict?: Verdict;
  /** Of a run that was begun and has ended. */
  readonly figures?: Figures;
  /** What came of it, in one sentence. */
  readonly summary?: string;
}

/** Who stops a rehearsal when a real run begins about the same thing. */
export const MAKES_WAY = 'nightshift';

export const stepOf = (run: Pick<RunItem, 'steps'>, name: string): StepItem => run.steps[name] ?? { status: 'waiting' };

/** @throws EngineError when the journal can't be read. */
export const readRun = async (store: Store, plan: string, run: string): Promise<RunItem | undefined> =>
  (await store.read(runKey({ plan, run }))) as RunItem | undefined;

/** A plan is run a few times a year, and rehearsed every month: more aren't looked through. */
const LOOKED_THROUGH = 200;

/** Runs of a plan, newest first. Those that the console started have names that say nothing of their time. */
export async function readRuns(store: Store, plan: string, limit = 20): Promise<RunItem[]> {
  const items = await store.query(
    {
      KeyConditionExpression: 'pk = :pk AND begins_with(sk, :run)',
      ExpressionAttributeValues: { ':pk': { S: planPartition(plan) }, ':run': { S: 'RUN#' } },
      ScanIndexForward: false,
      ConsistentRead: true,
    },
    LOOKED_THROUGH,
  );
  const runs = items as unknown as RunItem[];
  return runs.sort((a, b) => b.startedAt - a.startedAt).slice(0, limit);
}
