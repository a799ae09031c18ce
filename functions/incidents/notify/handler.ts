/**
 * The notifier: takes events from Nightshift's bus and tells people. Nothing that protects depends on it: pages go by SNS without it, and alarms page
 * without any of our code (invariant I13).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import middy from '@middy/core';
import type { Context as LambdaContext } from 'aws-lambda';
import { deliveredEvent } from '../../../events/published/notification.ts';
import { deliveredReport, REPORT_DETAIL_TYPE } from '../../../events/published/report.ts';
import { clientDefaults } from '../../engine/clients.ts';
import { runtimeConfig } from '../../engine/config.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import { log } from '../../engine/log.ts';
import { Store } from '../../engine/store.ts';
import { Secrets } from '../secrets.ts';
import { notifyConfig } from './config.ts';
import { deliver, deliverReport, type NotifyContext, sendDigests } from './deliver.ts';
import { Deliveries } from './deliveries.ts';
import { sendingDefaults } from './send.ts';

/** What the schedule asks every minute. */
export const SEND_DIGESTS = 'send-digests';

/** Kept for the next invocation: clients, and secrets for some minutes. */
let kept: ReturnType<typeof makeParts> | undefined;

function makeParts() {
  const client = new DynamoDBClient(clientDefaults());
  const store = new Store(requiredEnvironment('NIGHTSHIFT_TABLE'), client);
  const config = notifyConfig();
  return { config, deliveries: new Deliveries(store, client), secrets: new Secrets(), ...sendingDefaults() };
}

function contextFor(lambda: LambdaContext): NotifyContext {
  kept ??= makeParts();
  const { config, deliveries, ...rest } = kept;
  const sending = {
    ...rest,
    fetch: globalThis.fetch,
    pause: sleep,
    random: Math.random,
    now: Date.now,
    remaining: () => lambda.getRemainingTimeInMillis(),
  };
  return {
    ...{ config, deliveries, sending, windows: runtimeConfig().windows },
    archiveBucket: process.env.NIGHTSHIFT_ARCHIVE_BUCKET,
  };
}

/** An event of the bus, or the schedule's order to send digests; anything else fails, and its failure queue keeps it. */
export async function handle(event: unknown, context: NotifyContext): Promise<unknown> {
  if (isOrder(event)) return sendDigests(context, context.config.deployment);
  if (isReport(event)) return deliverReport(deliveredReport.parse(event).detail, context);
  return deliver(deliveredEvent.parse(event), context);
}

const isReport = (event: unknown): boolean =>
  typeof event === 'object' && event !== null && 'detail-type' in event && event['detail-type'] === REPORT_DETAIL_TYPE;

const isOrder = (event: unknown): boolean =>
  typeof event === 'object' && event !== null && 'command' in event && event.command === SEND_DIGESTS;

export const handler = middy<unknown, unknown, Error, LambdaContext>()
  .onError(({ error }) => log('ERROR', `notify: ${error?.message ?? 'unknown error'}`, { error: error?.name }))
  .handler((event, lambda) => handle(event, contextFor(lambda)));
