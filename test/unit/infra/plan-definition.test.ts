/** The compiled plan on the local Step Functions, its function played by the test on a virtual clock. */
import { describe, expect, it } from '@jest/globals';
import type { PlanAnswer, PlanOrder } from '../../../functions/recovery/order.ts';
import type { Plan, PlanStep } from '../../../functions/recovery/plan.ts';
import { planDefinition, REFUSED } from '../../../infra/constructs/plan-definition.ts';
import { StatesError } from '../../../local/stand-ins/step-functions/errors.ts';
import { stage } from '../step-functions/support.ts';

const step = (name: string, ...after: string[]): PlanStep => ({
  name,
  does: `does ${name}`,
  after,
  budgetSeconds: 60,
  undo: { kind: 'compensate', does: `takes ${name} back`, budgetSeconds: 60 },
});
const PLAN: Plan = {
  name: 'tested',
  summary: 'Fences, then promotes and scales side by side, then switches.',
  targets: { recoveryTimeSeconds: 600, dataLossSeconds: 60 },
  steps: [step('fence'), step('promote', 'fence'), step('scale', 'fence'), step('switch', 'promote', 'scale')],
};
const MACHINE = planDefinition(PLAN, { partition: 'aws', functionArn: 'plan', answerSeconds: 60 });

type Play = (order: PlanOrder) => PlanAnswer;

async function run(play: Play, input: object = { cluster: 'main' }) {
  const orders: PlanOrder[] = [];
  const set = stage(({ arguments: given }) => {
    const order = (given as unknown as { Payload: PlanOrder }).Payload;
    orders.push(order);
    return { StatusCode: 200, Payload: { ...play(order) } };
  });
  const { outcome } = await set.run(MACHINE, input as never);
  return { outcome, orders, seconds: set.clock.seconds };
}
const done: PlanAnswer = { kind: 'done' };
const told = ({ orders }: { readonly orders: readonly PlanOrder[] }) =>
  orders.map((order) => (order.do === 'step' ? order.step : order.do));

describe('a compiled plan', () => {
  it('opens with its input, takes the steps in their order, side by side where they may, and closes', async () => {
    const ran = await run(() => done);
    expect(told(ran)).toEqual(['open', 'fence', 'promote', 'scale', 'switch', 'close']);
    expect(ran.orders[0]).toMatchObject({ do: 'open', input: { cluster: 'main' } });
    expect(new Set(ran.orders.map((order) => order.run)).size).toBe(1);
    expect(ran.outcome).toMatchObject({ status: 'SUCCEEDED' });
  });

  it('waits as long as the function says, and asks again', async () => {
    let looks = 0;
    const ran = await run((order) => {
      if (order.do !== 'step' || order.step !== 'promote' || ++looks === 3) return done;
      return { kind: 'wait', seconds: 20 };
    });
    expect(ran.seconds).toBe(40);
    expect(told(ran)).toEqual(['open', 'fence', 'promote', 'scale', 'promote', 'promote', 'switch', 'close']);
  });

  it('begins nothing and takes nothing back when it is refused', async () => {
    const ran = await run(() => {
      throw new StatesError(REFUSED, 'another run of this plan is under way');
    });
    expect(told(ran)).toEqual(['open']);
    // Who wanted it is told by the journal; a failed execution would call a person who need do nothing.
    expect(ran.outcome).toEqual({ status: 'SUCCEEDED', output: '{"verdict":"refused"}' });
  });

  it.each(['fence', 'promote', 'scale', 'switch'])(
    'takes back what was done when %s fails, and no step follows',
    async (failing) => {
      let rounds = 0;
      const ran = await run((order) => {
        if (order.do === 'step' && order.step === failing) throw new StatesError('PlanStepError', 'it did not work');
        if (order.do === 'back-out') return ++rounds === 3 ? { kind: 'backed-out' } : { kind: 'wait', seconds: 5 };
        return done;
      });
      expect(ran.orders.filter((order) => order.do === 'back-out')).toHaveLength(3);
      expect(ran.orders.at(-1)).toMatchObject({ do: 'back-out', why: 'PlanStepError' });
      expect(told(ran)).not.toContain('close');
      if (failing !== 'switch') expect(told(ran)).not.toContain('switch');
      expect(ran.outcome).toMatchObject({ status: 'FAILED', error: 'BackedOut' });
    },
  );

  it.each([true, false, undefined])(
    'calls nobody by a failed execution when it is refused, or is a rehearsal that is taken back (rehearse: %s)',
    async (rehearse) => {
      const input = { cluster: 'main', ...(rehearse !== undefined && { rehearse }) };
      const refused = await run(() => {
        throw new StatesError(REFUSED, 'a real run is under way');
      }, input);
      const takenBack = await run((order) => {
        if (order.do === 'step') throw new StatesError('PlanStepError', 'it makes way');
        return order.do === 'back-out' ? { kind: 'backed-out' } : done;
      }, input);
      const status = rehearse ? 'SUCCEEDED' : 'FAILED';
      expect([refused.outcome?.status, takenBack.outcome?.status]).toEqual(['SUCCEEDED', status]);
      expect([told(refused), told(takenBack)]).toEqual([['open'], ['open', 'fence', 'back-out']]);
    },
  );

  it('calls nobody by a failed execution when a person stopped it, and it was taken back', async () => {
    const ran = await run((order) => {
      if (order.do === 'step' && order.step === 'scale') throw new StatesError('PlanStepError', 'stopped by jane');
      return order.do === 'back-out' ? { kind: 'backed-out', isStopped: true } : done;
    });
    expect(ran.outcome).toEqual({ status: 'SUCCEEDED', output: '{"verdict":"backed-out"}' });
  });

  it.each(['needs-person', 'unreachable'] as const)(
    'fails also as a rehearsal that leaves something behind: %s',
    async (how) => {
      const ran = await run(
        (order) => {
          if (order.do === 'open') return done;
          if (order.do === 'step' || how === 'unreachable') throw new StatesError('PlanStepError', '');
          return { kind: how };
        },
        { rehearse: true },
      );
      expect(ran.outcome).toMatchObject({ status: 'FAILED' });
    },
  );

  it('repeats what passes by itself before it gives up on a step', async () => {
    let tries = 0;
    const ran = await run((order) => {
      if (order.do === 'step' && order.step === 'fence' && ++tries < 4)
        throw new StatesError('Lambda.SdkClientException', '');
      return done;
    });
    expect(tries).toBe(4);
    expect(ran.outcome).toMatchObject({ status: 'SUCCEEDED' });
  });

  it('outlasts a quarter of an hour of failing calls on average, and more when it ends', async () => {
    const outage = async (failing: PlanOrder['do']) => {
      let tries = 0;
      const ran = await run((order) => {
        if (order.do === 'step' && order.step === 'scale' && failing === 'back-out')
          throw new StatesError('PlanStepError', '');
        if (order.do === failing && ++tries < 30) throw new StatesError('Lambda.TooManyRequestsException', '');
        return order.do === 'back-out' ? { kind: 'backed-out' } : done;
      });
      return ran.outcome;
    };
    for (const failing of ['open', 'step', 'close'] as const)
      expect(await outage(failing)).toMatchObject({ status: 'SUCCEEDED' });
    expect(await outage('back-out')).toMatchObject({ error: 'BackedOut' });
    type Tried = { Retry?: { MaxAttempts: number; MaxDelaySeconds: number }[] };
    const { States } = MACHINE as { States: Record<string, Tried> };
    const secondsOf = (name: string) => {
      const { MaxAttempts = 0, MaxDelaySeconds = 0 } = States[name]?.Retry?.[1] ?? {};
      return (MaxAttempts * MaxDelaySeconds) / 2;
    };
    expect(Math.min(secondsOf('Open'), secondsOf('fence: go on'))).toBeGreaterThan(900);
    expect(Math.min(secondsOf('Close'), secondsOf('Back out'))).toBeGreaterThan(3_600);
  });

  it('also backs out when the function died while it opened: it may have begun', async () => {
    const ran = await run((order) => {
      if (order.do === 'open') throw new StatesError('States.TaskFailed', '');
      return { kind: 'backed-out' };
    });
    expect(told(ran).at(-1)).toBe('back-out');
    expect(ran.outcome).toMatchObject({ error: 'BackedOut' });
  });

  it('ends with a call for a person when the function says that it can’t be taken back', async () => {
    const ran = await run((order) => {
      if (order.do === 'step' && order.step === 'switch') throw new StatesError('PlanStepError', '');
      return order.do === 'back-out' ? { kind: 'needs-person' } : done;
    });
    expect(ran.outcome).toMatchObject({ error: 'NeedsPerson' });
  });

  it('fails when it can’t be backed out at all, for the machine’s alarm to call somebody', async () => {
    const ran = await run((order) => {
      if (order.do === 'step' || order.do === 'back-out') throw new StatesError('States.TaskFailed', '');
      return done;
    });
    expect(ran.outcome).toMatchObject({ error: 'NotBackedOut' });
  });

  it.each(['fence', 'scale'])('does not ask for %s without end', async (endless) => {
    const ran = await run((order) => {
      if (order.do === 'step' && order.step === endless) return { kind: 'wait', seconds: 1 };
      return order.do === 'back-out' ? { kind: 'backed-out' } : done;
    });
    expect(ran.orders.filter((order) => order.do === 'step' && order.step === endless)).toHaveLength(500);
    expect(ran.orders.at(-1)).toMatchObject({ do: 'back-out', why: 'TooManyTurns' });
  });
});
