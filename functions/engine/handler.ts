/** The Lambda entry of every remediation: reads the event or command, runs the protocol, logs the outcome. */

import { createHash } from 'node:crypto';
import middy from '@middy/core';
import type { Context as LambdaContext } from 'aws-lambda';
import { type Command, command } from '../../events/command.ts';
import type { Outcome } from '../../events/outcome.ts';
import { resume } from './action.ts';
import { handleResolved, settle } from './aftermath.ts';
import { type Protected, runtimeConfig } from './config.ts';
import { type Context, limitsOf } from './context.ts';
import { handBack } from './hand-back.ts';
import { logOutcome } from './log.ts';
import { look } from './look.ts';
import { entryMeasures, measure } from './metrics.ts';
import { handleFiring } from './protocol.ts';
import type { Remediation } from './remediation.ts';
import { readSignal } from './sources/index.ts';
import type { Rejection } from './sources/source.ts';
import { Store } from './store.ts';
import { undo } from './undo.ts';
import { putEvent } from './writes.ts';

/**
 * The handler of a remediation. It returns the outcome, or throws: nothing answers an error in its place, because Lambda would then
 * take the invocation for a success and not deliver the event again.
 */
export function remediationHandler<T extends Protected, O>(remediation: Remediation<T, O>) {
  let store: Store | undefined;
  return middy<unknown, Outcome, Error, LambdaContext>()
    .use(logOutcome(remediation.manifest.name))
    .handler(async (event, lambda) => {
      store ??= new Store(requiredEnvironment('NIGHTSHIFT_TABLE'), undefined, (entries) =>
        measure(runtimeConfig().name, entryMeasures(entries)),
      );
      return handle(event, {
        remediation,
        store,
        config: runtimeConfig(),
        now: Date.now,
        requestId: lambda.awsRequestId,
        remaining: () => lambda.getRemainingTimeInMillis(),
        random: Math.random,
      });
    });
}

/** Environment variable that the deployment sets. @throws Error naming it when it is missing. */
export function requiredEnvironment(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`environment variable ${name} is not set: deploy again`);
  return value;
}

/** One event or command to its outcome; apart from the Lambda entry, so that tests can call it with their own clock and store. */
export async function handle<T extends Protected, O>(event: unknown, context: Context<T, O>): Promise<Outcome> {
  if (isCommand(event)) return obey(context, command.parse(event));
  const signal = readSignal(event, context.remediation.manifest, context.config);
  if ('rejected' in signal) return reject(context, event, signal);
  if (limitsOf(context).mode === 'off') {
    return reject(context, event, {
      rejected: 'mode-off',
      detail: `${context.remediation.manifest.name} is switched off`,
      id: signal.id,
    });
  }
  return signal.state === 'firing' ? handleFiring(context, signal) : handleResolved(context, signal);
}

const isCommand = (event: unknown): boolean => typeof event === 'object' && event !== null && 'nightshift' in event;

async function obey<T extends Protected, O>(context: Context<T, O>, order: Command): Promise<Outcome> {
  switch (order.command) {
    case 'signal':
      return order.signal.state === 'firing'
        ? handleFiring(context, order.signal)
        : handleResolved(context, order.signal);
    case 'settle':
      return settle(context, order.target, order.alarms);
    case 'hand-back':
      return handBack(context, order.target);
    case 'undo':
      return undo(context, order.actionId);
    case 'resume':
      return resume(context, order.actionId);
    case 'look':
      return look(context, order.target);
    default:
      return order satisfies never;
  }
}

/** Bad input changes nothing and is accounted for in the journal, with what is left of it after trimming. */
async function reject<T extends Protected, O>(
  context: Context<T, O>,
  event: unknown,
  { rejected, detail, id }: Rejection,
): Promise<Outcome> {
  const outcome: Outcome = { kind: 'rejected', reason: rejected, detail };
  const { store, remediation, requestId } = context;
  const identity = id ?? `malformed-${createHash('sha256').update(safeJson(event)).digest('hex').slice(0, 32)}`;
  await store.transact([
    putEvent(store.table, remediation.manifest.name, identity, { requestId, status: 'done', outcome }, context.now()),
  ]);
  return outcome;
}

function safeJson(event: unknown): string {
  return JSON.stringify(event) ?? String(event);
}
