/** `nightshift dlq`: what functions gave up on, why, and having them try again. */
import type { DlqDocument, FailuresDocument } from '../../events/published/dlq.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command, CommandContext, Options } from '../command.ts';
import { deploymentOf } from '../deployment.ts';
import type { FailureQueue, Failures, OpenFailures, Received } from '../failures.ts';
import { table } from '../io.ts';
import { type Place, placeOf } from '../place.ts';
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
  for (const { id, payload, receipt } of received) {
    if (payload === undefined) continue;
    await failures.invoke(queue.functionName, payload);
    await failures.remove(queue, receipt);
    redriven.add(id);
  }
  print(queue, received, place, options, context, redriven);
  const left = received.length - redriven.size;
  if (left > 0) context.io.err(`${left} messages hold no payload: they stay until SQS deletes them after 14 days`);
}

function print(
  { unit }: FailureQueue,
  received: readonly Received[],
  place: Place,
  { json }: Options,
  { io }: CommandContext,
  redriven?: ReadonlySet<string>,
): void {
  const found = received.map(({ id, at, reason, payload }) => ({
    id,
    at,
    reason,
    redrivable: payload !== undefined,
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
