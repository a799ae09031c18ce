/** Schedules as they are made and kept (EventBridge Scheduler API reference, CreateSchedule, GetSchedule). */
import { z } from 'zod';
import { AwsFault } from '../../world/types.ts';
import { type Expression, parseExpression, type Span } from './expression.ts';

const ARN = z.string().regex(/^arn:/);
const RETRY_POLICY = z.object({
  MaximumRetryAttempts: z.int().min(0).max(185).optional(),
  MaximumEventAgeInSeconds: z.int().min(60).max(86_400).optional(),
});
const TARGET = z.object({
  Arn: ARN,
  RoleArn: ARN,
  Input: z.string().optional(),
  RetryPolicy: RETRY_POLICY.optional(),
  DeadLetterConfig: z.object({ Arn: ARN.optional() }).optional(),
  SqsParameters: z.object({ MessageGroupId: z.string().optional() }).optional(),
  EventBridgeParameters: z.object({ DetailType: z.string(), Source: z.string() }).optional(),
});
/** Dates come as seconds since 1970 from the SDK, as text from templates. */
const DATE = z.union([z.number().transform((seconds) => new Date(seconds * 1_000)), z.coerce.date()]);

const SCHEDULE = z.object({
  Name: z.string().regex(/^[0-9a-zA-Z-_.]{1,64}$/),
  GroupName: z.string().default('default'),
  Description: z.string().optional(),
  ScheduleExpression: z.string(),
  ScheduleExpressionTimezone: z.string().default('UTC'),
  FlexibleTimeWindow: z.object({ Mode: z.enum(['OFF', 'FLEXIBLE']), MaximumWindowInMinutes: z.int().optional() }),
  State: z.enum(['ENABLED', 'DISABLED']).default('ENABLED'),
  StartDate: DATE.optional(),
  EndDate: DATE.optional(),
  ActionAfterCompletion: z.enum(['NONE', 'DELETE']).default('NONE'),
  KmsKeyArn: z.string().optional(),
  Target: TARGET,
});

export type ScheduleInput = z.output<typeof SCHEDULE>;
export type ScheduleTarget = z.output<typeof TARGET>;

export interface Schedule {
  readonly arn: string;
  readonly region: string;
  readonly input: ScheduleInput;
  readonly expression: Expression;
  readonly span: Span;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
}

/**
 * Checks the parameters of CreateSchedule or UpdateSchedule.
 * @param createdAt when it was first made.
 * @throws AwsFault ValidationException naming every field that is wrong.
 */
export function toSchedule(
  params: Readonly<Record<string, unknown>>,
  where: { region: string; account: string; createdAt: Date },
): Schedule {
  const checked = SCHEDULE.safeParse(params);
  if (!checked.success) throw new AwsFault('ValidationException', z.prettifyError(checked.error));
  const input = checked.data;
  if (input.FlexibleTimeWindow.Mode === 'FLEXIBLE' && input.FlexibleTimeWindow.MaximumWindowInMinutes === undefined)
    throw new AwsFault('ValidationException', 'FlexibleTimeWindow FLEXIBLE needs MaximumWindowInMinutes.');
  const { createdAt } = where;
  return {
    arn: `arn:aws:scheduler:${where.region}:${where.account}:schedule/${input.GroupName}/${input.Name}`,
    region: where.region,
    input,
    expression: parsed(input),
    span: {
      createdAt,
      ...(input.StartDate ? { start: input.StartDate } : {}),
      ...(input.EndDate ? { end: input.EndDate } : {}),
    },
    createdAt,
    modifiedAt: new Date(),
  };
}

function parsed(input: ScheduleInput): Expression {
  try {
    return parseExpression(input.ScheduleExpression, input.ScheduleExpressionTimezone);
  } catch (error) {
    throw new AwsFault('ValidationException', error instanceof Error ? error.message : String(error));
  }
}

const seconds = (date: Date | undefined): number | undefined => date && date.getTime() / 1_000;

/** GetSchedule's answer. */
export function describeSchedule({ arn, input, createdAt, modifiedAt }: Schedule): Record<string, unknown> {
  const { StartDate, EndDate, ...rest } = input;
  return {
    ...rest,
    Arn: arn,
    CreationDate: seconds(createdAt),
    LastModificationDate: seconds(modifiedAt),
    StartDate: seconds(StartDate),
    EndDate: seconds(EndDate),
  };
}

/** One line of ListSchedules. */
export function summariseSchedule({ arn, input, createdAt, modifiedAt }: Schedule): Record<string, unknown> {
  return {
    Arn: arn,
    Name: input.Name,
    GroupName: input.GroupName,
    State: input.State,
    Target: { Arn: input.Target.Arn },
    CreationDate: seconds(createdAt),
    LastModificationDate: seconds(modifiedAt),
  };
}
