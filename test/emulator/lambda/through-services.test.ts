/** Services inside the emulator invoke functions through the local Lambda too: CloudFormation's settings arrive, SNS and Step Functions call it. */

import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Invocation } from '../../../local/stand-ins/lambda/index.ts';
import { eventually, makeFunction, makeQueue, nextMessage, type SmallWorld, smallWorld } from '../gateway/support.ts';

let small: SmallWorld;
const invocations: Invocation[] = [];

beforeAll(async () => {
  small = await smallWorld();
  small.lambda.onInvocation((invocation) => invocations.push(invocation));
});
afterAll(() => small.stop());

async function makeStack(StackName: string, Resources: object): Promise<void> {
  const client = new CloudFormationClient(small.client);
  await client.send(new CreateStackCommand({ StackName, TemplateBody: JSON.stringify({ Resources }) }));
  const isMade = async () => {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName }));
    return Stacks?.[0]?.StackStatus === 'CREATE_COMPLETE';
  };
  await eventually(isMade, `${StackName} is made`);
}

describe('a function from a template', () => {
  it('keeps its reserved concurrency and its dead-letter queue', async () => {
    const dead = await makeQueue(small, 'template-dead');
    await makeStack('functions', {
      F: {
        Type: 'AWS::Lambda::Function',
        Properties: {
          FunctionName: 'from-template',
          Runtime: 'nodejs24.x',
          Handler: 'index.handler',
          Role: 'arn:aws:iam::000000000000:role/x',
          Code: { ZipFile: 'exports.handler = async () => {};' },
          ReservedConcurrentExecutions: 0,
          DeadLetterConfig: { TargetArn: dead.arn },
        },
      },
    });
    await small.lambda.invokeAsync('arn:aws:lambda:us-east-1:000000000000:function:from-template', { n: 1 });
    expect((await nextMessage(small, dead)).Body).toBe('{"n":1}');
  });
});

describe('SNS', () => {
  it('invokes a subscribed function asynchronously, so that a failure is tried again', async () => {
    const sns = new SNSClient(small.client);
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: 'pages' }));
    const Endpoint = await makeFunction(
      small,
      'paged',
      'export const handler = async (event) => { throw new Error(event.Records[0].Sns.Message); };',
    );
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'lambda', Endpoint }));
    await sns.send(new PublishCommand({ TopicArn, Message: 'wake up' }));
    const runs = () => invocations.filter(({ functionName }) => functionName === 'paged');
    await eventually(() => runs().length === 3, 'three attempts');
    expect(runs().map(({ type, outcome }) => [type, outcome])).toEqual(Array(3).fill(['Event', 'function-error']));
    expect(await small.lambda.logs('paged')).toContain('wake up');
  });
});

describe('Step Functions', () => {
  it('runs a task in the local Lambda and sees the error’s own name', async () => {
    const Resource = await makeFunction(
      small,
      'task',
      'export const handler = async () => { throw Object.assign(new Error("x"), { name: "Custom.Wrong" }); };',
    );
    const ask = (operation: string, body: object) =>
      small.gateway.ask({
        service: 'states',
        region: 'us-east-1',
        target: `AWSStepFunctions.${operation}`,
        body,
      }) as Promise<Record<string, string>>;
    const task = { Type: 'Task', Resource, Catch: [{ ErrorEquals: ['Custom.Wrong'], Next: 'Caught' }], End: true };
    const definition = JSON.stringify({
      StartAt: 'T',
      States: { T: task, Caught: { Type: 'Pass', Result: 'caught', End: true } },
    });
    const { stateMachineArn } = await ask('CreateStateMachine', {
      name: 'm',
      definition,
      roleArn: 'arn:aws:iam::000000000000:role/x',
    });
    const { executionArn } = await ask('StartExecution', { stateMachineArn, input: '{}' });
    await eventually(
      async () => (await ask('DescribeExecution', { executionArn })).status !== 'RUNNING',
      'the execution ended',
    );
    expect(await ask('DescribeExecution', { executionArn })).toMatchObject({ status: 'SUCCEEDED', output: '"caught"' });
  });
});
