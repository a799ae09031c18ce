/** The events of one execution (API reference, "GetExecutionHistory", "HistoryEvent"). */
import { StatesError } from './errors.ts';
import type { Json } from './types.ts';

/** "Step Functions service quotas": a Standard execution with more events fails. */
export const MOST_EVENTS = 25_000;

export interface HistoryEvent {
  /** Counted from 1. */
  readonly id: number;
  /** The event it follows from; 0 for the first ones. */
  readonly previousEventId: number;
  readonly type: string;
  readonly timestamp: Date;
  /** `<name>EventDetails` with what it holds; many types have none. */
  readonly details?: readonly [name: string, values: Readonly<Record<string, unknown>>];
}

export interface Recorded {
  readonly type: string;
  readonly previousEventId: number;
  /** Key such as `stateEntered`, completed to `stateEnteredEventDetails`. */
  readonly details?: readonly [name: string, values: Readonly<Record<string, unknown>>];
}

export class History {
  readonly events: HistoryEvent[] = [];
  readonly #now: () => Date;
  readonly #limit: number;

  constructor(now: () => Date, limit = MOST_EVENTS) {
    this.#now = now;
    this.#limit = limit;
  }

  /**
   * Adds an event. @returns its id.
   * @throws StatesError States.Runtime when only the execution's own last event fits any more.
   */
  add(event: Recorded): number {
    if (this.events.length >= this.#limit - 1)
      throw new StatesError(
        'States.Runtime',
        `The execution reached the maximum number of history events (${this.#limit}).`,
      );
    return this.addLast(event);
  }

  /** As `add`, without the limit: how an execution ended is always told. */
  addLast({ type, previousEventId, details }: Recorded): number {
    const id = this.events.length + 1;
    this.events.push({ id, previousEventId, type, timestamp: this.#now(), ...(details ? { details } : {}) });
    return id;
  }
}

/** As the API gives it. */
export function describeEvent({ id, previousEventId, type, timestamp, details }: HistoryEvent, withData: boolean) {
  const values = details && (withData ? details[1] : withoutData(details[1]));
  return {
    id,
    previousEventId,
    type,
    timestamp: timestamp.getTime() / 1_000,
    ...(details ? { [`${details[0]}EventDetails`]: values } : {}),
  };
}

function withoutData(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kept = Object.entries(values).filter(([key]) => !/^(input|output|parameters)(Details)?$/.test(key));
  return Object.fromEntries(kept);
}

/** `input` or `output` as events carry them. */
export const inputDetails = (input: Json) => ({ input: JSON.stringify(input), inputDetails: { truncated: false } });
export const outputDetails = (output: Json) => ({
  output: JSON.stringify(output),
  outputDetails: { truncated: false },
});

/** Error and cause, each only where there is one. */
export const errorDetails = ({ error, causeText }: StatesError) => ({
  error,
  ...(causeText === undefined ? {} : { cause: causeText }),
});
