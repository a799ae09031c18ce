/**
 * The follow-through's function: the state machine asks it what comes next (`look`) and has it keep the token by which it is woken (`wait`); the
 * reconciler asks it to take up what nobody follows (`ensure`). It holds no state: everything is in the journal, so that executions which were started
 * by an older definition, and functions that died anywhere, go on.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SFNClient } from '@aws-sdk/client-sfn';
import middy from '@middy/core';
import type { Context as LambdaContext } from 'aws-lambda';
import * as z from 'zod/mini';
import { clientDefaults } from '../../engine/clients.ts';
import { runtimeConfig } from '../../engine/config.ts';
import { readFollowing } from '../../engine/following.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import { log } from '../../engine/log.ts';
import { measure } from '../../engine/metrics.ts';
import { Store } from '../../engine/store.ts';
import { cloudwatchOfRegions } from '../regional-alarms.ts';
import { completeWait, type Machine, startFollowing } from '../wake.ts';
import { BadRequestError } from './errors.ts';
import { type Around, beginToWait, type Looked, look } from './look.ts';
import { turnsIn } from './turns.ts';

const incidentId = z.string().check(z.regex(/^inc-[0-9A-Za-z-]{1,60}$/));
const generation = z.number().check(z.int(), z.nonnegative());

/** Version 1 of what the state machine sends: executions keep the definition that they were started with, so fields are only ever added. */
const request = z.discriminatedUnion('do', [
  z.object({ do: z.literal('look'), incidentId, generation, round: z.number() }),
  z.object({
    do: z.literal('wait'),
    incidentId,
    generation,
    token: z.string().check(z.minLength(1)),
    round: z.optional(z.number()),
    retry: z.optional(z.number()),
  }),
  z.object({ do: z.literal('ensure'), incidentId }),
]);

export interface FollowContext extends Around {
  readonly machine: Machine;
}

/**
 * Answers one request.
 * @returns for `look` what the state machine does next.
 * @throws BadRequestError for what it doesn't understand; another EngineError when something can't be reached.
 */
export async function handle(event: unknown, context: FollowContext): Promise<Looked | { readonly waits: boolean }> {
  const parsed = request.safeParse(event);
  if (!parsed.success)
    throw new BadRequestError(`the follow-through was asked what it doesn't know: ${parsed.error.message}`);
  const asked = parsed.data;
  switch (asked.do) {
    case 'look':
      return look(context, asked);
    case 'wait': {
      const waits = await beginToWait(context, asked);
      if (!waits) await completeWait(context.machine, asked.token, 'there is news already');
      return { waits };
    }
    case 'ensure':
      return ensure(context, asked.incidentId);
    default:
      return asked satisfies never;
  }
}

/** Names of executions that failed one after the other before they looked; more are left to the next time that it is late. */
const MOST_USED_UP = 20;

/** What is due is done at once, without Step Functions; then an execution of its own follows it on. */
async function ensure(context: FollowContext, id: string): Promise<Looked> {
  const asked = context.now();
  const item = await readFollowing(context.store, id);
  if (item?.endedAt !== undefined) return { next: 'end', seconds: 0 };
  const looked = await look(context, {
    incidentId: id,
    generation: item?.generation ?? 0,
    round: 0,
    isFromOutside: true,
  });
  if (looked.next === 'end') return looked;
  // Where nobody looked in time, an execution that is there already has failed before it had looked: its name is used up.
  const isLate = item?.dueAt === undefined || item.dueAt <= asked;
  const first = item ? item.generation + 1 : 0;
  for (let generation = first; generation <= first + (isLate ? MOST_USED_UP : 0); generation++)
    if (await startFollowing(context.machine, id, generation)) break;
  return looked;
}

let context: FollowContext | undefined;

export const handler = middy<unknown, unknown, Error, LambdaContext>()
  .onError(({ error }) => log('ERROR', `follow-through: ${error?.message ?? 'unknown error'}`, { error: error?.name }))
  .handler((event) => {
    context ??= contextOf(new DynamoDBClient(clientDefaults()));
    return handle(event, context);
  });

function contextOf(dynamodb: DynamoDBClient): FollowContext {
  const table = requiredEnvironment('NIGHTSHIFT_TABLE');
  const config = runtimeConfig();
  return {
    store: new Store(table, dynamodb),
    cloudwatchIn: cloudwatchOfRegions(),
    lambda: new LambdaClient(clientDefaults()),
    functions: JSON.parse(requiredEnvironment('NIGHTSHIFT_FUNCTIONS')) as Record<string, string>,
    config,
    machine: { sfn: new SFNClient(clientDefaults()), arn: requiredEnvironment('NIGHTSHIFT_FOLLOW_MACHINE_ARN') },
    now: Date.now,
    takeTurn: turnsIn(dynamodb, table, config.fleet.describesPerSecond),
    measured: (measures) => measure(config.name, measures),
  };
}
