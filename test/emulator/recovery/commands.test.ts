/** `plans`, `recover`, `executions` and `stop` as a person types them, on the real journal; Step Functions is played. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { planCommands } from '../../../cli/commands/plans.ts';
import { main } from '../../../cli/main.ts';
import type { Machines } from '../../../cli/plans.ts';
import { executionsDocument, plansDocument } from '../../../events/published/plans.ts';
import { ActionFailedError } from '../../../functions/engine/errors.ts';
import { type EngineWorld, openEngineWorld } from '../../support/engine-world.ts';
import { Player } from '../../support/plan-player.ts';
import { LOCAL_PLACE, recorder } from '../../unit/cli/harness.ts';

let world: EngineWorld;
let plan: Player;
let count = 0;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());

const executions = new Map<string, string>();
let started: { readonly name: string; readonly input: object; readonly done: Promise<unknown> }[] = [];
let between: (step: string) => void | Promise<void> = () => {};
let deployed = true;
beforeEach(() => {
  plan = new Player(world, `typed-${count++}`);
  executions.clear();
  started = [];
  between = () => {};
  deployed = true;
});

/** An execution is RUNNING until the plan was played to its end. */
const machines: Machines = {
  isDeployed: async () => deployed,
  statusOf: async (_plan, name) => executions.get(name),
  start: async (_plan, name, input) => {
    executions.set(name, 'RUNNING');
    const played = plan.play(name, input, between).catch(() => 'refused');
    started.push({ name, input, done: played.then(() => executions.set(name, 'SUCCEEDED')) });
  },
};

async function type(...argv: string[]) {
  const io = recorder();
  const commands = planCommands({
    open: () => world.store,
    machines: () => machines,
    deployment: async () => ({ name: 'demo', config: world.config, manifests: [] }),
    person: async () => 'person:jane',
    plans: async () => [
      {
        manifest: plan.code.manifest,
        // The values of a command line are text.
        load: async () => ({ ...plan.code, readInput: (given) => plan.code.readInput(asNumbers(given)) }),
      },
    ],
    everyMs: 10,
  });
  const code = await main([...argv, '--yes'], io, { commands, find: async () => LOCAL_PLACE });
  await Promise.all(started.map(({ done }) => done));
  return { code, out: io.stdout, err: io.stderr.join('\n') };
}
const asNumbers = (given: unknown) =>
  Object.fromEntries(
    Object.entries(given as object).map(([key, value]) => [key, Number.isNaN(Number(value)) ? value : Number(value)]),
  );

const folder = mkdtempSync(join(tmpdir(), 'nightshift-recover-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const withInput = (input: unknown): string => {
  const file = join(folder, 'input.json');
  writeFileSync(file, JSON.stringify(input));
  return file;
};

describe('recover', () => {
  it('shows steps, targets and points of no return, starts the plan in the person’s name, and follows it to its end', async () => {
    const { code, out, err } = await type(
      'recover',
      plan.code.manifest.name,
      '--input',
      withInput({ to: 7 }),
      '--json',
    );
    expect(code).toBe(0);
    expect(err).toMatch(/1\. first \(100 s\): sets first; taken back: sets first back/);
    expect(err).toMatch(/targets: ecs-service\/orders\/typed-/);
    expect(err).toMatch(/no point of no return/);
    expect(err).toMatch(/last {2}done, .* of 100\.0 s: last is 7/);
    expect(started[0]?.input).toEqual({ to: 7, rehearse: false, startedBy: 'person:jane' });
    const [execution] = executionsDocument.parse(JSON.parse(out.at(-1) ?? '')).executions;
    expect(execution).toMatchObject({ verdict: 'recovered', startedBy: 'person:jane', run: started[0]?.name });
    expect(plan.numbers.last).toBe(7);
  });

  it('ends with exit code 1 and the reason when the plan was backed out', async () => {
    plan.hooks.before = (step) => {
      if (step === 'last') throw new ActionFailedError('it was refused');
    };
    const { code, err } = await type('recover', plan.code.manifest.name, '--input', withInput({ to: 7 }));
    expect(code).toBe(1);
    expect(err).toMatch(/backed-out: backed out: last: it was refused/);
  });

  it('rehearses, and changes nothing', async () => {
    const { code, out } = await type('recover', plan.code.manifest.name, '--input', withInput({ to: 7 }), '--rehearse');
    expect([code, plan.numbers.first]).toEqual([0, 0]);
    expect(out.join()).toMatch(/^rehearsed in/);
  });

  it.each<[string, string[], RegExp]>([
    ['an input that is wrong', ['to=many'], /input of typed-\d+ is wrong: to: expected a number/],
    ['what is no pair', ['many'], /"many": expected key=value/],
    ['both kinds of input', ['to=1', '--input', 'x.json'], /not both/],
    ['a file that is not there', ['--input', '/nowhere.json'], /--input \/nowhere\.json/],
  ])('refuses %s before anything is started', async (_what, words, why) => {
    const { code, err } = await type('recover', plan.code.manifest.name, ...words);
    expect([code, started]).toEqual([2, []]);
    expect(err).toMatch(why);
  });

  it('refuses a plan that is not there, or is not deployed', async () => {
    expect(await type('recover', 'nothing')).toMatchObject({ code: 2, err: expect.stringMatching(/there are typed-/) });
    deployed = false;
    const { code, err } = await type('recover', plan.code.manifest.name, '--input', withInput({ to: 7 }));
    expect([code, started]).toEqual([2, []]);
    expect(err).toMatch(/isn't deployed here/);
  });
});

describe('stop', () => {
  it('has a run backed out by an execution of its own when the first was aborted', async () => {
    const run = `${plan.code.manifest.name}-1`;
    await plan.ask({ do: 'open', run, input: { to: 7 } });
    await plan.ask({ do: 'step', run, step: 'first' });
    executions.set(run, 'ABORTED');
    const { code, err } = await type('stop', run, '--reason', 'it is the wrong service');
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(started.map(({ name }) => name)).toEqual([`${run}.2`]);
    expect(plan.numbers.first).toBe(0);
    expect((await plan.run(run))?.why).toBe('stopped by jane: it is the wrong service');
    expect((await type('stop', run)).code).toBe(2);
  });

  it('refuses what is no run', async () => {
    expect((await type('stop', 'something')).code).toBe(2);
    expect((await type('stop', `${plan.code.manifest.name}-9`)).code).toBe(2);
  });
});

describe('plans and executions', () => {
  it('list what is there, and what came of it, as data [D149]', async () => {
    const { name } = plan.code.manifest;
    expect((await type('executions')).out.join()).toMatch(/No recovery plan was started/);
    await type('recover', name, '--input', withInput({ to: 7 }));
    await type('recover', name, '--input', withInput({ to: 7 }), '--rehearse');
    const listed = executionsDocument.parse(JSON.parse((await type('executions', name, '--json')).out.at(-1) ?? ''));
    expect(listed.executions.map(({ verdict }) => verdict).sort()).toEqual(['recovered', 'rehearsed']);
    expect((await type('executions')).out.join('\n')).toMatch(/rehearsed \(rehearsal\)/);
    const { plans } = plansDocument.parse(JSON.parse((await type('plans', '--json')).out.at(-1) ?? ''));
    expect(plans).toMatchObject([
      { name, deployed: true, lastRun: { verdict: 'recovered' }, lastDrill: { verdict: 'rehearsed' } },
    ]);
    expect((await type('plans')).out.join('\n')).toMatch(/last run: .* recovered; last rehearsal: .* rehearsed/);
  });
});
