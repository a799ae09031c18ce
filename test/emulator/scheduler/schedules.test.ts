/** Schedules through the SDK: they run at their times, try again, and keep what they can't deliver. */

import {
  CreateScheduleCommand,
  type CreateScheduleCommandInput,
  DeleteScheduleCommand,
  GetScheduleCommand,
  ListSchedulesCommand,
  SchedulerClient,
  type Target,
} from '@aws-sdk/client-scheduler';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createScheduler, type LocalScheduler } from '../../../local/stand-ins/scheduler/index.ts';
import { eventually, makeFunction, makeQueue, nextMessage, type SmallWorld, smallWorld } from '../gateway/support.ts';

let small: SmallWorld;
let scheduler: LocalScheduler;
let client: SchedulerClient;

beforeAll(async () => {
  small = await smallWorld();
  scheduler = createScheduler(small.world, small.gateway, small.lambda);
  client = new SchedulerClient(small.client);
});
afterAll(() => small.stop());

const RoleArn = 'arn:aws:iam::000000000000:role/schedules';
type More = Omit<Partial<CreateScheduleCommandInput>, 'Target'> & { Target: Omit<Target, 'RoleArn'> };
const create = (Name: string, ScheduleExpression: string, more: More) =>
  client.send(
    new CreateScheduleCommand({
      Name,
      ScheduleExpression,
      FlexibleTimeWindow: { Mode: 'OFF' },
      ...more,
      Target: { ...more.Target, RoleArn },
    }),
  );
const inOneSecond = () => `at(${new Date(Date.now() + 1_500).toISOString().slice(0, 19)})`;

describe('a schedule', () => {
  it('runs again and again at a rate, which the world’s time scale shortens', async () => {
    const arn = await makeFunction(small, 'ticks', 'export const handler = async () => { console.log("tick"); };');
    // One minute at a thousandth: every 60 ms.
    await create('ticking', 'rate(1 minute)', { Target: { Arn: arn } });
    const ticks = async () => (await small.lambda.logs('ticks')).split('tick\n').length - 1;
    await eventually(async () => (await ticks()) >= 3, 'three ticks');
    await client.send(new DeleteScheduleCommand({ Name: 'ticking' }));
    expect(scheduler.upcoming().size).toBe(0);
  });

  it('runs once at its time in its time zone, with its context filled in, and is deleted if it says so', async () => {
    const queue = await makeQueue(small, 'once');
    const soon = new Date(Date.now() + 1_500);
    const local = new Intl.DateTimeFormat('sv-SE', {
      timeZone: 'Asia/Tokyo',
      dateStyle: 'short',
      timeStyle: 'medium',
    }).format(soon);
    const { ScheduleArn } = await create('once', `at(${local.replace(' ', 'T')})`, {
      ScheduleExpressionTimezone: 'Asia/Tokyo',
      ActionAfterCompletion: 'DELETE',
      Target: { Arn: queue.arn, Input: '{"by":"<aws.scheduler.schedule-arn>","at":"<aws.scheduler.scheduled-time>"}' },
    });
    const received = JSON.parse((await nextMessage(small, queue)).Body ?? '');
    expect(received).toEqual({ by: ScheduleArn, at: `${soon.toISOString().slice(0, 19)}Z` });
    await expect(client.send(new GetScheduleCommand({ Name: 'once' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  it('keeps what it can’t deliver in its dead-letter queue', async () => {
    const dead = await makeQueue(small, 'dead');
    const { ScheduleArn } = await create('lost', inOneSecond(), {
      Target: {
        Arn: 'arn:aws:lambda:us-east-1:000000000000:function:missing',
        Input: '{"n":1}',
        DeadLetterConfig: { Arn: dead.arn },
      },
    });
    const message = await nextMessage(small, dead);
    expect(message.Body).toBe('{"n":1}');
    expect(message.MessageAttributes?.SCHEDULE_ARN?.StringValue).toBe(ScheduleArn);
    expect(message.MessageAttributes?.ERROR_CODE?.StringValue).toBe('ResourceNotFoundException');
  });
});

describe('the API', () => {
  it('gives back what was made, by name and in the list', async () => {
    const target = { Arn: 'arn:aws:sqs:us-east-1:000000000000:q' };
    await create('kept', 'cron(0 3 ? * MON-FRI *)', {
      ScheduleExpressionTimezone: 'Europe/Paris',
      State: 'DISABLED',
      Target: target,
    });
    const got = await client.send(new GetScheduleCommand({ Name: 'kept' }));
    expect(got).toMatchObject({ ScheduleExpressionTimezone: 'Europe/Paris', State: 'DISABLED', GroupName: 'default' });
    expect(got.CreationDate).toBeInstanceOf(Date);
    const { Schedules } = await client.send(new ListSchedulesCommand({ NamePrefix: 'kept' }));
    expect(Schedules?.map(({ Name }) => Name)).toEqual(['kept']);
  });

  it.each([
    ['an unknown time zone', { ScheduleExpressionTimezone: 'Mars/Olympus' }, 'rate(1 hour)'],
    ['a malformed expression', {}, 'every day'],
  ])('refuses %s', async (_, more, expression) => {
    const made = create('refused', expression, { ...more, Target: { Arn: 'arn:aws:sqs:us-east-1:000000000000:q' } });
    await expect(made).rejects.toMatchObject({ name: 'ValidationException' });
  });

  it('refuses a second schedule of the same name', async () => {
    const target = { Target: { Arn: 'arn:aws:sqs:us-east-1:000000000000:q' }, State: 'DISABLED' as const };
    await create('twice', 'rate(1 hour)', target);
    await expect(create('twice', 'rate(1 hour)', target)).rejects.toMatchObject({ name: 'ConflictException' });
  });
});
