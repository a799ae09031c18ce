/** How parameters, replies and errors of services look in a definition and on the wire ("Learning to use AWS service SDK integrations"). Pure. */
import type { AwsCallError } from '../../gateway/upstream.ts';
import { StatesError } from './errors.ts';
import type { ServiceName } from './resources.ts';
import type { Json, JsonObject } from './types.ts';

const TARGETS: Readonly<Record<Exclude<ServiceName, 'sns'>, string>> = {
  dynamodb: 'DynamoDB_20120810',
  events: 'AWSEvents',
  sqs: 'AmazonSQS',
  states: 'AWSStepFunctions',
};

/** `X-Amz-Target`; SNS has none. */
export const callName = (service: ServiceName, operation: string): string | undefined =>
  service === 'sns' ? undefined : `${TARGETS[service]}.${operation}`;

const lowered = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const renamed = (value: JsonObject, rename: (key: string) => string): JsonObject =>
  Object.fromEntries(Object.entries(value).map(([key, each]) => [rename(key), each]));

/** Fields that a definition may give as JSON where the API takes text. */
const TEXT: Readonly<Record<string, readonly string[]>> = {
  sqs: ['MessageBody'],
  sns: ['Message'],
  states: ['Input', 'Output'],
};

/**
 * What is sent.
 * @param executionArn of an optimized integration: EventBridge's adds it to the resources of each event.
 */
export function toBody(
  service: ServiceName,
  operation: string,
  parameters: JsonObject,
  executionArn: string | undefined,
): JsonObject | URLSearchParams {
  const texts = TEXT[service] ?? [];
  const entries = Object.entries(parameters).map(
    ([key, value]) => [key, texts.includes(key) ? asText(value) : value] as const,
  );
  const body: JsonObject = Object.fromEntries(entries);
  switch (service) {
    case 'events':
      return operation === 'PutEvents' ? { ...body, Entries: eventEntries(body.Entries, executionArn) } : body;
    case 'sns':
      return snsForm(body);
    // Definitions name everything in PascalCase, this API its own parameters in camelCase.
    case 'states':
      return renamed(body, lowered);
    default:
      return body;
  }
}

const asText = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

function eventEntries(entries: Json | undefined, executionArn: string | undefined): Json {
  if (!Array.isArray(entries)) return entries ?? [];
  return entries.map((entry: JsonObject) => ({
    ...entry,
    ...(entry.Detail === undefined ? {} : { Detail: asText(entry.Detail) }),
    ...(executionArn
      ? { Resources: [...((entry.Resources as string[]) ?? []), executionArn, machineArn(executionArn)] }
      : {}),
  }));
}

/** `arn:...:execution:machine:name` is of `arn:...:stateMachine:machine`. */
const machineArn = (executionArn: string): string =>
  executionArn.replace(/:(execution|express):([^:]+):.*$/, ':stateMachine:$2');

function snsForm(parameters: JsonObject): URLSearchParams {
  const form = new URLSearchParams({ Action: 'Publish', Version: '2010-03-31' });
  const { MessageAttributes, ...plain } = parameters;
  for (const [key, value] of Object.entries(plain)) form.set(key, asText(value));
  Object.entries((MessageAttributes ?? {}) as JsonObject).forEach(([name, value], index) => {
    const { DataType = 'String', StringValue = '' } = value as JsonObject;
    const entry = `MessageAttributes.entry.${index + 1}`;
    form.set(`${entry}.Name`, name);
    form.set(`${entry}.Value.DataType`, String(DataType));
    form.set(`${entry}.Value.StringValue`, String(StringValue));
  });
  return form;
}

/** As definitions name them: every field begins with a capital. */
export const capitalisedKeys = (value: JsonObject): JsonObject => renamed(value, capitalised);

/** The reply as the task's result. */
export function toResult(service: ServiceName, reply: unknown): JsonObject {
  if (service === 'sns') return { MessageId: /<MessageId>([^<]+)</.exec(String(reply))?.[1] ?? '' };
  const result = reply as JsonObject;
  return service === 'states' ? capitalisedKeys(result) : result;
}

const PREFIXES: Readonly<
  Record<ServiceName, { readonly optimized: string; readonly sdk: string; readonly v1: string }>
> = {
  dynamodb: { optimized: 'DynamoDB', sdk: 'DynamoDb', v1: 'AmazonDynamoDBv2' },
  events: { optimized: 'EventBridge', sdk: 'EventBridge', v1: 'AmazonEventBridge' },
  sns: { optimized: 'SNS', sdk: 'Sns', v1: 'AmazonSNS' },
  sqs: { optimized: 'SQS', sdk: 'Sqs', v1: 'AmazonSQS' },
  states: { optimized: 'StepFunctions', sdk: 'Sfn', v1: 'AWSStepFunctions' },
};
/** Errors that a service's API model doesn't define get the service's general name. */
const UNMODELED = /^(AccessDenied|AccessDeniedException|AuthorizationError)$/;
const isUnmodeled = (service: ServiceName, code: string): boolean =>
  UNMODELED.test(code) || (service === 'dynamodb' && code === 'ValidationException');

/** The name and cause with which a service's error fails a task. */
export function errorName(service: ServiceName, optimized: boolean, error: AwsCallError): StatesError {
  const { v1 } = PREFIXES[service];
  const prefix = errorName.prefix(service, optimized);
  const code = error.code.replace(/^.*[#.]/, '');
  const general = optimized ? `${v1.replace(/v2$/, '')}Exception` : `${prefix}Exception`;
  const name = isUnmodeled(service, code) ? general : code.endsWith('Exception') ? code : `${code}Exception`;
  const cause = optimized
    ? serviceText(v1, { ...error, code, message: error.message })
    : `${error.message} (Service: ${prefix}, Status Code: ${error.status}, Request ID: ${UNKNOWN_ID})`;
  return new StatesError(`${prefix}.${name}`, cause);
}
errorName.prefix = (service: ServiceName, optimized: boolean): string =>
  optimized ? PREFIXES[service].optimized : PREFIXES[service].sdk;

const UNKNOWN_ID = '00000000-0000-0000-0000-000000000000';

/** The cause's text as the optimized integrations have it. */
export const serviceText = (
  service: string,
  { message, status, code }: { readonly message: string; readonly status: number; readonly code: string },
): string =>
  `${message} (Service: ${service}; Status Code: ${status}; Error Code: ${code}; Request ID: ${UNKNOWN_ID}; Proxy: null)`;
