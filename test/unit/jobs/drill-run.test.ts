/** The job `drill` around a plan that is really taken turn by turn, on the model of the table; Step Functions and CloudWatch are played. */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import {
  type DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import { type HeadItem, headKey } from '../../../functions/engine/job-head.ts';
import { Store } from '../../../functions/engine/store.ts';
import { setSwitch } from '../../../functions/engine/switch.ts';
import { entryMaker, putEntry } from '../../../functions/engine/writes.ts';
import { job } from '../../../functions/jobs/drill/handler.ts';
import { takeTurn } from '../../../functions/jobs/run.ts';
import { readRuns } from '../../../functions/recovery/items.ts';
import { TableModel } from '../../simulation/table/table.ts';
import { config } from '../../support/fixtures.ts';
import { Player } from '../../support/plan-player.ts';

const RUN = { job: 'drill', subject: 'numbers' };
const drills = { numbers: { plan: 'tested', input: { to: 7 }, recheckAfterSeconds: 600 } };
let store: Store;
let plan: Player;
let now: number;
/** Executions by name: their state as Step Functions tells it. */
let executions: Map<string, string>;
/** What the plan's state machine does with an execution; none: nobody takes its turns. */
let machine: ((name: string, input: object) => Promise<unknown>) | undefined;

beforeEach(() => {
  const table = new TableModel();
  store = new Store('journal', { send: async (command: never) => table.execute(command) } as never);
  plan = new Player({ store, config }, 'tested');
  now = plan.clock;
  executions = new Map();
  machine = (name, input) => plan.play(name, input).catch(() => 'refused');
  process.env.NIGHTSHIFT_MACHINES = JSON.stringify({
    tested: 'arn:aws:states:us-east-1:1:stateMachine:nightshift-main-tested',
  });
  jest.spyOn(CloudWatchClient.prototype, 'send').mockImplementation(async () => ({ MetricAlarms: [] }) as never);
  jest.spyOn(SFNClient.prototype, 'send').mockImplementation((async (command: unknown) => {
    const about = { message: 'no', $metadata: {} };
    if (command instanceof StartExecutionCommand) {
      const { name = '', input = '{}' } = command.input;
      if (executions.has(name)) throw new ExecutionAlreadyExists(about);
      executions.set(name, 'RUNNING');
      const kind = await machine?.(name, JSON.parse(input));
      if (machine) executions.set(name, kind === 'done' ? 'SUCCEEDED' : 'FAILED');
      return {};
    }
    const name = (command as DescribeExecutionCommand).input.executionArn?.split(':').at(-1) ?? '';
    const status = executions.get(name);
    if (status === undefined) throw new ExecutionDoesNotExist(about);
    return { status };
  }) as never);
});
afterEach(() => {
  jest.restoreAllMocks();
  delete process.env.NIGHTSHIFT_MACHINES;
});

/** One run of the job, to its end. */
async function drill(
  scheduledAt: string,
  between: (note: string) => Promise<void> = async () => {},
  configured: RuntimeConfig['drills'] = drills,
) {
  const around = { store, config: { ...config, drills: configured }, now: () => now, remaining: () => 60_000 };
  for (let turns = 0; turns < 400; turns++) {
    const turn = await takeTurn(around, job, { ...RUN, scheduledAt });
    if (turn.kind === 'ended') return turn;
    await between(turn.note);
    now += turn.seconds * 1000;
    plan.clock = Math.max(plan.clock, now);
  }
  throw new Error('the drill never ends');
}
const at = (day: number) => new Date(Date.UTC(2026, 10, day, 10)).toISOString();
const head = async () => (await store.read(headKey(RUN))) as HeadItem | undefined;
const rehearsals = async () => (await readRuns(store, 'tested')).map(({ verdict }) => verdict);

it('rehearses the plan, changes nothing, and is told as a job that passed', async () => {
  now = Date.parse(at(3));
  expect(await drill(at(3))).toMatchObject({
    verdict: 'passed',
    summary: expect.stringMatching(/^tested took .* of 300/),
  });
  expect(plan.writes).toEqual({});
  expect(await rehearsals()).toEqual(['rehearsed']);
  expect(await head()).toMatchObject({ lastKind: 'passed' });
});

it.each<[string, object, boolean]>([
  ['runs a plan that is a chore, once nothing is red', { forReal: true }, false],
  ['only rehearses it without being told otherwise', {}, true],
])('%s', async (_what, more, rehearses) => {
  now = Date.parse(at(3));
  const inputs: Record<string, unknown>[] = [];
  process.env.NIGHTSHIFT_MACHINES = JSON.stringify({ 'secret-rotation': 'arn:aws:states:us-east-1:1:stateMachine:r' });
  plan = new Player({ store, config }, 'secret-rotation');
  machine = (name, input) => {
    inputs.push(input as Record<string, unknown>);
    return plan.play(name, input).catch(() => 'refused');
  };
  const rotation = { ...drills.numbers, plan: 'secret-rotation', ...more };
  expect(await drill(at(3), undefined, { numbers: rotation })).toMatchObject({ verdict: 'passed' });
  expect(inputs).toEqual([{ to: 7, rehearse: rehearses, startedBy: 'drill:numbers' }]);
  expect(Object.keys(plan.writes)).toHaveLength(rehearses ? 0 : 4);
});

describe('a drill that is for real', () => {
  const inputs: Record<string, unknown>[] = [];
  const rotation = { ...drills.numbers, plan: 'secret-rotation', forReal: true as const };
  beforeEach(() => {
    now = Date.parse(at(3));
    inputs.length = 0;
    process.env.NIGHTSHIFT_MACHINES = JSON.stringify({
      'secret-rotation': 'arn:aws:states:us-east-1:1:stateMachine:r',
    });
    plan = new Player({ store, config }, 'secret-rotation');
    machine = (name, input) => {
      inputs.push(input as Record<string, unknown>);
      return plan.play(name, input).catch(() => 'refused');
    };
  });

  it('looks again at what is red when its start comes later than it was decided', async () => {
    const entry = entryMaker('inc-1', 'test', now);
    const about = { title: 'sick', target: 'ecs-service/orders/backend', severity: 'P2' };
    const notes: string[] = [];
    await drill(
      at(3),
      async (note) => {
        notes.push(note);
        if (note === 'begins') await store.transact([putEntry('journal', entry('opened', 'sick', about))]);
        if (notes.length === 4) await store.transact([putEntry('journal', entry('resolved', 'well'))]);
      },
      { numbers: rotation },
    );
    expect(notes.slice(0, 3)).toEqual(['begins', ...Array(2).fill('nothing is run while P2 sick (inc-1) is open')]);
    expect(inputs).toHaveLength(1);
  });

  it('passes as a rehearsal when the configuration wants one by then', async () => {
    const configured: Record<string, (typeof drills)['numbers'] & { forReal?: true }> = { numbers: rotation };
    const between = async () => {
      configured.numbers = { ...drills.numbers, plan: 'secret-rotation' };
    };
    expect(await drill(at(3), between, configured)).toMatchObject({ verdict: 'passed' });
    expect(inputs).toMatchObject([{ rehearse: true }]);
  });
});

it('waits while an incident is open', async () => {
  now = Date.parse(at(3));
  const entry = entryMaker('inc-1', 'test', now);
  const about = { title: 'sick', target: 'ecs-service/orders/backend', severity: 'P2' };
  await store.transact([putEntry('journal', entry('opened', 'sick', about))]);
  const notes: string[] = [];
  await drill(at(3), async (note) => {
    notes.push(note);
    if (notes.length === 3) await store.transact([putEntry('journal', entry('resolved', 'well again'))]);
  });
  expect(notes.filter((note) => /nothing is rehearsed while P2 sick/.test(note))).toHaveLength(3);
  expect(await rehearsals()).toEqual(['rehearsed']);
});

it('waits while Nightshift is paused', async () => {
  now = Date.parse(at(3));
  await setSwitch(store, 'pause', 'person:jane', 'busy');
  let turns = 0;
  await drill(at(3), async () => {
    expect(turns < 5 ? executions.size : 0).toBe(0);
    if (++turns === 5) await setSwitch(store, 'run', 'person:jane', 'done');
  });
  expect(await rehearsals()).toEqual(['rehearsed']);
});

it('that fails opens an incident, and the next one that passes resolves it', async () => {
  now = Date.parse(at(3));
  plan.hooks.looking = async () => {
    throw new Error('the function died');
  };
  expect(await drill(at(3))).toMatchObject({ verdict: 'failed' });
  const incident = (await head())?.openIncidentId;
  expect(incident).toBeDefined();
  plan.hooks = {};
  now = Date.parse(at(10));
  expect(await drill(at(10))).toMatchObject({ verdict: 'passed' });
  expect((await head())?.openIncidentId).toBeUndefined();
});

it('begins again when its rehearsal made way for a real run', async () => {
  now = Date.parse(at(3));
  let real = true;
  machine = (name, input) =>
    plan
      .play(name, input, async (step) => {
        if (step !== 'last' || !real) return;
        real = false;
        const other = new Player({ store, config }, 'second');
        other.target = plan.target;
        await other.take({ do: 'open', run: 'real', input: { to: 7 } });
        after = () => other.play('real');
      })
      .catch(() => 'refused');
  let after: (() => Promise<unknown>) | undefined;
  expect(
    await drill(at(3), async (note) => {
      if (/made way/.test(note)) await after?.();
    }),
  ).toMatchObject({ verdict: 'passed' });
  expect((await rehearsals()).sort()).toEqual(['backed-out', 'rehearsed']);
});

it('whose rehearsal nobody goes on with has it taken back by another execution, and fails', async () => {
  now = Date.parse(at(3));
  const play = machine;
  machine = async (name, input) => {
    if (name.endsWith('.2')) return play?.(name, input);
    await plan.ask({ do: 'open', run: name, input });
    return 'aborted';
  };
  const hourLater = async () => {
    now += 3_600_000;
  };
  expect(await drill(at(3), hourLater)).toMatchObject({
    verdict: 'failed',
    summary: expect.stringMatching(/not done within/),
  });
  expect(await rehearsals()).toEqual(['backed-out']);
});
