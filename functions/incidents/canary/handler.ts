/** The canary's Lambda entry: the engine's own, but its outcomes aren't measured, because a metric that is always sent costs always. */
import middy from '@middy/core';
import type { Context as LambdaContext } from 'aws-lambda';
import type { Outcome } from '../../../events/outcome.ts';
import { runtimeConfig } from '../../engine/config.ts';
import { handle, requiredEnvironment } from '../../engine/handler.ts';
import { log } from '../../engine/log.ts';
import { Store } from '../../engine/store.ts';
import { canary, canaryConfig } from './canary.ts';

let store: Store | undefined;

export const handler = middy<unknown, Outcome, Error, LambdaContext>().handler(async (event, lambda) => {
  store ??= new Store(requiredEnvironment('NIGHTSHIFT_TABLE'));
  const outcome = await handle(event, {
    remediation: canary,
    store,
    config: canaryConfig(runtimeConfig()),
    now: Date.now,
    requestId: lambda.awsRequestId,
    remaining: () => lambda.getRemainingTimeInMillis(),
    random: Math.random,
  });
  log('INFO', `canary: ${outcome.kind}`, { requestId: lambda.awsRequestId, outcome });
  return outcome;
});
