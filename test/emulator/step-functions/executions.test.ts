/** State machines through the SDK, with real functions, a real table and real queues. */
import { CreateTableCommand, DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  DescribeStateMachineCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  ListTagsForResourceCommand,
  paginateGetExecutionHistory,
  RedriveExecutionCommand,
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  StartSyncExecutionCommand,
  StopExecutionCommand,
  UpdateStateMachineCommand,
  ValidateStateMachineDefinitionCommand,
} from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EventEnvelope } from '../../../local/stand-ins/eventbridge/index.ts';
import { createStepFunctions, type LocalStepFunctions } from '../../../local/stand-ins/step-functions/index.ts';
import { eventually, makeFunction, makeQueue, nextMessage, type SmallWorld, smallWorld } from '../gateway/support.ts';

const SOURCE = `
let runs = 0;
export const handler = async (event) => {
  runs += 1;
  if (event.fail) throw Object.assign(new Error(event.fail), { name: 'Shop.Closed' });
  if (event.failUntil > runs) throw Object.assign(new Error('run ' + runs), { name: 'Shop.Closed' });
  if (event.sleepMs) await new Promise((done) => setTimeout(done, event.sleepMs));
  if (event.token) console.log('token', event.token);
  return { echoed: event };
};`;
const INVOKE = 'arn:aws:states:::lambda:invoke';
const ROLE = 'arn:aws:iam::000000000000:role/test';

let small: SmallWorld;
let sfn: SFNClient;
let stepFunctions: LocalStepFunctions;
let machines = 0;
const events: EventEnvelope[] = [];

beforeAll(async () => {
  small = await smallWorld();
  stepFunctions = createStepFunctions(small.world, small.gateway, {
    lambda: small.lambda,
    events: small.bridge,
    waitScale: 0.05,
  });
  small.bridge.onEvent((event) => events.push(event));
  sfn = new SFNClient({ ...small.client, disableHostPrefix: true });
  await makeFunction(small, 'shop', SOURCE);
});
afterAll(() => small.stop());

const only = (state: object) => ({ StartAt: 'S', States: { S: { End: true, ...state } } });
const invoke = (payload: unknown, more: object = {}) =>
  only({ Type: 'Task', Resource: INVOKE, Arguments: { FunctionName: 'shop', Payload: payload }, ...more });

async function create(definition: object, type: 'STANDARD' | 'EXPRESS' = 'STANDARD'): Promise<string> {
  machines += 1;
  const { stateMachineArn = '' } = await sfn.send(
    new CreateStateMachineCommand({
      name: `machine-${machines}`,
      roleArn: ROLE,
      type,
      definition: JSON.stringify({ QueryLanguage: 'JSONata', ...definition }),
    }),
  );
  return stateMachineArn;
}

async function start(definition: object, input: object = {}): Promise<string> {
  const stateMachineArn = await create(definition);
  const { executionArn = '' } = await sfn.send(
    new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input) }),
  );
  return executionArn;
}

async function described(executionArn: string): Promise<DescribeExecutionCommandOutput> {
  await stepFunctions.ended(executionArn);
  return sfn.send(new DescribeExecutionCommand({ executionArn }));
}

const run = async (definition: object, input: object = {}) => described(await start(definition, input));

/** The token that the function wrote last. */
async function tokenInLog(): Promise<string> {
  let token: string | undefined;
  await eventually(async () => {
    token = [...(await small.lambda.logs('shop')).matchAll(/token (\S+)/g)].at(-1)?.[1];
    return token !== undefined;
  }, 'a token was handed out');
  return token ?? '';
}

describe('functions', () => {
  it('get their payload, and give theirs in the result', async () => {
    const definition = invoke({ n: '{% $states.input.n %}' }, { Output: '{% $states.result.Payload.echoed.n %}' });
    expect(await run(definition, { n: 5 })).toMatchObject({
      status: 'SUCCEEDED',
      output: '5',
      redriveStatus: 'NOT_REDRIVABLE',
    });
  });

  it('fail with the name of their own error, and what they answered as the cause', async () => {
    const { error, cause } = await run(invoke({ fail: 'no bread' }));
    expect(error).toBe('Shop.Closed');
    expect(JSON.parse(cause ?? '')).toMatchObject({ errorType: 'Shop.Closed', errorMessage: 'no bread' });
  });

  it('are retried by that name', async () => {
    const Retry = [{ ErrorEquals: ['Shop.Closed'], MaxAttempts: 5 }];
    await makeFunction(small, 'opens-late', SOURCE);
    const Arguments = { FunctionName: 'opens-late', Payload: { failUntil: 3 } };
    const { status } = await run(only({ Type: 'Task', Resource: INVOKE, Arguments, Retry }));
    expect(status).toBe('SUCCEEDED');
  });

  it.each([
    [
      'Lambda.ResourceNotFoundException',
      only({ Type: 'Task', Resource: INVOKE, Arguments: { FunctionName: 'nobody' } }),
    ],
    ['States.Timeout', invoke({ sleepMs: 2_000 }, { TimeoutSeconds: 2 })],
  ])('fail with %s', async (name, definition) => {
    expect((await run(definition)).error).toBe(name);
  });

  it('fail with Lambda.TooManyRequestsException when there is no room for them', async () => {
    await makeFunction(small, 'narrow', SOURCE);
    small.lambda.registerInvokeConfig('narrow', 'us-east-1', { reservedConcurrency: 0 });
    const definition = only({ Type: 'Task', Resource: INVOKE, Arguments: { FunctionName: 'narrow' } });
    expect((await run(definition)).error).toBe('Lambda.TooManyRequestsException');
  });

  it('named by their ARN answer with the payload alone', async () => {
    const Resource = 'arn:aws:lambda:us-east-1:000000000000:function:shop';
    expect((await run(only({ Type: 'Task', Resource }), { n: 1 })).output).toBe('{"echoed":{"n":1}}');
  });
});

describe('a machine whose role the world knows', () => {
  it('may do what the role allows, and nothing else', async () => {
    const allowed = 'arn:aws:lambda:us-east-1:000000000000:function:shop';
    const definition = {
      StartAt: 'Ask',
      States: {
        Ask: { Type: 'Task', Resource: INVOKE, Arguments: { FunctionName: 'shop' }, Next: 'Tell' },
        Tell: {
          Type: 'Task',
          Resource: 'arn:aws:states:::aws-sdk:sqs:sendMessage',
          Arguments: { QueueUrl: `${small.gateway.url}/000000000000/secret`, MessageBody: 'x' },
          End: true,
        },
      },
    };
    const stateMachineArn = await create(definition);
    const statements = [
      { effect: 'Allow' as const, actions: ['lambda:InvokeFunction'], resources: [allowed], conditions: {} },
    ];
    const functions = [`stateMachine:${stateMachineArn.split(':').at(-1)}`];
    small.gateway.iam.load([{ logicalId: 'Role', functions, assumedBy: ['states.amazonaws.com'], statements }]);
    const { executionArn = '' } = await sfn.send(new StartExecutionCommand({ stateMachineArn }));
    const { error, cause } = await described(executionArn);
    expect(error).toBe('Sqs.SqsException');
    expect(cause).toContain('is not authorized to perform: sqs:SendMessage');
    small.gateway.iam.load([{ logicalId: 'Role', functions, assumedBy: ['states.amazonaws.com'], statements: [] }]);
    const again = await sfn.send(new StartExecutionCommand({ stateMachineArn }));
    expect((await described(again.executionArn ?? '')).error).toBe('Lambda.AWSLambdaException');
  });
});

describe('a function that waits for its token', () => {
  const waiting = (more: object = {}) =>
    only({
      Type: 'Task',
      Resource: `${INVOKE}.waitForTaskToken`,
      Arguments: { FunctionName: 'shop', Payload: { token: '{% $states.context.Task.Token %}' } },
      ...more,
    });

  it('goes on when somebody sends success, once', async () => {
    const executionArn = await start(waiting());
    const taskToken = await tokenInLog();
    await sfn.send(new SendTaskHeartbeatCommand({ taskToken }));
    await sfn.send(new SendTaskSuccessCommand({ taskToken, output: '{"approved":true}' }));
    expect((await described(executionArn)).output).toBe('{"approved":true}');
    await expect(sfn.send(new SendTaskSuccessCommand({ taskToken, output: '1' }))).rejects.toMatchObject({
      name: 'TaskTimedOut',
    });
  });

  it('fails when nobody shows a sign of life; an unknown token is refused', async () => {
    expect((await run(waiting({ HeartbeatSeconds: 2 }))).error).toBe('States.Timeout');
    await expect(sfn.send(new SendTaskFailureCommand({ taskToken: 'x', error: 'E' }))).rejects.toMatchObject({
      name: 'InvalidToken',
    });
  });
});

describe('services', () => {
  it('are called through the gateway: DynamoDB, with its errors’ names', async () => {
    const dynamodb = new DynamoDBClient(small.client);
    await dynamodb.send(
      new CreateTableCommand({
        TableName: 'notes',
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        BillingMode: 'PAY_PER_REQUEST',
      }),
    );
    const put = (resource: string) =>
      only({
        Type: 'Task',
        Resource: `arn:aws:states:::${resource}`,
        Arguments: {
          TableName: 'notes',
          Item: { id: { S: '{% $states.input.id %}' } },
          ConditionExpression: 'attribute_not_exists(id)',
        },
      });
    expect((await run(put('dynamodb:putItem'), { id: 'a' })).status).toBe('SUCCEEDED');
    const { Item } = await dynamodb.send(new GetItemCommand({ TableName: 'notes', Key: { id: { S: 'a' } } }));
    expect(Item).toEqual({ id: { S: 'a' } });
    expect((await run(put('dynamodb:putItem'), { id: 'a' })).error).toBe('DynamoDB.ConditionalCheckFailedException');
    expect((await run(put('aws-sdk:dynamodb:putItem'), { id: 'a' })).error).toBe(
      'DynamoDb.ConditionalCheckFailedException',
    );
  });

  it('get messages by SQS, and events by EventBridge with the execution among their resources', async () => {
    const queue = await makeQueue(small, 'told');
    const Send = {
      Type: 'Task',
      Resource: 'arn:aws:states:::sqs:sendMessage',
      Arguments: { QueueUrl: queue.url, MessageBody: { n: '{% 1 + 1 %}' } },
      Next: 'Put',
    };
    const Put = {
      Type: 'Task',
      Resource: 'arn:aws:states:::events:putEvents',
      Arguments: { Entries: [{ Source: 'shop', DetailType: 'Told', Detail: { by: 'machine' } }] },
      Output: '{% $states.result.FailedEntryCount %}',
      End: true,
    };
    const executionArn = await start({ StartAt: 'Send', States: { Send, Put } });
    expect(await described(executionArn)).toMatchObject({ status: 'SUCCEEDED', output: '0' });
    expect((await nextMessage(small, queue)).Body).toBe('{"n":2}');
    const told = events.find(({ source }) => source === 'shop');
    expect(told).toMatchObject({ 'detail-type': 'Told', detail: { by: 'machine' } });
    expect(told?.resources).toContain(executionArn);
  });

  it('start executions and wait for them; a child that fails fails the task', async () => {
    const child = await create({
      StartAt: 'C',
      States: {
        C: { Type: 'Choice', Choices: [{ Condition: '{% $states.input.ok %}', Next: 'Good' }], Default: 'Bad' },
        Good: { Type: 'Succeed', Output: { well: true } },
        Bad: { Type: 'Fail', Error: 'Child.Failed' },
      },
    });
    const parent = only({
      Type: 'Task',
      Resource: 'arn:aws:states:::states:startExecution.sync:2',
      Arguments: { StateMachineArn: child, Input: { ok: '{% $states.input.ok %}' } },
      Output: '{% $states.result.Output.well %}',
    });
    expect((await run(parent, { ok: true })).output).toBe('true');
    const failed = await run(parent, { ok: false });
    expect(failed.error).toBe('States.TaskFailed');
    expect(JSON.parse(failed.cause ?? '')).toMatchObject({ Status: 'FAILED', Error: 'Child.Failed' });
  });
});

describe('executions', () => {
  it('are one for the same name and input while it runs, and end when they are stopped', async () => {
    const stateMachineArn = await create(only({ Type: 'Wait', Seconds: 10_000 }));
    const asked = { stateMachineArn, name: 'same', input: '{"n":1}' };
    const first = await sfn.send(new StartExecutionCommand(asked));
    const again = await sfn.send(new StartExecutionCommand(asked));
    expect(again).toMatchObject({ executionArn: first.executionArn, startDate: first.startDate });
    await expect(sfn.send(new StartExecutionCommand({ ...asked, input: '{"n":2}' }))).rejects.toMatchObject({
      name: 'ExecutionAlreadyExists',
    });
    const executionArn = first.executionArn ?? '';
    await sfn.send(new StopExecutionCommand({ executionArn, error: 'Operator', cause: 'enough' }));
    expect(await described(executionArn)).toMatchObject({ status: 'ABORTED', error: 'Operator', cause: 'enough' });
    await expect(sfn.send(new StartExecutionCommand(asked))).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' });
    const { executions } = await sfn.send(new ListExecutionsCommand({ stateMachineArn, statusFilter: 'ABORTED' }));
    expect(executions?.map(({ name }) => name)).toEqual(['same']);
  });

  it('have a history that comes in pages and in both orders', async () => {
    const executionArn = await start(invoke({ n: 1 }));
    await stepFunctions.ended(executionArn);
    const types: (string | undefined)[] = [];
    for await (const { events: found } of paginateGetExecutionHistory({ client: sfn, pageSize: 3 }, { executionArn }))
      types.push(...(found ?? []).map(({ type }) => type));
    expect(types).toEqual([
      'ExecutionStarted',
      'TaskStateEntered',
      'TaskScheduled',
      'TaskStarted',
      'TaskSucceeded',
      'TaskStateExited',
      'ExecutionSucceeded',
    ]);
    const last = await sfn.send(
      new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, maxResults: 1, includeExecutionData: false }),
    );
    expect(last.events?.[0]).toMatchObject({ id: 7, previousEventId: 6, timestamp: expect.any(Date) });
    expect(last.events?.[0]?.executionSucceededEventDetails?.output).toBeUndefined();
  });

  it('are told to EventBridge', async () => {
    const { executionArn } = await run(only({ Type: 'Pass' }));
    const told = events.filter(({ resources }) => resources[0] === executionArn);
    expect(told.map(({ source, detail }) => [source, (detail as { status: string }).status])).toEqual([
      ['aws.states', 'RUNNING'],
      ['aws.states', 'SUCCEEDED'],
    ]);
  });

  it('are started by a rule of EventBridge with the event as their input', async () => {
    const stateMachineArn = await create(only({ Type: 'Pass', Output: '{% $states.input.detail.n %}' }));
    const bridge = new EventBridgeClient(small.client);
    await bridge.send(new PutRuleCommand({ Name: 'starts', EventPattern: '{"source":["starter"]}' }));
    const Targets = [{ Id: 'machine', Arn: stateMachineArn, RoleArn: ROLE }];
    await bridge.send(new PutTargetsCommand({ Rule: 'starts', Targets }));
    await bridge.send(new PutEventsCommand({ Entries: [{ Source: 'starter', DetailType: 'Go', Detail: '{"n":7}' }] }));
    let executionArn: string | undefined;
    await eventually(async () => {
      const { executions } = await sfn.send(new ListExecutionsCommand({ stateMachineArn }));
      executionArn = executions?.[0]?.executionArn;
      return executionArn !== undefined;
    }, 'the rule started an execution');
    expect((await described(executionArn ?? '')).output).toBe('7');
  });

  it('go on where they failed when they are redriven', async () => {
    const stateMachineArn = await create(invoke({}, { Arguments: { FunctionName: 'comes-later' } }));
    const { executionArn = '' } = await sfn.send(new StartExecutionCommand({ stateMachineArn }));
    expect((await described(executionArn)).redriveStatus).toBe('REDRIVABLE');
    await makeFunction(small, 'comes-later', SOURCE);
    await sfn.send(new RedriveExecutionCommand({ executionArn }));
    expect(await described(executionArn)).toMatchObject({ status: 'SUCCEEDED', redriveCount: 1 });
    await expect(sfn.send(new RedriveExecutionCommand({ executionArn }))).rejects.toMatchObject({
      name: 'ExecutionNotRedrivable',
    });
  });

  it('answer at once when they are Express and synchronous', async () => {
    const stateMachineArn = await create(only({ Type: 'Pass', Output: '{% $states.input.n + 1 %}' }), 'EXPRESS');
    const done = await sfn.send(new StartSyncExecutionCommand({ stateMachineArn, input: '{"n":1}' }));
    expect(done).toMatchObject({ status: 'SUCCEEDED', output: '2' });
    await expect(sfn.send(new GetExecutionHistoryCommand({ executionArn: done.executionArn }))).rejects.toMatchObject({
      name: 'StateMachineTypeNotSupported',
    });
  });
});

describe('state machines', () => {
  it('are made, listed, changed and tagged', async () => {
    const definition = JSON.stringify({ QueryLanguage: 'JSONata', ...only({ Type: 'Pass' }) });
    const asked = { name: 'kept', roleArn: ROLE, definition, tags: [{ key: 'team', value: 'ops' }] };
    const { stateMachineArn = '' } = await sfn.send(new CreateStateMachineCommand(asked));
    expect(stateMachineArn).toBe('arn:aws:states:us-east-1:000000000000:stateMachine:kept');
    const again = await sfn.send(new CreateStateMachineCommand(asked));
    expect(again.stateMachineArn).toBe(stateMachineArn);
    const changed = JSON.stringify({ QueryLanguage: 'JSONata', ...only({ Type: 'Pass', Output: 1 }) });
    await expect(sfn.send(new CreateStateMachineCommand({ ...asked, definition: changed }))).rejects.toMatchObject({
      name: 'StateMachineAlreadyExists',
    });
    await sfn.send(new UpdateStateMachineCommand({ stateMachineArn, definition: changed }));
    const found = await sfn.send(new DescribeStateMachineCommand({ stateMachineArn }));
    expect(found).toMatchObject({ status: 'ACTIVE', type: 'STANDARD', definition: changed, roleArn: ROLE });
    const { tags } = await sfn.send(new ListTagsForResourceCommand({ resourceArn: stateMachineArn }));
    expect(tags).toEqual([{ key: 'team', value: 'ops' }]);
    const { stateMachines } = await sfn.send(new ListStateMachinesCommand({ maxResults: 1_000 }));
    expect(stateMachines?.map(({ name }) => name)).toContain('kept');
  });

  it('are refused with a wrong definition', async () => {
    const definition = JSON.stringify({ QueryLanguage: 'JSONata', StartAt: 'X', States: {} });
    await expect(
      sfn.send(new CreateStateMachineCommand({ name: 'wrong', roleArn: ROLE, definition })),
    ).rejects.toMatchObject({ name: 'InvalidDefinition' });
    const checked = await sfn.send(new ValidateStateMachineDefinitionCommand({ definition }));
    expect(checked).toMatchObject({ result: 'FAIL', diagnostics: [{ severity: 'ERROR' }] });
  });

  it('aren’t there in another region', async () => {
    const elsewhere = new SFNClient({ ...small.client, region: 'eu-west-1' });
    const { stateMachines } = await elsewhere.send(new ListStateMachinesCommand({}));
    expect(stateMachines).toEqual([]);
  });
});
