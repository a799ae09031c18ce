/** Shapes on the wire of awsJson services, derived from the SDK's own types so that the compiler holds replies against them. */
import { faultReply, jsonReply } from '../../gateway/reply.ts';
import type { AwsCall, AwsReply } from '../../world/types.ts';
import { AwsFault } from '../../world/types.ts';

/** An SDK shape as awsJson carries it: timestamps are seconds since 1970 (AWS JSON protocols, timestamp format `epoch-seconds`). */
export type Wire<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends Date
    ? number
    : T extends readonly (infer E)[]
      ? Wire<E>[]
      : T extends object
        ? { [K in keyof T]: Wire<T[K]> }
        : T;

/** Seconds since 1970 with milliseconds, as awsJson carries a date. */
export const toWire = (date: Date): number => date.getTime() / 1000;

/**
 * A timestamp of a request.
 * @throws AwsFault `SerializationException` naming the field, when it is neither a number of seconds nor an ISO 8601 date.
 */
export function fromWire(field: string, value: unknown): Date {
  const date = new Date(typeof value === 'number' ? value * 1000 : typeof value === 'string' ? value : Number.NaN);
  if (Number.isNaN(date.getTime()))
    throw new AwsFault('SerializationException', `${field}: expected seconds since 1970 or an ISO 8601 date`);
  return date;
}

/** One API operation: takes the parsed call, returns the reply's body (`undefined` for an empty one). */
export type Operation = (call: AwsCall) => unknown;

/** Declares an operation by the SDK's input type; the members are checked where they are used, since callers may send anything. */
export const operation =
  <Input>(run: (input: Wire<Input>, call: AwsCall) => unknown): Operation =>
  (call) =>
    run(call.params as Wire<Input>, call);

/** Answers a call from a table of operations, in awsJson; faults become AWS's error shape. */
export async function answer(call: AwsCall, operations: Readonly<Record<string, Operation>>): Promise<AwsReply> {
  try {
    const run = Object.hasOwn(operations, call.operation) ? operations[call.operation] : undefined;
    if (!run || call.protocol !== 'json')
      throw new AwsFault(
        'UnknownOperationException',
        `${call.service}:${call.operation} by ${call.protocol} is not part of the local world; ` +
          `it knows ${Object.keys(operations).join(', ')} by AWS JSON`,
      );
    return jsonReply(call, (await run(call)) ?? {});
  } catch (error) {
    if (!(error instanceof AwsFault)) throw error;
    return faultReply(call, error);
  }
}
