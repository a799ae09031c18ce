/**
 * Doing what a Task names ("Invoke an AWS Lambda function with Step Functions", "Call DynamoDB APIs with Step Functions", ...): functions through
 * the local Lambda, services through the gateway as services of AWS do, executions in the engine.
 */
import type { Gateway } from '../../gateway/gateway-types.ts';
import { AwsCallError, UpstreamUnreachable } from '../../gateway/upstream.ts';
import type { Refusal } from '../../iam/iam.ts';
import { AwsFault } from '../../world/types.ts';
import type { LocalLambda, RunResult } from '../lambda/types.ts';
import { StatesError } from './errors.ts';
import type { TaskCall } from './frame.ts';
import { parseResource, type Resource, type ServiceName } from './resources.ts';
import { callName, errorName, serviceText, toBody, toResult } from './service-calls.ts';
import type { Json, JsonObject } from './types.ts';

/** What tasks reach. */
export interface Reach {
  readonly gateway: Gateway;
  readonly lambda: Pick<LocalLambda, 'invoke' | 'invokeAsync'>;
  readonly executions: ChildExecutions;
}

export interface ChildExecutions {
  /** @throws AwsFault as StartExecution. */
  start(
    stateMachineArn: string,
    input: string,
    name: string | undefined,
  ): { readonly arn: string; readonly startedAt: Date };
  /** Resolves with DescribeExecution's answer when it ended; when the signal comes first, it is stopped too. */
  ended(executionArn: string, signal: AbortSignal): Promise<JsonObject>;
}

/** @throws StatesError as the service names its errors. */
export async function callResource(
  call: TaskCall & { readonly region: string },
  reach: Reach,
  signal: AbortSignal,
): Promise<Json> {
  const resource = parseResource(call.resource);
  // Definitions are checked when they are made: this can't happen.
  if (!resource) throw new Error(`${call.resource} isn't known`);
  switch (resource.kind) {
    case 'function':
      return payloadOf(await invoke(reach, resource.functionArn, call, call.arguments));
    case 'invoke':
      return invokeFunction(call, reach);
    case 'execution':
      return startExecution(call, resource.waits, reach, signal);
    case 'service':
      return callService(resource, call, reach);
  }
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parametersOf(value: Json): JsonObject {
  if (isObject(value)) return value;
  throw new StatesError('States.Runtime', `The arguments have to be an object, not ${JSON.stringify(value)}`);
}

/** The optimized integrations put what the HTTP reply told beside the result; only the status is known here. */
const HTTP_METADATA = { SdkHttpMetadata: { HttpStatusCode: 200 } };

type Call = TaskCall & { readonly region: string };

async function invokeFunction(call: Call, reach: Reach): Promise<Json> {
  const { FunctionName, Payload = {}, InvocationType } = parametersOf(call.arguments);
  const name = arnOf(String(FunctionName ?? ''), call.region);
  if (InvocationType === 'Event') {
    invokeMustBeAllowed(reach, call, name);
    await named('Lambda', 'AWSLambda', () => reach.lambda.invokeAsync(name, Payload));
    return { StatusCode: 202, Payload: '', ...HTTP_METADATA };
  }
  const result = await invoke(reach, name, call, Payload);
  return { ExecutedVersion: '$LATEST', Payload: payloadOf(result), StatusCode: 200, ...HTTP_METADATA };
}

/** Names are those of the execution's region; the local Lambda otherwise takes its own world's. */
const arnOf = (name: string, region: string): string =>
  name.startsWith('arn:') ? name : `arn:aws:lambda:${region}:000000000000:function:${name}`;

async function invoke(reach: Reach, functionArn: string, call: Call, payload: Json): Promise<RunResult> {
  invokeMustBeAllowed(reach, call, functionArn);
  return named('Lambda', 'AWSLambda', () => reach.lambda.invoke(functionArn, call.region, payload));
}

interface Asked {
  readonly service: string;
  readonly operation: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Why the machine's role doesn't allow a call, where the world knows the role. */
function refusalOf({ gateway }: Reach, { region, executionArn }: Call, asked: Asked): Refusal | undefined {
  // `arn:aws:states:<region>:<account>:execution:<machine>:<name>`
  return gateway.iam.refusalOf({ ...asked, region, caller: `stateMachine:${executionArn.split(':')[6]}` });
}

/** @throws StatesError as the optimized integrations name a missing permission. */
function mustBeAllowed(reach: Reach, call: Call, asked: Asked, [prefix, service]: readonly [string, string]): void {
  const refusal = refusalOf(reach, call, asked);
  if (refusal) throw new StatesError(`${prefix}.${service}Exception`, serviceText(service, refusal));
}

const invokeMustBeAllowed = (reach: Reach, call: Call, FunctionName: string): void =>
  mustBeAllowed(reach, call, { service: 'lambda', operation: 'Invoke', params: { FunctionName } }, [
    'Lambda',
    'AWSLambda',
  ]);

/** "Handling errors": the name of a function's error is its `errorType`, the cause what it answered. */
function payloadOf(result: RunResult): Json {
  switch (result.kind) {
    case 'ok':
      return JSON.parse(result.payload) as Json;
    case 'throttled':
      throw new StatesError('Lambda.TooManyRequestsException', `Rate Exceeded. (${result.reason})`);
    case 'system-error':
      throw new StatesError('Lambda.ServiceException', result.message);
    case 'function-error':
      if (result.errorType) throw new StatesError(result.errorType, result.payload);
      throw new StatesError(
        'Lambda.Unknown',
        `The cause could not be determined because Lambda did not return an error type. Returned payload: ${result.payload}`,
      );
  }
}

/** Errors of the local parts themselves in the form in which tasks fail. */
async function named<T>(prefix: string, service: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AwsFault)) throw error;
    const code = error.code.endsWith('Exception') ? error.code : `${error.code}Exception`;
    throw new StatesError(`${prefix}.${code}`, serviceText(service, error));
  }
}

async function startExecution(
  call: Call,
  waits: 'no' | 'json' | 'text',
  reach: Reach,
  signal: AbortSignal,
): Promise<Json> {
  const { executions } = reach;
  const { StateMachineArn, Input = {}, Name } = parametersOf(call.arguments);
  const params = { stateMachineArn: StateMachineArn };
  const asked = { service: 'states', operation: 'StartExecution', params };
  mustBeAllowed(reach, call, asked, ['StepFunctions', 'AWSStepFunctions']);
  const input = typeof Input === 'string' ? Input : JSON.stringify(Input);
  const started = await named('StepFunctions', 'AWSStepFunctions', async () =>
    executions.start(String(StateMachineArn), input, Name === undefined ? undefined : String(Name)),
  );
  if (waits === 'no') return { ExecutionArn: started.arn, StartDate: started.startedAt.getTime(), ...HTTP_METADATA };
  const described = await executions.ended(started.arn, signal);
  if (described.Status !== 'SUCCEEDED') throw new StatesError('States.TaskFailed', JSON.stringify(described));
  if (waits === 'text') return described;
  const readable = ['Input', 'Output'].map((field) => [field, JSON.parse(String(described[field])) as Json]);
  return { ...described, ...Object.fromEntries(readable) };
}

type ServiceResource = Extract<Resource, { kind: 'service' }>;

async function callService(
  resource: ServiceResource,
  call: TaskCall & { region: string },
  reach: Reach,
): Promise<Json> {
  const { service, operation, optimized } = resource;
  const body = toBody(service, operation, parametersOf(call.arguments), optimized ? call.executionArn : undefined);
  const target = callName(service, operation);
  const params = body instanceof URLSearchParams ? Object.fromEntries(body) : body;
  try {
    const refusal = refusalOf(reach, call, { service, operation, params });
    if (refusal) throw new AwsCallError(refusal.code, refusal.status, refusal.message);
    const reply = await reach.gateway.ask({ service, region: call.region, ...(target ? { target } : {}), body });
    const result = toResult(service, reply);
    refuseFailedEntries(service, optimized, result);
    return optimized ? { ...result, ...HTTP_METADATA } : result;
  } catch (error) {
    throw asStatesError(error, service, optimized);
  }
}

/** "Add EventBridge events with Step Functions": the optimized integration fails when an entry did. */
function refuseFailedEntries(service: ServiceName, optimized: boolean, result: JsonObject): void {
  if (service === 'events' && optimized && Number(result.FailedEntryCount ?? 0) > 0)
    throw new StatesError('EventBridge.FailedEntry', JSON.stringify(result));
}

function asStatesError(error: unknown, service: ServiceName, optimized: boolean): unknown {
  if (error instanceof AwsCallError) return errorName(service, optimized, error);
  if (error instanceof UpstreamUnreachable)
    return new StatesError(`${errorName.prefix(service, optimized)}.SdkClientException`, error.message);
  return error;
}
