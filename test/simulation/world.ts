/** One simulated run: targets, alarms, Lambda, EventBridge, people and the reconciler around the engine, on virtual time, until nothing is left to happen. */
import type { TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import type { InvokeCommand } from '@aws-sdk/client-lambda';
import type { Mode, RuntimeConfig } from '../../functions/engine/config.ts';
import { EngineError } from '../../functions/engine/errors.ts';
import { handle } from '../../functions/engine/handler.ts';
import { duePartitions } from '../../functions/engine/items.ts';
import { type Surroundings as ReconcilerSurroundings, reconcile } from '../../functions/incidents/reconciler/run.ts';
import { type Alarm, Alarms, eventOf } from './alarms.ts';
import { use, VirtualClock } from './clock.ts';
import { configOf } from './config.ts';
import { unwatched } from './invariants.ts';
import { Invocation, type Surroundings } from './invocation.ts';
import { act, isPersons, type PersonsStep } from './people.ts';
import { type Random, randomOf } from './random.ts';
import { describeStep, type Fault, type Misdelivery, type Scenario, type Step } from './scenario.ts';
import { TableModel } from './table/table.ts';
import {
  LEAST,
  MOST,
  type NumberTarget,
  REMEDIATIONS,
  type RemediationName,
  remediationOf,
  type TargetApi,
} from './targets.ts';
import { Watch } from './watch.ts';

/** A changing call as the target saw it. */
export interface ChangeSeen {
  readonly target: string;
  /** The intents that were under way of that target. */
  readonly intents: readonly string[];
  /** It made a difference. */
  readonly isNew: boolean;
  /** A person may have put the value back in between. */
  readonly isUndoable: boolean;
}

export interface Delivery {
  readonly to: RemediationName;
  readonly payload: unknown;
  readonly requestId: string;
  attempts: number;
  /** Kind of the outcome; `given-up`: it stands in the failure queue. */
  outcome: string | undefined;
}

/** Lambda's waits before its retries of an asynchronous invocation ("Asynchronous invocation error handling", AWS Lambda Developer Guide). */
const RETRY_AFTER_MS = [60_000, 120_000];
const FUNCTION_TIMEOUT_MS = 30_000;
const RECONCILER_TIMEOUT_MS = 240_000;
/** After the last step of the scenario: alarms calm down, holds are handed back, hours of hands-off end. */
const HORIZON_MS = 3 * 3_600_000;
/** Runs are so far apart that all ids of one are later than those of the one before. */
const APART_MS = 48 * 3_600_000;
const EPOCH = Date.parse('2026-11-20T03:00:00.000Z');
const DUE_PARTITIONS = duePartitions();
const NEVER = Number.POSITIVE_INFINITY;
/** How long events take on their way, as often as they are delivered. */
const DELIVERED_AFTER_MS: Readonly<Record<Misdelivery | 'once', readonly number[]>> = {
  once: [50],
  lost: [],
  twice: [50, 50],
  'twice-later': [50, 400_000],
  late: [200_000],
  'very-late': [3_000_000],
};

export class World implements Surroundings {
  readonly scenario: Scenario;
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly table: TableModel;
  readonly watch: Watch;
  readonly targets: readonly NumberTarget[];
  readonly alarms: Alarms;
  readonly deliveries: Delivery[] = [];
  readonly changes: ChangeSeen[] = [];
  /** Faults that were met, and steps that were taken, by kind. */
  readonly met: string[] = [];
  /** Targets of which a person ended an incident, and those that a person changed. */
  readonly endedByPerson = new Set<string>();
  readonly changedByPerson = new Set<string>();
  entries = 0;
  incidents = 0;
  config: RuntimeConfig;
  /** What happened, for the trace of a failure. */
  readonly log: string[] | undefined;
  readonly #startedAt: number;
  readonly #endsAt: number;
  readonly #faults = new Map<number, Fault>();
  readonly #misdeliveries = new Map<number, Misdelivery>();
  #calls = 0;
  #events = 0;
  #lastReconciled: number;
  #isReconciling = false;
  #due = { version: -1, since: NEVER };

  /** @param number Of the run: runs of one process must have growing ones. */
  constructor(scenario: Scenario, number: number, options: { readonly log?: boolean } = {}) {
    this.scenario = scenario;
    this.#startedAt = EPOCH + number * APART_MS;
    this.#lastReconciled = this.#startedAt;
    this.clock = new VirtualClock(this.#startedAt);
    this.random = randomOf(scenario.seed ^ 0x5bd1e995);
    use(this.clock, this.random);
    this.log = options.log ? [] : undefined;
    this.config = configOf(scenario, scenario.mode);
    const now = () => this.clock.now;
    this.table = new TableModel({ now, indexLagMs: scenario.indexLagMs });
    this.watch = new Watch(this.table, now, (key) => this.#upstreamsOf(key)[0]);
    this.targets = Array.from({ length: scenario.targets }, (_, index) => newTarget(index));
    this.alarms = new Alarms(this.targets, this.clock, (alarm) => this.#told(alarm));
    this.#endsAt = this.#plan(scenario.steps) + HORIZON_MS;
  }

  /** @returns when the last step is over. */
  #plan(steps: readonly Step[]): number {
    let last = this.#startedAt;
    for (const step of steps) {
      if (step.kind === 'fault') this.#faults.set(step.call, step.fault);
      else if (step.kind === 'misdelivery') this.#misdeliveries.set(step.event, step.how);
      else {
        const at = this.#startedAt + step.at;
        last = Math.max(last, at + ('forMs' in step ? step.forMs : 0));
        this.clock.at(at, () => this.#take(step));
      }
    }
    return last;
  }

  /** Runs to the end. */
  async run(): Promise<void> {
    for (;;) {
      const next = this.clock.next ?? NEVER;
      const tick = this.#isReconciling ? NEVER : this.#nextReconciling();
      if (Math.min(next, tick) > this.#endsAt) return;
      if (tick <= next) this.clock.at(tick, () => void this.#reconcile());
      await this.clock.step();
    }
  }

  nextFault(what: string): Fault | undefined {
    const fault = this.#faults.get(this.#calls++);
    if (fault) {
      this.met.push(fault);
      this.note(`${fault}: ${what}`);
    }
    return fault;
  }

  note(text: string): void {
    this.log?.push(`${((this.clock.now - this.#startedAt) / 1000).toFixed(3)} s  ${text}`);
  }

  written({ input: { TransactItems = [] } }: TransactWriteItemsCommand): void {
    for (const { Put } of TransactItems) {
      const { pk, kind, status, attempt, summary } = Put?.Item ?? {};
      if (pk?.S?.startsWith('INCIDENT#')) {
        this.entries++;
        if (kind?.S === 'opened') this.incidents++;
        if (this.log) this.note(`${pk.S.slice(-4)} ${kind?.S}: ${summary?.S}`);
      } else if (pk?.S?.startsWith('ACTION#') && status?.S === 'intended' && attempt?.N === '1')
        this.watch.committed(Put?.Item ?? {}, TransactItems);
    }
  }

  #take(step: Exclude<Step, { kind: 'fault' | 'misdelivery' }>): void {
    this.note(describeStep(step));
    this.met.push(step.kind);
    if (isPersons(step)) this.#person(step);
    else if (step.kind === 'mode') this.config = configOf(this.scenario, step.mode);
    else {
      const target = this.targets[step.target];
      if (!target) return;
      if (step.kind === 'lie') this.alarms.lie(target, step.state, step.forMs);
      else this.#disturb(step, target);
    }
  }

  #disturb(
    step: Extract<Step, { kind: 'load' | 'ease' | 'stuck' | 'harmful' | 'by-hand' }>,
    target: NumberTarget,
  ): void {
    if (step.kind === 'load') target.load = Math.min(target.value + step.more, MOST + 4);
    if (step.kind === 'ease') target.load = LEAST;
    if (step.kind === 'stuck') target.stuck = true;
    if (step.kind === 'harmful') target.isHarmed = true;
    if (step.kind === 'by-hand') {
      target.value = step.value;
      this.changedByPerson.add(target.key);
    }
    this.alarms.touched(target);
  }

  #person(step: PersonsStep): void {
    const { store } = new Invocation(this, 'person', NEVER, () => {});
    const target = ('target' in step && this.targets[step.target]?.key) || '';
    if (step.kind === 'end') this.endedByPerson.add(target);
    const around = { store, table: this.table, watch: this.watch, target, now: Math.floor(this.clock.now) };
    act(step, around).catch((error: unknown) => this.#failed(`a person's ${step.kind}`, error));
  }

  /** Typed errors are part of the protocol; anything else, or a request that DynamoDB refuses, is a bug. */
  #failed(where: string, error: unknown): void {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.note(`${where} failed: ${text}`);
    if (!(error instanceof EngineError) || text.includes('ValidationException'))
      this.watch.violations.push(`unexpected error of ${where}: ${text}`);
  }

  /** CloudWatch tells EventBridge, and that the function. */
  #told(alarm: Alarm): void {
    this.note(`alarm ${alarm.name} is ${alarm.state}`);
    const how = this.#misdeliveries.get(this.#events);
    const event = eventOf(alarm, `event-${this.#startedAt}-${this.#events++}`);
    if (how) this.met.push(how);
    const first = this.config.ladders[alarm.runbook]?.rungs[0] as RemediationName;
    for (const afterMs of DELIVERED_AFTER_MS[how ?? 'once']) this.#deliver(first, event, afterMs);
  }

  #deliver(to: RemediationName, payload: unknown, afterMs: number): void {
    const requestId = `request-${this.deliveries.length}`;
    const delivery: Delivery = { to, payload, requestId, attempts: 0, outcome: undefined };
    this.deliveries.push(delivery);
    this.clock.at(this.clock.now + afterMs, () => this.#attempt(delivery));
  }

  #attempt(delivery: Delivery): void {
    const { to, payload, requestId } = delivery;
    const wait = RETRY_AFTER_MS[delivery.attempts++];
    const again = () => {
      if (wait === undefined) delivery.outcome = 'given-up';
      else this.clock.at(this.clock.now + wait, () => this.#attempt(delivery));
    };
    const invocation = new Invocation(this, requestId, FUNCTION_TIMEOUT_MS, () => {
      this.note(`${to} died (${requestId})`);
      again();
    });
    const { config } = this;
    const context = {
      remediation: remediationOf(
        to,
        (key) => this.targets.find((target) => target.key === key),
        ({ key }) => this.#upstreamsOf(key),
        this.#apiOf(invocation, config.runbooks[to]?.mode ?? 'off'),
      ),
      store: invocation.store,
      config,
      now: Date.now,
      requestId,
      remaining: invocation.remaining,
      random: this.random,
    };
    handle(payload, context).then(
      (outcome) => {
        delivery.outcome = outcome.kind;
        if (this.log) this.note(`${to}: ${JSON.stringify(outcome)}`);
      },
      (error: unknown) => {
        this.#failed(`${to} (${requestId})`, error);
        again();
      },
    );
  }

  readonly #upstreamsOf = (key: string): readonly string[] => {
    const [first, second] = this.targets;
    return this.scenario.dependent && key === first?.key && second ? [second.key] : [];
  };

  #apiOf(invocation: Invocation, mode: Mode): TargetApi {
    const change = (target: NumberTarget, what: string, apply: () => boolean) =>
      invocation.call(what, () => {
        const intents = this.watch.changed(target.key, mode);
        this.changes.push({ target: target.key, intents, isNew: apply(), isUndoable: what !== 'restart' });
        this.note(`${what} ${target.key}`);
        if (target.isHarmed) target.errorRate = Math.min(1, target.errorRate + 0.2);
        this.alarms.touched(target);
      });
    return {
      read: (target) => invocation.call('read target', () => ({ ...target })),
      setValue: (target, value) =>
        change(target, `set to ${value}`, () => {
          const isNew = target.value !== value;
          target.value = value;
          return isNew;
        }),
      restart: (target) =>
        change(target, 'restart', () => {
          target.restarts++;
          target.stuck = false;
          return true;
        }),
    };
  }

  /** When the reconciler next finds something to do: runs that would find nothing are left out. */
  #nextReconciling(): number {
    const due = this.#dueForReconciling();
    if (due === NEVER) return NEVER;
    const period = this.config.reconcileEverySeconds * 1000;
    const from = Math.max(due, this.#lastReconciled + 1, this.clock.now);
    return this.#startedAt + Math.ceil((from - this.#startedAt) / period) * period;
  }

  /** Since when there is something for the reconciler to find. Asked for at each step, so it is kept until the table or an alarm changes. */
  #dueForReconciling(): number {
    const version = this.table.version + this.alarms.version;
    if (version === this.#due.version) return this.#due.since;
    let due = NEVER;
    for (const partition of DUE_PARTITIONS)
      for (const item of this.table.inIndex('due', partition)) due = Math.min(due, Number(item.dueAt?.N));
    for (const { state, stateAt, arn } of this.alarms.all) {
      if (state !== 'ALARM') continue;
      const known = this.table.onlyItemOf(`ALARM#${arn}`);
      if (known?.state?.S !== 'ALARM')
        due = Math.min(due, Math.max(stateAt + 30_000, Number(known?.notOursUntil?.N ?? 0)));
    }
    this.#due = { version, since: due };
    return due;
  }

  async #reconcile(): Promise<void> {
    this.#isReconciling = true;
    this.#lastReconciled = this.clock.now;
    // While an event is being handled, or waits to be delivered again, its work may not be written yet.
    if (this.deliveries.every(({ outcome }) => outcome !== undefined)) this.watch.violations.push(...unwatched(this));
    const over = () => {
      this.#isReconciling = false;
    };
    const invocation = new Invocation(this, `run-${this.clock.now}`, RECONCILER_TIMEOUT_MS, over);
    const send = async ({ input }: InvokeCommand) => {
      this.#deliver(input.FunctionName as RemediationName, JSON.parse(String(input.Payload)), 30);
      return {};
    };
    try {
      await reconcile({
        store: invocation.store,
        cloudwatch: this.alarms.api(),
        cloudwatchIn: () => this.alarms.api(),
        lambda: { send } as unknown as ReconcilerSurroundings['lambda'],
        config: this.config,
        functions: Object.fromEntries(REMEDIATIONS.map((name) => [name, name])),
        now: Date.now,
        requestId: invocation.requestId,
        remaining: invocation.remaining,
      });
    } catch (error) {
      this.#failed('the reconciler', error);
    }
    over();
  }
}

const newTarget = (index: number): NumberTarget => ({
  severity: 'P2',
  key: `ecs-service/orders/t${index}`,
  value: LEAST,
  load: LEAST,
  stuck: false,
  restarts: 0,
  errorRate: 0,
  isHarmed: false,
});
