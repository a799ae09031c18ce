/** Plays a recovery plan as its state machine would: what passes by itself is asked again, waits are waited, a failure is backed out. */
import { PlanRefusedError, PlanStepError } from '../../functions/recovery/errors.ts';
import type { PlanAnswer, PlanOrder } from '../../functions/recovery/order.ts';
import { type Plan, stagesOf } from '../../functions/recovery/plan.ts';

export interface Playing {
  take(order: PlanOrder): Promise<PlanAnswer>;
  wait(seconds: number): void | Promise<void>;
  /**
   * The state machine of AWS stops the other branches of a Parallel state when one fails: no turn of theirs is begun any more, but the one that is under
   * way isn't stopped ("Parallel state", AWS Step Functions Developer Guide). Default: the other branches end first.
   */
  readonly backsOutAtOnce?: boolean;
}

const MOST_TURNS = 400;
/** As in the compiled plan. */
const MOST_FAILURES = 35;

/** The play's own limit, not the plan's: a run isn't backed out by it, the test fails. */
class TooManyTurnsError extends Error {}

/** Asks until it is something else than to wait. @throws what isn't repeated, or was repeated too often. */
export async function ask({ take, wait }: Playing, order: PlanOrder, signal?: AbortSignal): Promise<PlanAnswer> {
  let failures = 0;
  for (let turns = 0; turns < MOST_TURNS; turns++) {
    signal?.throwIfAborted();
    try {
      const answer = await take(order);
      if (answer.kind !== 'wait') return answer;
      await wait(answer.seconds);
    } catch (error) {
      if (error instanceof PlanRefusedError || error instanceof PlanStepError || ++failures > MOST_FAILURES)
        throw error;
      await wait(1);
    }
  }
  throw new TooManyTurnsError(`${JSON.stringify(order)}: asked ${MOST_TURNS} times`);
}

/** The whole run; how it ended. @param before is called before each step. @throws PlanRefusedError. */
export async function playPlan(
  playing: Playing,
  plan: Plan,
  run: string,
  input: object,
  before: (step: string) => void | Promise<void> = () => {},
): Promise<PlanAnswer['kind']> {
  await ask(playing, { do: 'open', run, input });
  const underWay: Promise<void>[] = [];
  try {
    for (const stage of stagesOf(plan)) {
      const branches = new AbortController();
      const turns = stage.map(async ({ name }) => {
        await before(name);
        await ask(playing, { do: 'step', run, step: name }, branches.signal);
      });
      underWay.push(...turns);
      if (playing.backsOutAtOnce) await Promise.all(turns).finally(() => branches.abort());
      else await settled(turns);
    }
  } catch (error) {
    if (error instanceof TooManyTurnsError) throw error;
    const why = error instanceof Error ? error.name : 'unknown';
    const { kind } = await ask(playing, { do: 'back-out', run, why });
    await Promise.allSettled(underWay);
    return kind;
  }
  return (await ask(playing, { do: 'close', run })).kind;
}

/** All of them end before the first failure is told. */
async function settled(all: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(all);
  const failed = results.find((each) => each.status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}
