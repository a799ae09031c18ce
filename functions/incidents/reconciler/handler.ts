/**
 * The reconciler: CloudWatch tells of a change of state once, and functions can die anywhere, so what is due is looked for on a schedule
 * ("level, not only edge", design section 1). It changes nothing of the customer's: it hands orders to the remediations.
 */
import { LambdaClient } from '@aws-sdk/client-lambda';
import type { SQSClient } from '@aws-sdk/client-sqs';
import middy from '@middy/core';
import type { Context as LambdaContext } from 'aws-lambda';
import { clientDefaults } from '../../engine/clients.ts';
import { runtimeConfig } from '../../engine/config.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import type { ExpectedJob } from '../../engine/job-head.ts';
import { log } from '../../engine/log.ts';
import { measure } from '../../engine/metrics.ts';
import { Store } from '../../engine/store.ts';
import { cloudwatchOfRegions } from '../regional-alarms.ts';
import { takeUpUnfollowed } from './follow.ts';
import { watchPlans } from './left-plans.ts';
import { watchJobs } from './overdue-jobs.ts';
import { type ReconcilerReport, reconcile } from './run.ts';
import {
  countFailures,
  giveSign,
  keepTrouble,
  readTrouble,
  reconcilerMeasures,
  sqsIn,
  troubleOf,
  whoStoppedFollowing,
} from './trouble.ts';

const cloudwatchIn = cloudwatchOfRegions();
const lambda = new LambdaClient(clientDefaults());
const handedOver = new Map<string, number>();
let queues: { readonly here: SQSClient; readonly standby: SQSClient } | undefined;

export const handler = middy<unknown, ReconcilerReport, Error, LambdaContext>().handler(async (_event, context) => {
  const config = runtimeConfig();
  queues ??= { here: sqsIn(config.region), standby: sqsIn(config.standbyRegion) };
  const urls = JSON.parse(requiredEnvironment('NIGHTSHIFT_FAILURE_QUEUES')) as string[];
  // Everything is read before anything starts: a run that fails for a missing name must not go on giving orders behind its failure.
  const functions = JSON.parse(requiredEnvironment('NIGHTSHIFT_FUNCTIONS')) as Record<string, string>;
  const expectedJobs = JSON.parse(process.env.NIGHTSHIFT_JOBS ?? '[]') as ExpectedJob[];
  const plans = JSON.parse(process.env.NIGHTSHIFT_PLANS ?? '[]') as string[];
  const streamArn = requiredEnvironment('NIGHTSHIFT_STREAM');
  const followThrough = requiredEnvironment('NIGHTSHIFT_FOLLOW_FUNCTION');
  const heartbeatQueue = requiredEnvironment('NIGHTSHIFT_HEARTBEAT_QUEUE');
  const store = new Store(requiredEnvironment('NIGHTSHIFT_TABLE'));
  const [work, failures, jobs, left, followers, unfollowed, last] = await Promise.allSettled([
    reconcile({
      store,
      cloudwatch: cloudwatchIn(config.region),
      cloudwatchIn,
      lambda,
      config,
      functions,
      now: Date.now,
      requestId: context.awsRequestId,
      remaining: () => context.getRemainingTimeInMillis(),
    }),
    countFailures(queues.here, urls),
    watchJobs(store, expectedJobs, Date.now()),
    watchPlans(store, plans, Date.now()),
    whoStoppedFollowing(lambda, streamArn),
    takeUpUnfollowed({ store, lambda, functionName: followThrough, now: Date.now, handedOver }),
    readTrouble(store),
  ]);
  const { due = 0, waitedSeconds = 0 } = work.status === 'fulfilled' ? work.value : {};
  const counted = failures.status === 'fulfilled' ? failures.value : 0;
  const stopped = followers.status === 'fulfilled' ? followers.value : [];
  for (const line of stopped) log('ERROR', line, {});
  const found = { failures: counted, stopped: stopped.length, due, waitedSeconds };
  const before = last.status === 'fulfilled' ? last.value : 0;
  measure(config.name, reconcilerMeasures(found, before, config));
  if (work.status === 'rejected') throw work.reason;
  if (failures.status === 'rejected') throw failures.reason;
  if (jobs.status === 'rejected') throw jobs.reason;
  if (left.status === 'rejected') throw left.reason;
  if (followers.status === 'rejected') throw followers.reason;
  if (unfollowed.status === 'rejected') throw unfollowed.reason;
  if (last.status === 'rejected') throw last.reason;
  log('INFO', 'reconciled', { ...work.value, failures: counted, takenUp: unfollowed.value });
  // The run that is under way gives its own.
  if (work.value.skipped) return work.value;
  const trouble = troubleOf(found, config);
  if (trouble !== before) await keepTrouble(store, trouble);
  await giveSign(queues.standby, heartbeatQueue).catch((error: unknown) =>
    log('ERROR', 'no sign of life could be given', { error: error instanceof Error ? error.message : String(error) }),
  );
  return work.value;
});
