/** What reached SNS, the bus and other functions: a call that a fault kept from taking effect isn't in here. */
import type { AwsCall } from '../../../local/world/types.ts';
import type { Observer } from '../observer.ts';

interface Order {
  readonly functionName: string;
  readonly payload: string;
}

export class Effects {
  readonly #messages: string[] = [];
  readonly #announced: string[] = [];
  readonly #orders: Order[] = [];
  #signs = 0;

  constructor(observer: Pick<Observer, 'onReached'>) {
    observer.onReached((call) => this.#note(call));
  }

  /** Messages published about something: its id is in them. */
  messages(about: string): string[] {
    return this.#messages.filter((text) => text.includes(about));
  }

  /** How often an entry was put on the bus, by its id. */
  announced(entryId: string): number {
    return this.#announced.filter((id) => id === entryId).length;
  }

  /** Payloads of asynchronous invocations that name something. */
  orders(functionName: string, about: string): string[] {
    return this.#orders
      .filter((order) => order.functionName === functionName && order.payload.includes(about))
      .map(({ payload }) => payload);
  }

  /** Signs of life given so far. */
  get signs(): number {
    return this.#signs;
  }

  #note({ service, operation, params, body, headers }: AwsCall): void {
    if (service === 'sns' && operation === 'Publish') this.#messages.push(String(params.Message));
    if (service === 'events' && operation === 'PutEvents') this.#announced.push(...entriesIn(params.Entries));
    if (service === 'sqs' && operation === 'SendMessage') this.#signs += 1;
    if (service === 'lambda' && operation === 'Invoke' && headers['x-amz-invocation-type'] === 'Event')
      this.#orders.push({ functionName: String(params.FunctionName), payload: body.toString('utf8') });
  }
}

const entriesIn = (entries: unknown): string[] =>
  (entries as readonly { Detail: string }[]).map(
    ({ Detail }) => (JSON.parse(Detail) as { entry: { id: string } }).entry.id,
  );
