/** State machines on a virtual clock, with tasks that the test answers. */
import { setImmediate as tick } from 'node:timers/promises';
import { parseDefinition } from '../../../local/stand-ins/step-functions/definition.ts';
import type { ExecutionRecord } from '../../../local/stand-ins/step-functions/execution-record.ts';
import { Executions } from '../../../local/stand-ins/step-functions/executions.ts';
import type { Port, TaskCall } from '../../../local/stand-ins/step-functions/frame.ts';
import type { Machine } from '../../../local/stand-ins/step-functions/machines.ts';
import { TaskTokens } from '../../../local/stand-ins/step-functions/tokens.ts';
import type { Json, MachineType } from '../../../local/stand-ins/step-functions/types.ts';
import type { AwsEvent, WorldContext } from '../../../local/world/types.ts';

interface Timer {
  readonly at: number;
  readonly resolve: () => void;
}

/** Waits end when nothing else is left to do; nobody really waits. */
export class VirtualClock {
  seconds = 0;
  #timers: Timer[] = [];

  readonly wait = (seconds: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const timer = { at: this.seconds + seconds, resolve };
      this.#timers.push(timer);
      signal.addEventListener('abort', () => {
        this.#timers = this.#timers.filter((each) => each !== timer);
        reject(signal.reason);
      });
    });

  #isBusy = false;

  readonly breathe = async (): Promise<void> => {
    this.#isBusy = true;
    await tick();
  };

  /** Lets everything run that can, without time passing. */
  async settle(): Promise<void> {
    do {
      this.#isBusy = false;
      for (let round = 0; round < 5; round += 1) await tick();
    } while (this.#isBusy);
  }

  /** Time passes until `done` resolves, whenever nothing else is left to do. @throws Error when nothing is waited for any more. */
  async until(done: Promise<unknown>): Promise<void> {
    let isDone = false;
    void done.then(() => {
      isDone = true;
    });
    for (let quiet = 0; !isDone; quiet = this.#isBusy ? 0 : quiet + 1) {
      if (quiet === 5) {
        this.#next();
        quiet = 0;
      }
      this.#isBusy = false;
      await tick();
    }
  }

  #next(): void {
    const [first] = this.#timers.toSorted((a, b) => a.at - b.at);
    if (!first) throw new Error('nothing is waited for, and it has not ended');
    this.#timers = this.#timers.filter((each) => each !== first);
    this.seconds = first.at;
    first.resolve();
  }
}

/** Answers a task, or throws a StatesError. */
export type Answer = (call: TaskCall, clock: VirtualClock, signal: AbortSignal) => Promise<Json> | Json;

export const INVOKE = 'arn:aws:states:::lambda:invoke';

export interface Stage {
  readonly clock: VirtualClock;
  readonly tokens: TaskTokens;
  readonly executions: Executions;
  readonly events: AwsEvent[];
  readonly calls: TaskCall[];
  /** Starts a machine and returns at once. */
  start(definition: object, input?: Json, options?: { name?: string; type?: MachineType }): ExecutionRecord;
  /** Starts a machine and lets time pass until it ended. */
  run(definition: object, input?: Json, type?: MachineType): Promise<ExecutionRecord>;
}

const machineOf = (definition: object, type: MachineType): Machine => {
  const definitionText = JSON.stringify({ QueryLanguage: 'JSONata', ...definition });
  return {
    arn: 'arn:aws:states:us-east-1:000000000000:stateMachine:tested',
    name: 'tested',
    region: 'us-east-1',
    type,
    roleArn: 'arn:aws:iam::000000000000:role/tested',
    definitionText,
    definition: parseDefinition(definitionText, type),
    createdAt: new Date(0),
    updatedAt: new Date(0),
    revisionId: 'r',
    loggingConfiguration: undefined,
    tracingConfiguration: undefined,
  };
};

export function stage(answer: Answer = () => null, options: { historyLimit?: number; random?: number } = {}): Stage {
  const clock = new VirtualClock();
  const tokens = new TaskTokens();
  const events: AwsEvent[] = [];
  const calls: TaskCall[] = [];
  const port: Port = {
    now: () => new Date(clock.seconds * 1_000),
    random: () => options.random ?? 0.5,
    breathe: clock.breathe,
    wait: clock.wait,
    call: async (call, signal) => {
      calls.push(call);
      return answer(call, clock, signal);
    },
    openToken: (executionArn) => tokens.open(executionArn),
  };
  const log: string[] = [];
  const world = { accountId: '000000000000', log: (_: string, line: string) => log.push(line) };
  const executions = new Executions({
    // Of a world, executions need the account and the log only.
    world: world as unknown as WorldContext,
    portOf: () => port,
    events: {
      publish: async (event) => {
        events.push(event);
        return { id: String(events.length) };
      },
    },
    ...(options.historyLimit ? { historyLimit: options.historyLimit } : {}),
  });
  const start: Stage['start'] = (definition, input = {}, { name, type = 'STANDARD' } = {}) =>
    executions.start(machineOf(definition, type), JSON.stringify(input), name);
  return {
    clock,
    tokens,
    executions,
    events,
    calls,
    start,
    async run(definition, input = {}, type = 'STANDARD') {
      const record = start(definition, input, { type });
      await clock.until(record.ended);
      return record;
    },
  };
}

/** A machine of one state, which ends. */
export const only = (state: object) => ({ StartAt: 'S', States: { S: { End: true, ...state } } });

/** The output of a machine that succeeds. @throws Error when it doesn't. */
export async function outputOf(definition: object, input: Json = {}, answer?: Answer): Promise<Json> {
  const { outcome } = await stage(answer).run(definition, input);
  if (outcome?.output === undefined) throw new Error(`${outcome?.status}: ${outcome?.error}: ${outcome?.cause}`);
  return JSON.parse(outcome.output) as Json;
}

export const typesOf = ({ history }: ExecutionRecord): string[] => history.events.map(({ type }) => type);
