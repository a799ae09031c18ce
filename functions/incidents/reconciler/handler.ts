/**
 * The reconciler: CloudWatch tells of a change of state once, and functions can die anywhere, so what is due is looked for on a schedule
 * ("level, not only edge", design section 1). It changes nothing of the customer's: it hands orders to the remediations.
 */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { LambdaClient } from '@aws-sdk/client-lambda';
import middy from '@middy/core';
import type { Context as LambdaContext } from 'aws-lambda';
import { clientDefaults } from '../../engine/clients.ts';
import { runtimeConfig } from '../../engine/config.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import { log } from '../../engine/log.ts';
import { Store } from '../../engine/store.ts';
import { type ReconcilerReport, reconcile } from './run.ts';

const cloudwatch = new CloudWatchClient(clientDefaults());
const lambda = new LambdaClient(clientDefaults());

export const handler = middy<unknown, ReconcilerReport, Error, LambdaContext>().handler(async (_event, context) => {
  const report = await reconcile({
    store: new Store(requiredEnvironment('NIGHTSHIFT_TABLE')),
    cloudwatch,
    lambda,
    config: runtimeConfig(),
    functions: JSON.parse(requiredEnvironment('NIGHTSHIFT_FUNCTIONS')) as Record<string, string>,
    now: Date.now,
    requestId: context.awsRequestId,
    remaining: () => context.getRemainingTimeInMillis(),
  });
  log('INFO', 'reconciled', { ...report });
  return report;
});
