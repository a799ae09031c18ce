/** Resources of tasks, and what services are sent and answer. */
import { describe, expect, it } from '@jest/globals';
import { AwsCallError } from '../../../local/gateway/upstream.ts';
import { parseResource, resourceProblem } from '../../../local/stand-ins/step-functions/resources.ts';
import { callName, errorName, toBody, toResult } from '../../../local/stand-ins/step-functions/service-calls.ts';

const EXECUTION = 'arn:aws:states:us-east-1:000000000000:execution:plan:one';
const MACHINE = 'arn:aws:states:us-east-1:000000000000:stateMachine:plan';

describe('a resource', () => {
  it.each([
    ['lambda:invoke', { kind: 'invoke' }],
    ['states:startExecution', { kind: 'execution', waits: 'no' }],
    ['states:startExecution.sync', { kind: 'execution', waits: 'text' }],
    ['states:startExecution.sync:2', { kind: 'execution', waits: 'json' }],
    ['dynamodb:updateItem', { kind: 'service', service: 'dynamodb', operation: 'UpdateItem', optimized: true }],
    [
      'aws-sdk:dynamodb:transactWriteItems',
      { kind: 'service', service: 'dynamodb', operation: 'TransactWriteItems', optimized: false },
    ],
    ['aws-sdk:eventbridge:putEvents', { kind: 'service', service: 'events', operation: 'PutEvents', optimized: false }],
    ['aws-sdk:sfn:stopExecution', { kind: 'service', service: 'states', operation: 'StopExecution', optimized: false }],
  ])('%s is understood', (name, expected) => {
    expect(parseResource(`arn:aws:states:::${name}`)).toEqual(expected);
  });

  it.each([
    'ecs:runTask.sync',
    'dynamodb:query',
    'aws-sdk:rds:describeDBInstances',
    'aws-sdk:sns:createTopic',
    'lambda:invoke:more',
    'lambda',
    '',
  ])('%j is refused', (name) => {
    expect(resourceProblem(`arn:aws:states:::${name}`, 'STANDARD')).toContain('is not recognized');
  });

  it('of a function by its ARN has no token', () => {
    const arn = 'arn:aws:lambda:us-east-1:000000000000:function:f';
    expect(resourceProblem(arn, 'STANDARD')).toBeUndefined();
    expect(resourceProblem(`${arn}.waitForTaskToken`, 'STANDARD')).toContain('is not recognized');
  });
});

describe('what is sent', () => {
  it('to DynamoDB and SQS are the parameters, with a message as text', () => {
    expect(toBody('dynamodb', 'GetItem', { TableName: 't' }, undefined)).toEqual({ TableName: 't' });
    expect(toBody('sqs', 'SendMessage', { MessageBody: { a: 1 } }, EXECUTION)).toEqual({ MessageBody: '{"a":1}' });
    expect(toBody('sqs', 'SendMessage', { MessageBody: 'as it is' }, EXECUTION)).toEqual({ MessageBody: 'as it is' });
  });

  it('to EventBridge are events with the execution and its machine among their resources, if optimized', () => {
    const parameters = { Entries: [{ Source: 's', Detail: { a: 1 }, Resources: ['arn:x'] }] };
    expect(toBody('events', 'PutEvents', parameters, EXECUTION)).toEqual({
      Entries: [{ Source: 's', Detail: '{"a":1}', Resources: ['arn:x', EXECUTION, MACHINE] }],
    });
    expect(toBody('events', 'PutEvents', parameters, undefined)).toEqual({
      Entries: [{ Source: 's', Detail: '{"a":1}', Resources: ['arn:x'] }],
    });
  });

  it('to SNS is a form, to Step Functions are parameters in its own case', () => {
    const form = toBody(
      'sns',
      'Publish',
      { TopicArn: 'arn:t', Message: { a: 1 }, MessageAttributes: { kind: { DataType: 'String', StringValue: 'v' } } },
      undefined,
    );
    expect(Object.fromEntries(form as URLSearchParams)).toEqual({
      Action: 'Publish',
      Version: '2010-03-31',
      TopicArn: 'arn:t',
      Message: '{"a":1}',
      'MessageAttributes.entry.1.Name': 'kind',
      'MessageAttributes.entry.1.Value.DataType': 'String',
      'MessageAttributes.entry.1.Value.StringValue': 'v',
    });
    expect(toBody('states', 'StopExecution', { ExecutionArn: 'e', Cause: 'c' }, undefined)).toEqual({
      executionArn: 'e',
      cause: 'c',
    });
  });

  it.each([
    ['dynamodb', 'DynamoDB_20120810.Do'],
    ['events', 'AWSEvents.Do'],
    ['sqs', 'AmazonSQS.Do'],
    ['states', 'AWSStepFunctions.Do'],
    ['sns', undefined],
  ] as const)('to %s is addressed to %s', (service, target) => {
    expect(callName(service, 'Do')).toBe(target);
  });
});

describe('what comes back', () => {
  it('is named as definitions name it', () => {
    expect(toResult('states', { executionArn: 'e' })).toEqual({ ExecutionArn: 'e' });
    expect(toResult('sns', '<PublishResult><MessageId>m-1</MessageId></PublishResult>')).toEqual({ MessageId: 'm-1' });
    expect(toResult('dynamodb', { Item: {} })).toEqual({ Item: {} });
  });

  it.each([
    ['dynamodb', true, 'ConditionalCheckFailedException', 'DynamoDB.ConditionalCheckFailedException'],
    ['dynamodb', false, 'ConditionalCheckFailedException', 'DynamoDb.ConditionalCheckFailedException'],
    ['dynamodb', true, 'ValidationException', 'DynamoDB.AmazonDynamoDBException'],
    ['dynamodb', false, 'ValidationException', 'DynamoDb.DynamoDbException'],
    ['dynamodb', true, 'AccessDeniedException', 'DynamoDB.AmazonDynamoDBException'],
    ['sqs', false, 'AccessDenied', 'Sqs.SqsException'],
    ['states', false, 'ExecutionAlreadyExists', 'Sfn.ExecutionAlreadyExistsException'],
    ['sqs', false, 'com.amazonaws.sqs#QueueDoesNotExist', 'Sqs.QueueDoesNotExistException'],
  ] as const)('of %s (optimized: %s) as error %s fails the task with %s', (service, optimized, code, expected) => {
    expect(errorName(service, optimized, new AwsCallError(code, 400, 'why')).error).toBe(expected);
  });

  it('tells the cause in the two forms that AWS has', () => {
    const error = new AwsCallError('ResourceNotFoundException', 400, 'Requested resource not found');
    expect(errorName('dynamodb', true, error).causeText).toBe(
      'Requested resource not found (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ResourceNotFoundException; Request ID: 00000000-0000-0000-0000-000000000000; Proxy: null)',
    );
    expect(errorName('dynamodb', false, error).causeText).toMatch(
      /^Requested resource not found \(Service: DynamoDb, Status Code: 400, Request ID: /,
    );
  });
});
