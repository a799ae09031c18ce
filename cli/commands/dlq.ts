/** `nightshift dlq`: what functions gave up on, why, and having them try again. */
import type { DlqDocument, FailuresDocument } from '../../events/published/dlq.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command, CommandContext, Options } from '../command.ts';
import { deploymentOf } from '../deployment.ts';
import type { Failure, FailureQueue, Failures, OpenFailures, Received } from '../failures.ts';
import { table } from '../io.ts';
import { type Place, placeOf } from '../place.ts';
import { eventsOf } from '../stream-failures.ts';
import { clock } from './incidents.ts';

/** Messages that one command looks at. */
const LIMIT = 100;
/** While they are redriven, nobody else receives them; what is left comes back after that. */
const HIDE_SECONDS = 120;

export const dlq = (open: OpenFailures): Command => ({
  name: 'dlq',
  usage: 'dlq list | dlq show <function> | dlq redrive <function>',
  summary: 'Shows what functions gave up on and why, or has them try again.',
  run: async ([word, unit, ...more], options, context) => {
    const known = word === 'list' ? unit === undefined : (word === 'show' || word === 'redrive') && unit !== undefined;
    if (!known || more.length > 0)
      throw new UsageError('expected "dlq list", "dlq show <function>" or "dlq redrive <function>"');
    const place = await context.place();
    const failures = open(place, deploymentOf(place));
    try {
      const queues = await failures.queues();
      if (unit === undefined) return list(queues, place, options, context);
      const queue = queues.find((each) => each.unit === unit || each.functionName === unit);
      if (!queue)
        throw new UsageError(`no failure queue of "${unit}"; there are ${queues.map((each) => each.unit).join(', ')}`);
      if (word === 'show') print(queue, await failures.receive(queue, 0, LIMIT), place, options, context);
      else await redrive(failures, queue, place, options, context);
    } finally {
      failures.destroy();
    }
  },
});

function list(queues: readonly FailureQueue[], place: Place, { json }: Options, { io }: CommandContext): void {
  if (json) {
    const found = queues.map(({ unit, messages }) => ({ function: unit, messages }));
    io.out(JSON.stringify({ version: 1, place: placeOf(place), queues: found } satisfies DlqDocument));
    return;
  }
  const rows = queues.map(({ unit, messages }) => [unit, String(messages)]);
  for (const line of table([['function', 'messages'], ...rows])) io.out(line);
}

/**
 * Invoked first and deleted then: should this be broken off between the two, the message is redriven twice, and the engine knows an event that it has
 * seen. The other way round it would be lost.
 */
async function redrive(
  failures: Failures,
  queue: FailureQueue,
  place: Place,
  options: Options,
  context: CommandContext,
): Promise<void> {
  await context.confirm(
    `invoke ${queue.functionName} again with what it gave up on (about ${queue.messages} messages)`,
  );
  const received = await failures.receive(queue, HIDE_SECONDS, LIMIT);
  const redriven = new Set<string>();
  const left: string[] = [];
  const told = new Set<string>();
  for (const failure of received) {
    const why = await again(failures, queue, failure, told);
    if (why !== undefined) {
      left.push(`message ${failure.id} stays, until SQS deletes it after 14 days: ${why}`);
      continue;
    }
    await failures.remove(queue, failure.receipt);
    redriven.add(failure.id);
  }
  print(queue, received, place, options, context, redriven);
  for (const line of left) context.io.err(line);
}

/**
 * Has the function try again.
 * @param told Ids of the entries that it took already: a batch is cut up before it is given up on, and the times of its parts overlap.
 * @returns why it didn't, or couldn't.
 */
async function again(
  failures: Failures,
  { functionName }: FailureQueue,
  { payload, batch }: Failure,
  told: Set<string>,
): Promise<string | undefined> {
  if (payload !== undefined) return void (await failures.invoke(functionName, payload));
  if (!batch) return 'it holds no payload';
  const entries = await failures.written(batch);
  if (entries.length === 0) return 'the journal holds nothing that was written then';
  const untold = entries.filter(({ id }) => !told.has(id));
  for (const event of eventsOf(untold)) {
    const why = await failures.tell(functionName, event);
    if (why !== undefined) return why;
  }
  for (const { id } of untold) told.add(id);
  return undefined;
}

function print(
  { unit }: FailureQueue,
  received: readonly Received[],
  place: Place,
  { json }: Options,
  { io }: CommandContext,
  redriven?: ReadonlySet<string>,
): void {
  const found = received.map(({ id, at, reason, payload, batch }) => ({
    id,
    at,
    reason,
    redrivable: payload !== undefined || batch !== undefined,
    ...(redriven && { redriven: redriven.has(id) }),
  }));
  if (json) {
    const document: FailuresDocument = { version: 1, place: placeOf(place), function: unit, failures: found };
    io.out(JSON.stringify(document));
    return;
  }
  if (found.length === 0) io.out(`${unit} gave up on nothing`);
  const state = (each: (typeof found)[number]) =>
    each.redriven ? 'redriven' : each.redrivable ? 'can be redriven' : 'no payload';
  for (const line of table(found.map((each) => [clock(each.at), state(each), each.reason]))) io.out(line);
}
