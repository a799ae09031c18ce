import { describe, expect, it } from '@jest/globals';
import { choose } from '../../../local/scenarios/discover.ts';
import { type Audience, playAll } from '../../../local/scenarios/runner.ts';
import { expectThat, type Scenario } from '../../../local/scenarios/types.ts';
import { UsageError } from '../../../local/world/errors.ts';

type TestScenario = Scenario<string[]>;
const scenario = (name: string, more: Partial<TestScenario> = {}): TestScenario => ({
  name,
  groups: ['demo'],
  summary: name,
  rank: 1,
  targets: [],
  uses: ['a'],
  timeLimitMs: 5_000,
  run: async (world) => {
    world.push(name);
    return { answer: 42 };
  },
  ...more,
});
const silent: Audience<string[]> = { started: () => {}, step: () => {}, ended: () => {} };
const play = (scenarios: readonly TestScenario[], world: string[] = [], signal = new AbortController().signal) =>
  playAll(world, scenarios, silent, signal);

describe('playing scenarios', () => {
  it('reports figures of those that pass, in the order asked for', async () => {
    const results = await play([scenario('one'), scenario('two')]);
    expect(results).toEqual([
      { name: 'one', status: 'passed', figures: { answer: 42 } },
      { name: 'two', status: 'passed', figures: { answer: 42 } },
    ]);
  });

  it('plays no more at once than asked for, and all of them', async () => {
    let now = 0;
    let most = 0;
    const scenarios = ['a', 'b', 'c', 'd', 'e'].map((name) =>
      scenario(name, {
        uses: [name],
        run: async (_world, stage) => {
          now += 1;
          most = Math.max(most, now);
          await Promise.resolve();
          now -= 1;
          if (name === 'b') await stage.until('what never comes', () => undefined, { withinMs: 1 });
          return {};
        },
      }),
    );
    const results = await playAll([], scenarios, silent, new AbortController().signal, 2);
    expect(results.map(({ status }) => status)).toEqual(['passed', 'failed', 'passed', 'passed', 'passed']);
    expect(most).toBe(2);
  });

  it('tells the reason of a failure as a plain sentence, and goes on', async () => {
    const failing = scenario('one', { run: async () => expectThat(false, 'the count fell to 3, expected 2') as never });
    const results = await play([failing, scenario('two')]);
    expect(results[0]).toMatchObject({ status: 'failed', error: 'the count fell to 3, expected 2' });
    expect(results[1]).toMatchObject({ status: 'passed' });
  });

  it('names the kind of an error that is no expectation', async () => {
    const broken = scenario('one', {
      run: async () => {
        throw new RangeError('out of range');
      },
    });
    expect((await play([broken]))[0]?.error).toBe('RangeError: out of range');
  });

  it('ends a scenario at its time limit and restores what it changed', async () => {
    const world: string[] = [];
    const endless = scenario('endless', {
      timeLimitMs: 30,
      run: async (_world, stage) => {
        stage.restore('first', () => void world.push('restored first'));
        stage.restore('second', () => void world.push('restored second'));
        await stage.until('something that never happens', () => undefined, { everyMs: 5 });
        return {};
      },
    });
    const results = await play([endless], world);
    expect(results[0]).toMatchObject({ status: 'failed', error: 'not done within 0.03 s' });
    expect(world).toEqual(['restored second', 'restored first']);
  });

  it('says what it waited for and what it saw instead', async () => {
    const waiting = scenario('waiting', {
      run: async (_world, stage) => {
        await stage.until('3 tasks', () => undefined, { withinMs: 10, everyMs: 2, seen: () => '2 tasks' });
        return {};
      },
    });
    expect((await play([waiting]))[0]?.error).toBe('expected 3 tasks within 0.01 s, but saw 2 tasks');
  });

  it('fails and skips the followers on its targets, when it could not restore', async () => {
    const spoiling = scenario('spoiling', {
      run: async (_world, stage) => {
        stage.restore('the load', () => {
          throw new Error('gone');
        });
        return {};
      },
    });
    const results = await play([spoiling, scenario('same'), scenario('other', { uses: ['b'] })]);
    expect(results.map(({ status }) => status)).toEqual(['failed', 'skipped', 'passed']);
    expect(results[0]?.error).toContain('the load: Error: gone');
    expect(results[1]?.error).toContain('"spoiling" left');
  });

  it('never runs two at once that use the same target, and does run others meanwhile', async () => {
    const running = new Set<string>();
    let met = false;
    let clashed = false;
    const slow = (name: string, uses: readonly string[]) =>
      scenario(name, {
        uses,
        run: async () => {
          clashed ||= running.has(uses[0] ?? '');
          met ||= running.size > 0;
          running.add(uses[0] ?? '');
          await new Promise((next) => setTimeout(next, 10));
          running.delete(uses[0] ?? '');
          return {};
        },
      });
    await play([slow('a1', ['a']), slow('b1', ['b']), slow('a2', ['a']), slow('b2', ['b'])]);
    expect({ met, clashed }).toEqual({ met: true, clashed: false });
  });

  it('lets a scenario begin as soon as those before it are done with what it uses', async () => {
    const order: string[] = [];
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const first = scenario('first', {
      uses: ['a', 'b'],
      run: async (_world, stage) => {
        stage.doneWith('b');
        await released;
        order.push('first ends');
        return {};
      },
    });
    const second = scenario('second', {
      uses: ['b'],
      run: async () => {
        order.push('second plays');
        release();
        return {};
      },
    });
    const third = scenario('third', {
      uses: ['a'],
      run: async () => {
        order.push('third plays');
        return {};
      },
    });
    await play([first, second, third]);
    expect(order).toEqual(['second plays', 'first ends', 'third plays']);
  });

  it('skips what has not begun when the run is broken off', async () => {
    const off = new AbortController();
    const breaking = scenario('breaking', {
      run: async (_world, stage) => {
        off.abort(new Error('interrupted'));
        stage.signal.throwIfAborted();
        return {};
      },
    });
    const results = await play([breaking, scenario('next')], [], off.signal);
    expect(results.map(({ status }) => status)).toEqual(['failed', 'skipped']);
  });
});

describe('choosing scenarios', () => {
  const known = [
    scenario('one', { rank: 2 }),
    scenario('two', { groups: ['plans'] }),
    scenario('three', { groups: ['demo', 'plans'] }),
  ];

  it.each([
    [['demo'], ['three', 'one']],
    [
      ['plans', 'demo'],
      ['three', 'two', 'one'],
    ],
    [['all'], ['three', 'two', 'one']],
    [
      ['three', 'one', 'three'],
      ['three', 'one'],
    ],
  ])('%j means %j', (words, names) => {
    expect(choose(known, words).map(({ name }) => name)).toEqual(names);
  });

  it('names what there is when a word is unknown', () => {
    expect(() => choose(known, ['scale'])).toThrow(UsageError);
    expect(() => choose(known, ['scale'])).toThrow('the scenarios one, two, three and the groups demo, plans, all');
  });
});
