/** What one run of a schedule hands over, and what its dead-letter queue gets (EventBridge Scheduler user guide, "Context attributes", "Dead-letter queue"). */
import { randomUUID } from 'node:crypto';
import type { Gateway } from '../../gateway/gateway-types.ts';
import { parseArn, putEvent, sendToQueue } from '../../gateway/services.ts';
import { AwsFault, type LambdaInvoker } from '../../world/types.ts';
import type { DeliveryFailure } from '../eventbridge/delivery.ts';
import { handTo } from '../eventbridge/targets.ts';
import type { Schedule } from './schedules.ts';

export interface Run {
  readonly schedule: Schedule;
  readonly scheduledAt: Date;
  readonly executionId: string;
}

export const newRun = (schedule: Schedule, scheduledAt: Date): Run => ({
  schedule,
  scheduledAt,
  executionId: randomUUID(),
});

const wholeSeconds = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;

/** The input with its context attributes filled in; without an input, the event that says that it is time. */
export function inputOf(run: Run, attempt: number): string {
  const { schedule, scheduledAt, executionId } = run;
  const { Input } = schedule.input.Target;
  if (Input === undefined)
    return JSON.stringify({
      version: '0',
      id: executionId,
      'detail-type': 'Scheduled Event',
      source: 'aws.scheduler',
      account: parseArn(schedule.arn).account,
      time: wholeSeconds(scheduledAt),
      region: schedule.region,
      resources: [schedule.arn],
      detail: '{}',
    });
  return Input.replaceAll('<aws.scheduler.schedule-arn>', schedule.arn)
    .replaceAll('<aws.scheduler.scheduled-time>', wholeSeconds(scheduledAt))
    .replaceAll('<aws.scheduler.execution-id>', executionId)
    .replaceAll('<aws.scheduler.attempt-number>', String(attempt));
}

/** One attempt. @throws AwsFault, AwsCallError, UpstreamUnreachable. */
export async function fire(gateway: Gateway, lambda: LambdaInvoker, run: Run, attempt: number): Promise<void> {
  const { Target } = run.schedule.input;
  const { service, region, resource } = parseArn(Target.Arn);
  const input = inputOf(run, attempt);
  if (service === 'events') {
    const { EventBridgeParameters: parameters } = Target;
    if (!parameters)
      throw new AwsFault('ValidationException', `${run.schedule.arn}: EventBridgeParameters are missing`);
    return putEvent(gateway, region, {
      Source: parameters.Source,
      DetailType: parameters.DetailType,
      Detail: input,
      EventBusName: resource.replace(/^event-bus\//, ''),
    });
  }
  if (service === 'scheduler') return callUniversally(gateway, run.schedule, resource, input);
  return handTo(gateway, lambda, {
    arn: Target.Arn,
    input: service === 'lambda' && !isJson(input) ? JSON.stringify(input) : input,
    messageGroupId: Target.SqsParameters?.MessageGroupId,
    name: run.executionId,
  });
}

/** Universal targets by the name in their ARN ("Using universal targets in EventBridge Scheduler"), as far as they are used here. */
const UNIVERSAL: Readonly<Record<string, { readonly service: string; readonly target: string }>> = {
  'aws-sdk:cloudwatch:setAlarmState': { service: 'monitoring', target: 'GraniteServiceVersion20100801.SetAlarmState' },
};

/** @throws AwsFault for an API action that the local world doesn't know as a target. */
async function callUniversally(gateway: Gateway, schedule: Schedule, resource: string, input: string): Promise<void> {
  const known = UNIVERSAL[resource];
  if (!known)
    throw new AwsFault(
      'ValidationException',
      `${schedule.arn}: the local world calls ${Object.keys(UNIVERSAL).join(', ')} universally, not ${resource}`,
    );
  await gateway.ask({ ...known, region: schedule.region, body: JSON.parse(input) as unknown });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Sends what couldn't be delivered to the schedule's dead-letter queue; without one it is dropped, as on AWS. */
export async function toDeadLetter(gateway: Gateway, run: Run, failure: DeliveryFailure): Promise<void> {
  const { Target } = run.schedule.input;
  const queue = Target.DeadLetterConfig?.Arn;
  if (!queue) return;
  await sendToQueue(gateway, queue, {
    body: inputOf(run, failure.retryAttempts + 1),
    attributes: {
      SCHEDULE_ARN: run.schedule.arn,
      TARGET_ARN: Target.Arn,
      SCHEDULED_TIME: wholeSeconds(run.scheduledAt),
      EXECUTION_ID: run.executionId,
      ERROR_CODE: failure.errorCode,
      ERROR_MESSAGE: failure.errorMessage.slice(0, 1_000) || 'none',
      RETRY_ATTEMPTS: String(failure.retryAttempts),
      ...(failure.exhausted ? { EXHAUSTED_RETRY_CONDITION: failure.exhausted } : {}),
    },
  });
}
