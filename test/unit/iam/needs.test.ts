import { describe, expect, it } from '@jest/globals';
import { type Asked, needsOf } from '../../../local/iam/needs.ts';

const needs = (service: string, operation: string, params: Asked['params']) =>
  needsOf({ service, region: 'eu-west-1', operation, params }, '1').needs.map(
    ({ action, resource }) => `${action} ${resource}`,
  );
const table = 'arn:aws:dynamodb:eu-west-1:1:table/journal';

describe('what IAM is asked for a call', () => {
  it('is, for a transaction, each of its operations once for each table', () => {
    const TransactItems = [
      { Put: { TableName: 'journal' } },
      { Put: { TableName: 'journal' } },
      { Put: { TableName: 'other' } },
      { Update: { TableName: table } },
      { Delete: { TableName: 'journal' } },
      { ConditionCheck: { TableName: 'journal' } },
    ];
    expect(needs('dynamodb', 'TransactWriteItems', { TransactItems })).toEqual([
      `dynamodb:PutItem ${table}`,
      'dynamodb:PutItem arn:aws:dynamodb:eu-west-1:1:table/other',
      `dynamodb:UpdateItem ${table}`,
      `dynamodb:DeleteItem ${table}`,
      `dynamodb:ConditionCheckItem ${table}`,
    ]);
  });

  it('names the partition key of each item, each once for each action', () => {
    const key = (pk: string) => ({ pk: { S: pk }, sk: { S: 'x' } });
    const contexts = (operation: string, params: Asked['params']) =>
      needsOf({ service: 'dynamodb', region: 'eu-west-1', operation, params }, '1').needs.map(({ context }) => context);
    const TransactItems = [
      { Put: { TableName: 'journal', Item: key('EVENT#1') } },
      { Put: { TableName: 'journal', Item: key('INCIDENT#1') } },
      { Put: { TableName: 'journal', Item: key('INCIDENT#1') } },
      { Update: { TableName: 'journal', Key: key('ALARM#1') } },
    ];
    expect(contexts('TransactWriteItems', { TransactItems })).toEqual([
      { 'dynamodb:LeadingKeys': ['EVENT#1', 'INCIDENT#1'] },
      { 'dynamodb:LeadingKeys': ['ALARM#1'] },
    ]);
    expect(contexts('PutItem', { TableName: 'journal', Item: key('NOTICE#1') })).toEqual([
      { 'dynamodb:LeadingKeys': ['NOTICE#1'] },
    ]);
    expect(contexts('BatchGetItem', { RequestItems: { journal: { Keys: [key('A'), key('B')] } } })).toEqual([
      { 'dynamodb:LeadingKeys': ['A', 'B'] },
    ]);
  });

  it('names each record of a batch of Route 53 as its condition keys do', () => {
    const Changes = [
      { Action: 'DELETE', Name: 'Shop.Example.com.', Type: 'A' },
      { Action: 'CREATE', Name: '*.example.com', Type: 'CNAME' },
    ];
    const call = { service: 'route53', region: 'us-east-1', operation: 'ChangeResourceRecordSets' };
    expect(needsOf({ ...call, params: { Id: 'Z1', Changes } }, '1').needs).toEqual([
      {
        action: 'route53:ChangeResourceRecordSets',
        resource: 'arn:aws:route53:::hostedzone/Z1',
        context: {
          'route53:ChangeResourceRecordSetsNormalizedRecordNames': ['shop.example.com', '\\052.example.com'],
          'route53:ChangeResourceRecordSetsRecordTypes': ['A', 'CNAME'],
          'route53:ChangeResourceRecordSetsActions': ['DELETE', 'CREATE'],
        },
      },
    ]);
  });

  it.each([
    ['dynamodb', 'Query', { TableName: 'journal' }, [`dynamodb:Query ${table}`]],
    [
      'dynamodb',
      'Query',
      { TableName: 'journal', IndexName: 'due' },
      [`dynamodb:Query ${table}`, `dynamodb:Query ${table}/index/due`],
    ],
    ['dynamodb', 'BatchGetItem', { RequestItems: { journal: {} } }, [`dynamodb:BatchGetItem ${table}`]],
    [
      'rds',
      'CreateDBSnapshot',
      { DBInstanceIdentifier: 'db', DBSnapshotIdentifier: 's', 'Tags.Tag.1.Key': 'k', 'Tags.Tag.1.Value': 'v' },
      [
        'rds:CreateDBSnapshot arn:aws:rds:eu-west-1:1:db:db',
        'rds:CreateDBSnapshot arn:aws:rds:eu-west-1:1:snapshot:s',
        'rds:AddTagsToResource arn:aws:rds:eu-west-1:1:snapshot:s',
      ],
    ],
    [
      'rds',
      'DescribeDBSnapshots',
      { DBInstanceIdentifier: 'db' },
      [
        'rds:DescribeDBSnapshots arn:aws:rds:eu-west-1:1:snapshot:*',
        'rds:DescribeDBSnapshots arn:aws:rds:eu-west-1:1:db:db',
      ],
    ],
    [
      'rds',
      'DescribeDBSnapshots',
      { DBSnapshotIdentifier: 's' },
      ['rds:DescribeDBSnapshots arn:aws:rds:eu-west-1:1:snapshot:s'],
    ],
    [
      'ecs',
      'DescribeServices',
      { cluster: 'orders', services: ['a', 'b'] },
      [
        'ecs:DescribeServices arn:aws:ecs:eu-west-1:1:service/orders/a',
        'ecs:DescribeServices arn:aws:ecs:eu-west-1:1:service/orders/b',
      ],
    ],
    [
      'ecs',
      'UpdateService',
      { cluster: 'arn:aws:ecs:eu-west-1:1:cluster/orders', service: 'a' },
      ['ecs:UpdateService arn:aws:ecs:eu-west-1:1:service/orders/a'],
    ],
    ['monitoring', 'GetMetricData', {}, ['cloudwatch:GetMetricData *']],
    [
      'monitoring',
      'DescribeAlarms',
      { AlarmNames: ['a'], AlarmTypes: ['MetricAlarm'] },
      ['cloudwatch:DescribeAlarms arn:aws:cloudwatch:eu-west-1:1:alarm:a'],
    ],
    ['monitoring', 'DescribeAlarms', { AlarmTypes: ['CompositeAlarm'] }, ['cloudwatch:DescribeAlarms *']],
    [
      'monitoring',
      'DescribeAlarms',
      { StateValue: 'ALARM' },
      ['cloudwatch:DescribeAlarms arn:aws:cloudwatch:eu-west-1:1:alarm:*'],
    ],
    ['lambda', 'Invoke', { FunctionName: 'f' }, ['lambda:InvokeFunction arn:aws:lambda:eu-west-1:1:function:f']],
    ['sns', 'Publish', { TopicArn: 'arn:aws:sns:eu-west-1:1:t' }, ['sns:Publish arn:aws:sns:eu-west-1:1:t']],
    [
      'sqs',
      'SendMessage',
      { QueueUrl: 'https://sqs.eu-west-1.amazonaws.com/1/q' },
      ['sqs:SendMessage arn:aws:sqs:eu-west-1:1:q'],
    ],
    [
      'events',
      'PutEvents',
      { Entries: [{}, { EventBusName: 'own' }] },
      [
        'events:PutEvents arn:aws:events:eu-west-1:1:event-bus/default',
        'events:PutEvents arn:aws:events:eu-west-1:1:event-bus/own',
      ],
    ],
    ['s3', 'GetObject', { Bucket: 'b', Key: 'k' }, ['s3:GetObject arn:aws:s3:::b/k']],
    [
      's3',
      'PutObject',
      { Bucket: 'b', Key: 'k', ObjectLockMode: 'GOVERNANCE' },
      ['s3:PutObject arn:aws:s3:::b/k', 's3:PutObjectRetention arn:aws:s3:::b/k'],
    ],
    ['s3', 'HeadObject', { Bucket: 'b', Key: 'k' }, ['s3:HeadObject *']],
  ])('%s %s %j', (service, operation, params, expected) => {
    expect(needs(service, operation, params)).toEqual(expected);
  });

  it('names the sources and kinds of events, each once', () => {
    const Entries = ['a', 'b', 'a'].map((Source) => ({ Source, DetailType: 'Kind' }));
    const call = { service: 'events', region: 'eu-west-1', operation: 'PutEvents', params: { Entries } };
    const { needs: found } = needsOf(call, '1');
    expect(found.map(({ context }) => context)).toEqual([
      { 'events:source': ['a', 'b'], 'events:detail-type': ['Kind'] },
    ]);
  });

  it('says of an operation without a rule that its resource is not known', () => {
    expect(needsOf({ service: 's3', region: 'eu-west-1', operation: 'HeadObject', params: {} }, '1').known).toBe(false);
  });
});
