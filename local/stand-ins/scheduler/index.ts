/**
 * EventBridge Scheduler: schedules are kept and run here, because the emulator knows neither time zones nor retries. Schedule groups stay in the
 * emulator. What it leaves out is in docs/local-world.md: flexible windows (it runs at their beginning), universal targets, tags.
 */
import type { Gateway } from '../../gateway/gateway-types.ts';
import { jsonReply } from '../../gateway/reply.ts';
import {
  type AwsCall,
  AwsFault,
  type AwsReply,
  type LambdaInvoker,
  type StandIn,
  type WorldContext,
} from '../../world/types.ts';
import { Deliveries } from '../eventbridge/delivery.ts';
import { nextTime } from './expression.ts';
import { fire, newRun, toDeadLetter } from './firing.ts';
import { describeSchedule, type Schedule, summariseSchedule, toSchedule } from './schedules.ts';

export interface LocalScheduler extends StandIn {
  /** When each enabled schedule runs next, by ARN. */
  upcoming(): ReadonlyMap<string, Date>;
  /** Runs a schedule now, beside its times. @throws Error when there is none of that ARN. */
  runNow(scheduleArn: string): void;
  stop(): void;
}

const DEFAULT_POLICY = { maximumRetryAttempts: 185, maximumEventAgeSeconds: 86_400 };
/** Node's timers can't wait longer; what is further off is looked at again. */
const LONGEST_TIMER_MS = 2_000_000_000;

/** Makes the Scheduler of `world` and registers it with the gateway; the world's stop ends its timers. */
export function createScheduler(world: WorldContext, gateway: Gateway, lambda: LambdaInvoker): LocalScheduler {
  const scheduler = new Scheduler(world, gateway, lambda);
  gateway.register(scheduler);
  world.onStop('schedules', () => scheduler.stop());
  return scheduler;
}

interface Armed {
  readonly schedule: Schedule;
  next?: Date;
  timer?: NodeJS.Timeout;
}

class Scheduler implements LocalScheduler {
  readonly services = ['scheduler'];
  readonly #world: WorldContext;
  readonly #gateway: Gateway;
  readonly #lambda: LambdaInvoker;
  readonly #deliveries: Deliveries;
  /** By ARN, which holds region, group and name. */
  readonly #armed = new Map<string, Armed>();

  constructor(world: WorldContext, gateway: Gateway, lambda: LambdaInvoker) {
    this.#world = world;
    this.#gateway = gateway;
    this.#lambda = lambda;
    this.#deliveries = new Deliveries(world);
  }

  async handle(call: AwsCall): Promise<AwsReply | undefined> {
    switch (call.operation) {
      case 'CreateSchedule':
        return this.#create(call);
      case 'UpdateSchedule':
        return this.#update(call);
      case 'GetSchedule':
        return jsonReply(call, describeSchedule(this.#find(call).schedule));
      case 'DeleteSchedule':
        this.#disarm(this.#find(call));
        return jsonReply(call, {});
      case 'ListSchedules':
        return this.#list(call);
      default:
        return undefined;
    }
  }

  upcoming(): ReadonlyMap<string, Date> {
    const known = [...this.#armed.values()].flatMap(({ schedule, next }) =>
      next ? [[schedule.arn, next] as const] : [],
    );
    return new Map(known);
  }

  runNow(scheduleArn: string): void {
    const armed = this.#armed.get(scheduleArn);
    if (!armed) throw new Error(`there is no schedule ${scheduleArn}`);
    this.#fire(armed.schedule, new Date());
  }

  stop(): void {
    for (const { timer } of this.#armed.values()) clearTimeout(timer);
    this.#deliveries.stop();
  }

  #create(call: AwsCall): AwsReply {
    const schedule = toSchedule(call.params, {
      region: call.region,
      account: this.#world.accountId,
      createdAt: new Date(),
    });
    if (this.#armed.has(schedule.arn))
      throw new AwsFault('ConflictException', `Schedule ${schedule.input.Name} already exists.`, 409);
    this.#arm(schedule);
    return jsonReply(call, { ScheduleArn: schedule.arn });
  }

  #update(call: AwsCall): AwsReply {
    const { createdAt } = this.#find(call).schedule;
    const schedule = toSchedule(call.params, { region: call.region, account: this.#world.accountId, createdAt });
    this.#disarm(this.#find(call));
    this.#arm(schedule);
    return jsonReply(call, { ScheduleArn: schedule.arn });
  }

  #list(call: AwsCall): AwsReply {
    const { NamePrefix, ScheduleGroup, State } = call.params;
    const chosen = [...this.#armed.values()].filter(
      ({ schedule: { region, input } }) =>
        region === call.region &&
        (NamePrefix === undefined || input.Name.startsWith(String(NamePrefix))) &&
        (ScheduleGroup === undefined || input.GroupName === ScheduleGroup) &&
        (State === undefined || input.State === State),
    );
    return jsonReply(call, { Schedules: chosen.map(({ schedule }) => summariseSchedule(schedule)) });
  }

  /** GetSchedule and DeleteSchedule carry the group as `groupName` in the query, UpdateSchedule as `GroupName` in the body. */
  #find(call: AwsCall): Armed {
    const { Name, GroupName, groupName } = call.params;
    const group = GroupName ?? groupName ?? 'default';
    const found = this.#armed.get(
      `arn:aws:scheduler:${call.region}:${this.#world.accountId}:schedule/${group}/${Name}`,
    );
    if (!found) throw new AwsFault('ResourceNotFoundException', `Schedule ${Name} does not exist.`, 404);
    return found;
  }

  #arm(schedule: Schedule): void {
    const armed: Armed = { schedule };
    this.#armed.set(schedule.arn, armed);
    if (schedule.input.State === 'ENABLED') this.#wait(armed, new Date());
  }

  #disarm(armed: Armed): void {
    clearTimeout(armed.timer);
    this.#armed.delete(armed.schedule.arn);
  }

  /** Waits for the first time after `after`. */
  #wait(armed: Armed, after: Date): void {
    const { schedule } = armed;
    const next = nextTime(schedule.expression, schedule.span, after, this.#world.timeScale);
    if (!next) {
      delete armed.next;
      if (schedule.input.ActionAfterCompletion === 'DELETE') this.#disarm(armed);
      return;
    }
    armed.next = next;
    const inMs = next.getTime() - Date.now();
    const isFar = inMs > LONGEST_TIMER_MS;
    armed.timer = setTimeout(
      () => {
        if (!isFar) this.#fire(schedule, next);
        // From now, not from `next`: after the machine slept, what was missed isn't caught up one by one.
        this.#wait(armed, isFar ? after : new Date(Math.max(next.getTime(), Date.now())));
      },
      Math.max(0, Math.min(inMs, LONGEST_TIMER_MS)),
    );
  }

  #fire(schedule: Schedule, scheduledAt: Date): void {
    const run = newRun(schedule, scheduledAt);
    const { RetryPolicy } = schedule.input.Target;
    const policy = {
      maximumRetryAttempts: RetryPolicy?.MaximumRetryAttempts ?? DEFAULT_POLICY.maximumRetryAttempts,
      maximumEventAgeSeconds: RetryPolicy?.MaximumEventAgeInSeconds ?? DEFAULT_POLICY.maximumEventAgeSeconds,
    };
    let attempt = 0;
    this.#deliveries.start(
      `schedule ${schedule.arn} to ${schedule.input.Target.Arn}`,
      policy,
      () => {
        attempt += 1;
        return fire(this.#gateway, this.#lambda, run, attempt);
      },
      (failure) => toDeadLetter(this.#gateway, run, failure),
    );
  }
}
