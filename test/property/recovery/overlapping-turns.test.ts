/** Runs that are backed out while turns of other steps are still under way, in any order of what each of them does. */
import { setImmediate as later } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readTarget } from '../../../functions/engine/context.ts';
import { ActionFailedError, RetryableError } from '../../../functions/engine/errors.ts';
import { requestStop } from '../../../functions/engine/plan-stop.ts';
import { Store } from '../../../functions/engine/store.ts';
import { TableModel } from '../../simulation/table/table.ts';
import { config } from '../../support/fixtures.ts';
import { Player, STEPS } from '../../support/plan-player.ts';

const RUN = 'run-1';

/** Each number says for how many rounds of the event loop something is delayed; they are used one after the other. */
const delays = fc.array(fc.oneof(fc.nat(12), fc.nat(400)), { minLength: 8, maxLength: 40 });
const failure = fc.constantFrom('refused', 'answer lost', 'stopped', 'late') satisfies fc.Arbitrary<string>;

describe('a run that fails while turns are under way', () => {
  it('ends as it began, changes nothing once it is over, and gives back what it had in hand', async () => {
    await fc.assert(
      fc.asyncProperty(delays, fc.constantFrom(...STEPS), failure, async (rounds, failing, how) => {
        const table = new TableModel();
        const store = new Store('journal', { send: async (command: never) => table.execute(command) } as never);
        const plan = new Player({ store, config }, 'tested');
        plan.backOutAtOnce();
        let next = 0;
        const delayed = async () => {
          for (let left = rounds[next++ % rounds.length] ?? 0; left > 0; left--) await later();
        };
        plan.hooks = {
          looking: delayed,
          acting: async (step, way) => {
            await delayed();
            if (step !== failing || way !== 'forward') return;
            if (how === 'refused') throw new ActionFailedError('no');
            if (how === 'late') plan.clock += 101_000;
            if (how === 'stopped')
              await store.transact([
                requestStop(
                  'journal',
                  { plan: 'tested', run: RUN },
                  { by: 'person:jane', at: plan.clock, reason: 'no' },
                ),
              ]);
          },
          after: (step, way) => {
            if (step === failing && way === 'forward' && how === 'answer lost') throw new RetryableError('no answer');
          },
        };
        const kind = await plan.play(RUN);
        const run = await plan.run(RUN);
        // What was made, and only lost its answer, is found; a stop may come too late.
        const mayRecover = how === 'answer lost' || how === 'stopped';
        expect(mayRecover ? ['done', 'backed-out'] : ['backed-out']).toContain(kind);
        const wanted = kind === 'done' ? 7 : 0;
        expect(plan.numbers).toEqual(Object.fromEntries(STEPS.map((name) => [name, wanted])));
        expect(run).toMatchObject({ phase: 'ended', verdict: kind === 'done' ? 'recovered' : 'backed-out' });
        expect(await readTarget(store, plan.target)).not.toHaveProperty('leaseHolder');
        plan.hooks = {};
        expect(await new Player({ store, config }, 'tested').play('after')).toBe('done');
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
