/** A stack with a state machine, from CDK through CloudFormation into the world: definition, role and references resolved. */
import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DescribeStateMachineCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { DefinitionBody, QueryLanguage, StateMachine, Succeed, TaskInput } from 'aws-cdk-lib/aws-stepfunctions';
import { SqsSendMessage } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { createDeferred } from '../../../local/deploy/create.ts';
import { type Template, transformTemplate } from '../../../local/deploy/transform.ts';
import { createStepFunctions, type LocalStepFunctions } from '../../../local/stand-ins/step-functions/index.ts';
import { eventually, nextMessage, type SmallWorld, smallWorld } from '../../emulator/gateway/support.ts';

let small: SmallWorld;
let stepFunctions: LocalStepFunctions;

beforeAll(async () => {
  small = await smallWorld();
  stepFunctions = createStepFunctions(small.world, small.gateway, { lambda: small.lambda, events: small.bridge });
});
afterAll(() => small.stop());

function synthesized(): Template {
  const app = new App();
  const stack = new Stack(app, 'Plans');
  const queue = new Queue(stack, 'Queue', { queueName: 'plans' });
  const send = SqsSendMessage.jsonata(stack, 'Send', {
    queue,
    messageBody: TaskInput.fromText("{% 'for ' & $states.input.who %}"),
  });
  const machine = new StateMachine(stack, 'Plan', {
    queryLanguage: QueryLanguage.JSONATA,
    definitionBody: DefinitionBody.fromChainable(send.next(Succeed.jsonata(stack, 'Done', { outputs: 'sent' }))),
  });
  new CfnOutput(stack, 'PlanArn', { value: machine.stateMachineArn });
  return app.synth().getStackByName('Plans').template as Template;
}

async function deployed(template: Template): Promise<Record<string, string>> {
  const cloudFormation = new CloudFormationClient(small.client);
  const { Parameters: _, Rules: __, ...body } = template;
  await cloudFormation.send(new CreateStackCommand({ StackName: 'Plans', TemplateBody: JSON.stringify(body) }));
  let outputs: Record<string, string> = {};
  await eventually(async () => {
    const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: 'Plans' }));
    const [stack] = Stacks ?? [];
    outputs = Object.fromEntries((stack?.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]));
    return stack?.StackStatus === 'CREATE_COMPLETE';
  }, 'the stack is there');
  return outputs;
}

describe('a state machine of a stack', () => {
  it('is made by its API with what CloudFormation resolved, and runs', async () => {
    const { template, created } = transformTemplate(synthesized());
    const outputs = await deployed(template);
    await createDeferred(created, { endpointUrl: small.gateway.url, region: 'us-east-1', outputs });
    const sfn = new SFNClient(small.client);
    const stateMachineArn = outputs.PlanArn ?? '';
    const machine = await sfn.send(new DescribeStateMachineCommand({ stateMachineArn }));
    expect(machine).toMatchObject({
      status: 'ACTIVE',
      roleArn: expect.stringMatching(/^arn:aws:iam::000000000000:role/),
    });
    const { executionArn = '' } = await sfn.send(
      new StartExecutionCommand({ stateMachineArn, input: '{"who":"ops"}' }),
    );
    await stepFunctions.ended(executionArn);
    const queue = { arn: '', url: `${small.gateway.url}/000000000000/plans` };
    expect((await nextMessage(small, queue)).Body).toBe('for ops');
  });
});
