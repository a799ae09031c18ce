/**
 * Runs of recovery plans as their state machine takes them (infra/constructs/plan-definition.ts), without Step Functions: orders, retries by the error's
 * name, and the way back. Nobody waits half a minute for a function that died: once nothing is under way, what the run knows of the time is put back by as much.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { runKey } from '../../../functions/engine/plan-items.ts';
import type { RunItem } from '../../../functions/recovery/items.ts';
import type { PlanAnswer, PlanOrder } from '../../../functions/recovery/order.ts';
import { type Plan, stagesOf } from '../../../functions/recovery/plan.ts';
import { putRun } from '../../../functions/recovery/writes.ts';
import { earlier } from '../age.ts';
import type { Site } from '../incidents/types.ts';
import { REGION } from '../place.ts';

/** Retries of one order, as the machine has them. */
const RETRIES = 35;
const MOST_ROUNDS = 1_500;
/** Before a call that failed is made again, at most. */
const RETRY_WITHIN_MS = 25;
/** Shorter waits are for the thing itself to go on; longer ones for functions that may still be making a change, and for nothing that the stand-ins do. */
const SHORT_WAIT_SECONDS = 10;

export interface PlanRun {
  readonly plan: Plan;
  readonly run: string;
  readonly input: object;
}

interface Around {
  /** Called before each round, when no turn is under way. */
  before?(): Promise<void>;
  /** A short wait is over when this is: so the turns of a run are the same ones each time, however quick the machine. */
  settled(): Promise<void>;
}

/** One state machine that takes the run's turns. */
interface Machine {
  /** Orders that are still to be answered with `done`; the first is the present one. */
  readonly forward: PlanOrder[];
  /** Name of the error that ended the way forward. */
  why?: string;
  failures: number;
  ended?: PlanAnswer['kind'] | 'refused' | 'given-up';
}

/**
 * Takes the run to its end by `copies` machines at once, which all take a turn, then all take the next one.
 * @returns a sentence for each that didn't come to an end.
 */
export async function takeRun(
  site: Site,
  planRun: PlanRun,
  copies: number,
  { before = async () => {}, settled }: Around,
): Promise<string[]> {
  const machines = Array.from({ length: copies }, () => machineOf(planRun));
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const left = machines.filter(({ ended }) => ended === undefined);
    if (left.length === 0) break;
    await before();
    const waits = await Promise.all(left.map((machine) => takeTurn(site, planRun, machine)));
    // Only when all of them wait does nothing happen.
    const seconds = Math.min(...waits);
    if (seconds > SHORT_WAIT_SECONDS) await timePasses(site, planRun, seconds * 1000);
    else if (seconds > 0) await settled();
  }
  return machines.flatMap(({ ended }) => {
    if (ended === undefined) return [`I1: the run of ${planRun.plan.name} did not end within ${MOST_ROUNDS} turns`];
    return ended === 'given-up' ? [`I1: the run of ${planRun.plan.name} could not even be ended`] : [];
  });
}

function machineOf({ plan, run, input }: PlanRun): Machine {
  const steps = stagesOf(plan).flat();
  return {
    forward: [
      { do: 'open', run, input },
      ...steps.map(({ name }): PlanOrder => ({ do: 'step', run, step: name })),
      { do: 'close', run },
    ],
    failures: 0,
  };
}

/** @returns for how many seconds it waits now. */
async function takeTurn({ place, functionName }: Site, { run }: PlanRun, machine: Machine): Promise<number> {
  const [present] = machine.forward;
  const order: PlanOrder | undefined = machine.why === undefined ? present : { do: 'back-out', run, why: machine.why };
  if (!order) throw new Error(`${run}: the machine has ended`);
  const result = await place.lambda.invoke(functionName, REGION, order);
  if (result.kind === 'ok') {
    machine.failures = 0;
    const answer = JSON.parse(result.payload) as PlanAnswer;
    if (answer.kind === 'wait') return answer.seconds;
    if (answer.kind !== 'done') machine.ended = answer.kind;
    else if (machine.forward.shift()?.do === 'close') machine.ended = 'done';
    return 0;
  }
  const error = result.kind === 'function-error' ? result.errorType : 'Lambda.SdkClientException';
  if (error === 'PlanRefusedError' && order.do === 'open') machine.ended = 'refused';
  else if (error === 'PlanStepError' || error === 'PlanRefusedError' || ++machine.failures > RETRIES) {
    // Ending has no way back of its own: the machine fails, and its alarm calls a person.
    if (order.do === 'close' || order.do === 'back-out') machine.ended = 'given-up';
    else machine.why = error;
    machine.failures = 0;
  }
  // With jitter, as the machine retries: copies would meet again and again.
  await sleep(RETRY_WITHIN_MS * Math.random());
  return 0;
}

/** The run's own times but its start, by which a step may judge how old the trouble is: the stand-in's own times aren't put back. */
async function timePasses({ store }: Site, { plan, run }: PlanRun, byMs: number): Promise<void> {
  const found = await readItem(store, { plan: plan.name, run });
  if (!found || found.phase === 'ended') return;
  const { steps, leasedUntil } = found;
  const aged = { ...found, steps: earlier(steps, byMs) as RunItem['steps'], leasedUntil: leasedUntil - byMs };
  const result = await store.transact([putRun(store.table, aged)]);
  if (!result.ok) throw new Error(`${run}: it changed while time should pass and nothing was under way`);
}

export const readItem = async (
  store: Site['store'],
  run: { readonly plan: string; readonly run: string },
): Promise<RunItem | undefined> => (await store.read(runKey(run))) as RunItem | undefined;
