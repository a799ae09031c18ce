/** The Lambda entry of every plan: one turn of one run. */
import middy from '@middy/core';
import type { Context as LambdaContext } from 'aws-lambda';
import * as z from 'zod/mini';
import { runtimeConfig } from '../engine/config.ts';
import { requiredEnvironment } from '../engine/handler.ts';
import { log } from '../engine/log.ts';
import { Store } from '../engine/store.ts';
import type { Around, PlanCode } from './around.ts';
import { backOut } from './back-out.ts';
import { type PlanAnswer, type PlanOrder, runOf } from './order.ts';
import { close, open, step } from './run.ts';

/** What the state machine hands over; only it may invoke the function. */
const planOrder = z.discriminatedUnion('do', [
  z.object({ do: z.literal('open'), run: z.string(), input: z.unknown() }),
  z.object({ do: z.literal('step'), run: z.string(), step: z.string() }),
  z.object({ do: z.literal('back-out'), run: z.string(), why: z.string() }),
  z.object({ do: z.literal('close'), run: z.string() }),
]);

/** Takes one turn. Apart from the Lambda entry, so that tests can call it with their own clock and store. */
export function takeOrder<Input>(around: Around<Input>, order: PlanOrder): Promise<PlanAnswer> {
  const run = runOf(order.run);
  switch (order.do) {
    case 'open':
      return open(around, run, order.input);
    case 'step':
      return step(around, run, order.step);
    case 'back-out':
      return backOut(around, run, order.why);
    case 'close':
      return close(around, run);
    default:
      return order satisfies never;
  }
}

/** It answers, or throws: by the error's name the state machine knows whether to ask again. */
export function planHandler<Input>(code: PlanCode<Input>) {
  let store: Store | undefined;
  const { name } = code.manifest;
  return middy<unknown, PlanAnswer, Error, LambdaContext>()
    .onError(({ error }) => log('WARN', `${name}: ${error?.message ?? 'unknown error'}`, { error: error?.name }))
    .handler(async (event, lambda) => {
      store ??= new Store(requiredEnvironment('NIGHTSHIFT_TABLE'));
      const order = planOrder.parse(event) as PlanOrder;
      const around: Around<Input> = {
        code,
        store,
        config: runtimeConfig(),
        now: Date.now,
        random: Math.random,
        requestId: lambda.awsRequestId,
        remaining: () => lambda.getRemainingTimeInMillis(),
      };
      const answer = await takeOrder(around, order);
      log('INFO', `${name}: ${order.do}`, { run: order.run, answer });
      return answer;
    });
}
