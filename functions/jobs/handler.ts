/** The Lambda entry of every job: one turn of one run. */
import middy from '@middy/core';
import type { Context as LambdaContext } from 'aws-lambda';
import * as z from 'zod/mini';
import { runtimeConfig } from '../engine/config.ts';
import { requiredEnvironment } from '../engine/handler.ts';
import { log } from '../engine/log.ts';
import { type Measure, measure } from '../engine/metrics.ts';
import type { Json } from '../engine/remediation.ts';
import { Store } from '../engine/store.ts';
import type { Job } from './job.ts';
import { type Turn, takeTurn } from './run.ts';

/** What the state machine hands over; only it may invoke the function. */
export const turnOrder = z.object({
  job: z.string(),
  subject: z.string(),
  scheduledAt: z.iso.datetime({ offset: true }),
  startedBy: z.optional(z.string()),
  broken: z.optional(z.string()),
  wanted: z.optional(z.string()),
});

/** By subject, as the deployment's schedules ask. */
const overdueTimes = z.record(z.string(), z.number());

/** It returns the turn, or throws: the state machine then tries again, and at the end says that the run is broken. */
export function jobHandler<State extends Json>(job: Job<State>) {
  let store: Store | undefined;
  return middy<unknown, Turn, Error, LambdaContext>().handler(async (event, lambda) => {
    store ??= new Store(requiredEnvironment('NIGHTSHIFT_TABLE'));
    const order = turnOrder.parse(event);
    if (order.job !== job.manifest.name)
      throw new Error(`${job.manifest.name}: was given a run of ${order.job}: deploy again`);
    const turn = await takeTurn(
      {
        store,
        config: runtimeConfig(),
        now: Date.now,
        remaining: () => lambda.getRemainingTimeInMillis(),
        overdueAfterSeconds: overdueTimes.parse(JSON.parse(process.env.NIGHTSHIFT_OVERDUE_AFTER_SECONDS ?? '{}')),
      },
      job,
      order,
    );
    log('INFO', `${job.manifest.name}: ${turn.kind}`, { subject: order.subject, scheduledAt: order.scheduledAt, turn });
    measure(runtimeConfig().name, turnMeasures(order, turn, Date.now()));
    return turn;
  });
}

/** What a turn amounts to: nothing until the run has ended. Pure. @param now epoch milliseconds. */
export function turnMeasures(
  { job, scheduledAt }: { readonly job: string; readonly scheduledAt: string },
  turn: Turn,
  now: number,
): Measure[] {
  if (turn.kind !== 'ended') return [];
  return [
    { name: 'JobRuns', value: 1, dimensions: { Job: job, Verdict: turn.verdict } },
    { name: 'JobAge', value: Math.max(0, (now - Date.parse(scheduledAt)) / 1000), dimensions: { Job: job } },
  ];
}
