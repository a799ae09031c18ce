/** The form of machines and states in JSONata ("Amazon States Language", pages of the state types). Unknown fields are refused, as AWS does. */
import { z } from 'zod';
import { expressionIn } from './expressions.ts';

const EXPRESSION = z.string().refine((text) => expressionIn(text) !== undefined, 'Expected an expression {% ... %}');
const ANY = z.unknown().optional();
const OBJECT = z.record(z.string(), z.unknown());
const VARIABLE = /^[\p{ID_Start}_][\p{ID_Continue}]{0,79}$/u;
const ASSIGN = z.record(
  z
    .string()
    .regex(VARIABLE, 'Not a valid variable name')
    .refine((name) => name !== 'states', "The variable name 'states' is reserved"),
  z.unknown(),
);
const wholeNumber = (min: number, max: number) => z.union([z.int().min(min).max(max), EXPRESSION]);
const LONGEST_SECONDS = 99_999_999;

const COMMON = { Comment: z.string().optional(), QueryLanguage: z.enum(['JSONata', 'JSONPath']).optional() };
const OUTPUTS = { Output: ANY, Assign: ASSIGN.optional() };
const GOING = { Next: z.string().optional(), End: z.boolean().optional() };

const ERRORS = z
  .array(z.string())
  .min(1)
  .refine(
    (names) => names.length === 1 || !names.includes('States.ALL'),
    'States.ALL has to stand alone in ErrorEquals',
  );
/** The catch-all comes last: what stands behind it would never be asked. */
const lastCatchesAll = (list: readonly { ErrorEquals: readonly string[] }[]) =>
  list.every(({ ErrorEquals }, index) => !ErrorEquals.includes('States.ALL') || index === list.length - 1);
const LAST = 'States.ALL may only be in the last entry';

const RETRY = z
  .array(
    z
      .strictObject({
        Comment: z.string().optional(),
        ErrorEquals: ERRORS,
        IntervalSeconds: z.int().min(1).max(LONGEST_SECONDS).optional(),
        MaxAttempts: z.int().min(0).max(LONGEST_SECONDS).optional(),
        BackoffRate: z.number().min(1).optional(),
        MaxDelaySeconds: z.int().min(1).max(31_622_399).optional(),
        JitterStrategy: z.enum(['FULL', 'NONE']).optional(),
      })
      .refine(
        ({ MaxDelaySeconds, IntervalSeconds = 1 }) =>
          MaxDelaySeconds === undefined || MaxDelaySeconds > IntervalSeconds,
        'MaxDelaySeconds has to be greater than IntervalSeconds',
      ),
  )
  .refine(lastCatchesAll, LAST);
const CATCH = z
  .array(z.strictObject({ Comment: z.string().optional(), ErrorEquals: ERRORS, Next: z.string(), ...OUTPUTS }))
  .refine(lastCatchesAll, LAST);
const HANDLING = { ...COMMON, ...OUTPUTS, ...GOING, Retry: RETRY.optional(), Catch: CATCH.optional() };

const ARGUMENTS = z.union([OBJECT, EXPRESSION]).optional();
const SECONDS = wholeNumber(1, LONGEST_SECONDS).optional();

const TASK = z
  .strictObject({
    ...HANDLING,
    Type: z.literal('Task'),
    Resource: z.string(),
    Arguments: ARGUMENTS,
    TimeoutSeconds: SECONDS,
    HeartbeatSeconds: SECONDS,
  })
  .refine(
    ({ TimeoutSeconds: timeout, HeartbeatSeconds: heartbeat }) =>
      typeof timeout !== 'number' || typeof heartbeat !== 'number' || heartbeat < timeout,
    'HeartbeatSeconds has to be smaller than TimeoutSeconds',
  );

const WAIT = z
  .strictObject({
    ...COMMON,
    ...OUTPUTS,
    ...GOING,
    Type: z.literal('Wait'),
    Seconds: wholeNumber(0, LONGEST_SECONDS).optional(),
    Timestamp: z.string().optional(),
  })
  .refine(
    ({ Seconds, Timestamp }) => (Seconds === undefined) !== (Timestamp === undefined),
    "Exactly one of 'Seconds' and 'Timestamp' is required",
  );

const CHOICE = z.strictObject({
  ...COMMON,
  ...OUTPUTS,
  Type: z.literal('Choice'),
  Choices: z
    .array(
      z.strictObject({
        Comment: z.string().optional(),
        Condition: z.union([z.boolean(), EXPRESSION]),
        Next: z.string(),
        ...OUTPUTS,
      }),
    )
    .min(1),
  Default: z.string().optional(),
});

/** A processor's mode: what AWS documents for Distributed mode only is refused, it isn't run here. */
const PROCESSOR = z.looseObject({
  ProcessorConfig: z
    .strictObject({ Mode: z.literal('INLINE', 'The local world runs Maps in INLINE mode only').optional() })
    .optional(),
});

const MAP = z.strictObject({
  ...HANDLING,
  Type: z.literal('Map'),
  Items: z.union([z.array(z.unknown()), EXPRESSION]).optional(),
  ItemSelector: z.union([OBJECT, EXPRESSION]).optional(),
  MaxConcurrency: wholeNumber(0, 100_000_000).optional(),
  ItemProcessor: PROCESSOR,
});

const BLOCK = { StartAt: z.string(), States: OBJECT.refine((states) => Object.keys(states).length > 0, 'No states') };

export const SCHEMAS = {
  machine: z.strictObject({
    ...COMMON,
    ...BLOCK,
    Version: z.literal('1.0').optional(),
    TimeoutSeconds: z.int().min(1).max(LONGEST_SECONDS).optional(),
  }),
  block: z.looseObject(BLOCK),
  states: {
    Task: TASK,
    Wait: WAIT,
    Choice: CHOICE,
    Map: MAP,
    Parallel: z.strictObject({
      ...HANDLING,
      Type: z.literal('Parallel'),
      Arguments: ARGUMENTS,
      Branches: z.array(z.unknown()).min(1),
    }),
    Pass: z.strictObject({ ...COMMON, ...OUTPUTS, ...GOING, Type: z.literal('Pass') }),
    Succeed: z.strictObject({ ...COMMON, Output: ANY, Type: z.literal('Succeed') }),
    Fail: z.strictObject({
      ...COMMON,
      Type: z.literal('Fail'),
      Error: z.string().optional(),
      Cause: z.string().optional(),
    }),
  } as Readonly<Record<string, z.ZodType>>,
};
