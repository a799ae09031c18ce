import { describe, expect, it } from '@jest/globals';
import { Match } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { NEWS } from '../../../functions/engine/following.ts';
import { compilePattern } from '../../../local/stand-ins/eventbridge/pattern.ts';
import { type BuiltStack, buildStack, grantsOf, MANIFESTS, resourcesOf, statementsOf } from './stack-fixture.ts';

const built: BuiltStack = buildStack();
const { template } = built;
const FOLLOW_MACHINE = 'arn:aws:states:us-east-1:111122223333:stateMachine:nightshift-main-follow-through';
const functions = [
  'canary',
  'diagnose',
  'follow-through',
  'publisher',
  'reconciler',
  'release-idle-connections',
  'scale-out-service',
];

const ENGINE = ['BatchGetItem', 'ConditionCheckItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem'];

/** What every function has: its part of the journal, its own log, its own failure queue. */
const common = (id: string, journal: readonly string[] = ENGINE) => [
  ...journal.map((action) => `Allow dynamodb:${action} on Journal.Arn`),
  `Allow logs:CreateLogStream on ${id}Logs.Arn`,
  `Allow logs:PutLogEvents on ${id}Logs.Arn`,
  `Allow sqs:SendMessage on ${id}Failures.Arn`,
];

describe('a function role', () => {
  it('of scale-out-service holds what its manifest says, and what every function has', () => {
    expect(grantsOf(built, 'scaleoutserviceRole')).toEqual(
      [
        ...common('scaleoutservice'),
        'Allow dynamodb:Query on Journal.Arn/index/incidents',
        'Allow application-autoscaling:DescribeScalableTargets on *',
        'Allow application-autoscaling:RegisterScalableTarget on arn:aws:application-autoscaling:us-east-1:111122223333:scalable-target/*',
        'Allow cloudwatch:GetMetricData on *',
        'Allow ecs:DescribeServices on arn:aws:ecs:us-east-1:111122223333:service/orders/backend',
        'Allow ecs:UpdateService on arn:aws:ecs:us-east-1:111122223333:service/orders/backend',
      ].sort(),
    );
  });

  it('of scale-out-service may set the limits of ECS services only, whatever else is auto-scaled', () => {
    expect(statementsOf(built, 'scaleoutserviceRole')).toContainEqual({
      Effect: 'Allow',
      Action: 'application-autoscaling:RegisterScalableTarget',
      Resource: 'arn:aws:application-autoscaling:us-east-1:111122223333:scalable-target/*',
      Condition: {
        StringEquals: {
          'application-autoscaling:service-namespace': 'ecs',
          'application-autoscaling:scalable-dimension': 'ecs:service:DesiredCount',
        },
      },
    });
  });

  it('of release-idle-connections may log in to the protected database, and make the interfaces that the function itself may not', () => {
    const interfaces = [
      'AssignPrivateIpAddresses',
      'CreateNetworkInterface',
      'DeleteNetworkInterface',
      'DescribeNetworkInterfaces',
      'DescribeSubnets',
      'UnassignPrivateIpAddresses',
    ];
    expect(grantsOf(built, 'releaseidleconnectionsRole')).toEqual(
      [
        ...common('releaseidleconnections'),
        'Allow dynamodb:Query on Journal.Arn/index/incidents',
        'Allow rds-db:connect on arn:aws:rds-db:us-east-1:111122223333:dbuser:db-ABCDEFGHIJKLMNOPQRSTUVWX01/nightshift',
        ...interfaces.flatMap((action) => [`Allow ec2:${action} on *`, `Deny ec2:${action} on *`]),
      ].sort(),
    );
    expect(statementsOf(built, 'releaseidleconnectionsRole').filter(({ Effect }) => Effect === 'Deny')).toEqual([
      expect.objectContaining({
        Condition: {
          ArnEquals: {
            'lambda:SourceFunctionArn':
              'arn:aws:lambda:us-east-1:111122223333:function:nightshift-main-release-idle-connections',
          },
        },
      }),
    ]);
  });

  it('of the reconciler may read what is due, count what was given up on, see who follows the journal, give a sign of life and invoke each remediation, and no other function', () => {
    const journal = ENGINE.filter((action) => action !== 'ConditionCheckItem');
    expect(grantsOf(built, 'reconcilerRole').filter((grant) => !grant.includes('cloudwatch:'))).toEqual(
      [
        ...common('reconciler', journal),
        'Allow dynamodb:Query on Journal.Arn/index/due',
        'Allow lambda:InvokeFunction on canaryFunction.Arn',
        'Allow dynamodb:Query on Journal.Arn/index/incidents',
        'Allow lambda:InvokeFunction on followthroughFunction.Arn',
        'Allow lambda:InvokeFunction on releaseidleconnectionsFunction.Arn',
        'Allow lambda:InvokeFunction on scaleoutserviceFunction.Arn',
        'Allow lambda:ListEventSourceMappings on *',
        ...[
          'canary',
          'diagnose',
          'followthrough',
          'publisher',
          'reconciler',
          'releaseidleconnections',
          'scaleoutservice',
        ].map((id) => `Allow sqs:GetQueueAttributes on ${id}Failures.Arn`),
        'Allow sqs:SendMessage on arn:aws:sqs:us-west-2:111122223333:nightshift-main-heartbeat',
      ].sort(),
    );
  });

  it('of the publisher may read the stream and publish pages', () => {
    expect(grantsOf(built, 'publisherRole')).toEqual(
      [
        ...common('publisher', ['GetItem', 'PutItem', 'Query']),
        ...['DescribeStream', 'GetRecords', 'GetShardIterator'].map(
          (action) => `Allow dynamodb:${action} on Journal.StreamArn`,
        ),
        'Allow dynamodb:ListStreams on Journal.Arn/stream/*',
        'Allow lambda:InvokeFunction on diagnoseFunction.Arn',
        'Allow sns:Publish on Pages',
        'Allow sqs:SendMessage on CanarySeen.Arn',
        `Allow states:SendTaskSuccess on ${FOLLOW_MACHINE}`,
        `Allow states:StartExecution on ${FOLLOW_MACHINE}`,
      ].sort(),
    );
  });

  it('of what diagnoses may read what is protected and write entries, and change nothing else', () => {
    const entries = statementsOf(built, 'diagnoseRole').find(({ Action }) => Action === 'dynamodb:PutItem');
    expect(JSON.stringify(entries?.Condition)).toContain('INCIDENT#*');
    const grants = grantsOf(built, 'diagnoseRole').filter((grant) => !/ (dynamodb|logs|sqs):/.test(grant));
    expect(grants).toEqual(
      [
        'Allow cloudwatch:GetMetricData on *',
        'Allow ecs:DescribeServices on arn:aws:ecs:us-east-1:111122223333:service/orders/backend',
        'Allow ecs:DescribeTasks on arn:aws:ecs:us-east-1:111122223333:task/orders/*',
        'Allow ecs:ListTasks on *',
        'Allow rds:DescribeDBInstances on arn:aws:rds:us-east-1:111122223333:db:orders-db',
        'Allow rds:DescribeEvents on *',
      ].sort(),
    );
  });

  it('of the follow-through may look at alarms, order each remediation, and start and wake its state machine', () => {
    expect(grantsOf(built, 'followthroughRole')).toEqual(
      [
        ...common('followthrough', ['GetItem', 'PutItem', 'Query', 'UpdateItem']),
        'Allow cloudwatch:DescribeAlarms on *',
        'Allow lambda:InvokeFunction on releaseidleconnectionsFunction.Arn',
        'Allow lambda:InvokeFunction on scaleoutserviceFunction.Arn',
        `Allow states:SendTaskSuccess on ${FOLLOW_MACHINE}`,
        `Allow states:StartExecution on ${FOLLOW_MACHINE}`,
      ].sort(),
    );
  });

  it('of the state machine may ask its function, start itself anew and page', () => {
    expect(grantsOf(built, 'followthroughMachineRole')).toEqual(
      [
        'Allow lambda:InvokeFunction on followthroughFunction.Arn',
        'Allow sns:Publish on Pages',
        `Allow states:StartExecution on ${FOLLOW_MACHINE}`,
      ].sort(),
    );
  });

  it('comes with no managed policy and no wildcard action', () => {
    for (const { properties } of resourcesOf(built, 'AWS::IAM::Role'))
      expect(properties).not.toHaveProperty('ManagedPolicyArns');
    for (const role of ['scaleoutservice', 'releaseidleconnections', 'reconciler', 'publisher', 'followthrough'])
      for (const { Action } of statementsOf(built, role)) expect([Action].flat().join(' ')).not.toContain('*');
  });
});

describe('a function', () => {
  it.each(functions)(
    '%s runs on Node.js 24 for arm64 with the limits of its manifest, its own log group and role',
    (name) => {
      const manifest = Object.values(MANIFESTS).find((each) => each.name === name);
      template.hasResourceProperties('AWS::Lambda::Function', {
        FunctionName: `nightshift-main-${name}`,
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Handler: 'index.handler',
        Timeout: manifest?.timeoutSeconds,
        MemorySize: manifest?.memoryMegabytes,
        LoggingConfig: { LogGroup: { Ref: Match.stringLikeRegexp(`^${name.replaceAll('-', '')}Logs`) } },
        Role: { 'Fn::GetAtt': [Match.stringLikeRegexp(`^${name.replaceAll('-', '')}Role`), 'Arn'] },
        Environment: {
          Variables: Match.objectLike({
            AWS_SDK_UA_APP_ID: 'nightshift-main',
            NIGHTSHIFT_TABLE: { Ref: Match.stringLikeRegexp('^Journal') },
          }),
        },
      });
    },
  );

  it.each(functions)('%s hands what it gives up on to its own queue, after two retries', (name) => {
    const id = name.replaceAll('-', '');
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      FunctionName: { Ref: Match.stringLikeRegexp(`^${id}Function`) },
      Qualifier: '$LATEST',
      MaximumRetryAttempts: 2,
      MaximumEventAgeInSeconds: 900,
      DestinationConfig: {
        OnFailure: { Destination: { 'Fn::GetAtt': [Match.stringLikeRegexp(`^${id}Failures`), 'Arn'] } },
      },
    });
  });

  it('takes no concurrency from the account unless told to', () => {
    for (const { properties } of resourcesOf(built, 'AWS::Lambda::Function'))
      expect(properties).not.toHaveProperty('ReservedConcurrentExecutions');
    const told = buildStack((config) => ({ ...config, runbooks: { 'scale-out-service': { reservedConcurrency: 5 } } }));
    told.template.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'nightshift-main-scale-out-service',
      ReservedConcurrentExecutions: 5,
    });
  });

  it('keeps its log for 30 days, or as long as configured', () => {
    template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
    buildStack((config) => ({ ...config, logRetentionDays: 90 })).template.allResourcesProperties(
      'AWS::Logs::LogGroup',
      { RetentionInDays: 90 },
    );
  });

  it('is not deployed when it has nothing to protect', () => {
    const { databases, network, ...services } = buildable();
    const without = buildStack(() => ({ ...services, services: { backend: { cluster: 'orders', maxTasks: 3 } } }));
    const names = resourcesOf(without, 'AWS::Lambda::Function').map(({ properties }) => properties.FunctionName);
    expect(names.sort()).toEqual([
      'nightshift-main-canary',
      'nightshift-main-diagnose',
      'nightshift-main-follow-through',
      'nightshift-main-publisher',
      'nightshift-main-reconciler',
      'nightshift-main-scale-out-service',
    ]);
    expect(resourcesOf(without, 'AWS::EC2::SecurityGroup')).toEqual([]);
  });
});

function buildable() {
  let seen = {};
  buildStack((config) => {
    seen = config;
    return config;
  });
  return seen as Parameters<NonNullable<Parameters<typeof buildStack>[0]>>[0];
}

describe('the journal', () => {
  it('outlives the stack, can be restored to any second, and is billed by use', () => {
    template.hasResource('AWS::DynamoDB::Table', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        TableName: 'nightshift-main-journal',
        BillingMode: 'PAY_PER_REQUEST',
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
        TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        AttributeDefinitions: Match.arrayWith([{ AttributeName: 'dueAt', AttributeType: 'N' }]),
      },
    });
  });

  it('has two indexes that hold whole items', () => {
    const [table] = resourcesOf(built, 'AWS::DynamoDB::Table');
    expect(table?.properties.GlobalSecondaryIndexes).toEqual([
      { IndexName: 'due', KeySchema: keys('duePk', 'dueAt'), Projection: { ProjectionType: 'ALL' } },
      { IndexName: 'incidents', KeySchema: keys('incidentsPk', 'incidentsSk'), Projection: { ProjectionType: 'ALL' } },
    ]);
  });

  const keys = (hash: string, range: string) => [
    { AttributeName: hash, KeyType: 'HASH' },
    { AttributeName: range, KeyType: 'RANGE' },
  ];
});

describe('an event', () => {
  it.each(['release-idle-connections', 'scale-out-service'])(
    'of an alarm that asks for %s reaches its function, or its queue',
    (name) => {
      const id = name.replaceAll('-', '');
      template.hasResourceProperties('AWS::Events::Rule', {
        EventPattern: {
          source: ['aws.cloudwatch'],
          'detail-type': ['CloudWatch Alarm State Change'],
          detail: { alarmTags: Match.objectLike({ 'nightshift:runbook': [name] }) },
        },
        State: 'ENABLED',
        Targets: [
          {
            Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp(`^${id}Function`), 'Arn'] },
            DeadLetterConfig: { Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp(`^${id}Failures`), 'Arn'] } },
            RetryPolicy: { MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: 86_400 },
          },
        ],
      });
    },
  );

  it.each([
    ['of this deployment', { 'nightshift:deployment': 'main' }, true],
    ['of no deployment in particular', {}, true],
    ['of another deployment', { 'nightshift:deployment': 'staging' }, false],
    ['that asks for another runbook', { 'nightshift:runbook': 'release-idle-connections' }, false],
  ])('of an alarm %s is delivered where it belongs', (_whose, tags, matches) => {
    const rule = resourcesOf(built, 'AWS::Events::Rule').find(
      ({ properties }) => properties.Name === 'nightshift-main-scale-out-service',
    );
    const detail = { alarmName: 'cpu', alarmTags: { 'nightshift:runbook': 'scale-out-service', ...tags } };
    const event = { source: 'aws.cloudwatch', 'detail-type': 'CloudWatch Alarm State Change', detail };
    expect(compilePattern(rule?.properties.EventPattern)(event)).toBe(matches);
  });

  it('of the journal reaches the publisher from its beginning, and what it can not tell is kept', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      StartingPosition: 'TRIM_HORIZON',
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      BisectBatchOnFunctionError: true,
      FilterCriteria: {
        Filters: [
          {
            Pattern: JSON.stringify({
              eventName: ['INSERT'],
              dynamodb: { Keys: { sk: { S: [{ prefix: 'ENTRY#' }] } }, NewImage: { kind: { S: ['called', ...NEWS] } } },
            }),
          },
          {
            Pattern:
              '{"eventName":["INSERT"],"dynamodb":{"Keys":{"sk":{"S":[{"prefix":"CANARY#"}]}},"NewImage":{"kind":{"S":["resolved"]}}}}',
          },
        ],
      },
      DestinationConfig: {
        OnFailure: { Destination: { 'Fn::GetAtt': [Match.stringLikeRegexp('^publisherFailures'), 'Arn'] } },
      },
    });
  });

  it('of the schedule starts the reconciler, by a role that only this schedule group may assume', () => {
    template.hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(5 minutes)',
      Target: Match.objectLike({
        DeadLetterConfig: { Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^reconcilerFailures'), 'Arn'] } },
      }),
    });
    template.hasResourceProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: {
        Statement: [
          Match.objectLike({
            Principal: { Service: 'scheduler.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': '111122223333', 'aws:SourceArn': Match.anyValue() } },
          }),
        ],
      },
    });
    const once = buildStack((config) => ({ ...config, reconcileEverySeconds: 60 }));
    once.template.hasResourceProperties('AWS::Scheduler::Schedule', { ScheduleExpression: 'rate(1 minute)' });
  });

  it('lets the reconciler find the functions by the name of their remediation', () => {
    template.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'nightshift-main-reconciler',
      Environment: {
        Variables: Match.objectLike({
          NIGHTSHIFT_FUNCTIONS: JSON.stringify({
            'release-idle-connections': 'nightshift-main-release-idle-connections',
            'scale-out-service': 'nightshift-main-scale-out-service',
            canary: 'nightshift-main-canary',
          }),
        }),
      },
    });
  });
});

describe('a queue', () => {
  it('is encrypted, kept for 14 days, and refuses what comes without TLS', () => {
    const kept = ({ properties }: { properties: Readonly<Record<string, unknown>> }) =>
      String(properties.QueueName).endsWith('-failures');
    const queues = resourcesOf(built, 'AWS::SQS::Queue').filter(kept);
    expect(queues).toHaveLength(functions.length);
    for (const { properties } of queues)
      expect(properties).toMatchObject({ SqsManagedSseEnabled: true, MessageRetentionPeriod: 1_209_600 });
    const policies = resourcesOf(built, 'AWS::SQS::QueuePolicy');
    // The one in which canaries are counted has one, too.
    expect(policies).toHaveLength(functions.length + 1);
    for (const { properties } of policies)
      expect(JSON.stringify(properties)).toContain(
        '"Condition":{"Bool":{"aws:SecureTransport":"false"}},"Effect":"Deny"',
      );
  });
});

describe('security', () => {
  it('passes AWS Solutions checks of cdk-nag; whatever is acknowledged has its reason in the code', () => {
    const report = new AwsSolutionsChecks(built.app).validateScope(built.app);
    expect(report.violations).toEqual([]);
    expect(report.success).toBe(true);
  });

  it('keeps the SQL function from everything but the database and DynamoDB', () => {
    const [group] = resourcesOf(built, 'AWS::EC2::SecurityGroup');
    expect(group?.properties.SecurityGroupEgress).toEqual([
      expect.objectContaining({
        FromPort: 443,
        ToPort: 443,
        IpProtocol: 'tcp',
        DestinationPrefixListId: 'pl-02cd2c6b',
      }),
    ]);
    expect(group?.properties).not.toHaveProperty('SecurityGroupIngress');
    expect(resourcesOf(built, 'AWS::EC2::SecurityGroupEgress').map(({ properties }) => properties)).toEqual([
      expect.objectContaining({ FromPort: 5432, ToPort: 5432, DestinationSecurityGroupId: 'sg-0123456789abcdef0' }),
    ]);
    expect(resourcesOf(built, 'AWS::EC2::SecurityGroupIngress').map(({ properties }) => properties)).toEqual([
      expect.objectContaining({ FromPort: 5432, ToPort: 5432, GroupId: 'sg-0123456789abcdef0' }),
    ]);
    template.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'nightshift-main-release-idle-connections',
      VpcConfig: Match.objectLike({ SubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'] }),
      Environment: { Variables: Match.objectLike({ NODE_EXTRA_CA_CERTS: '/var/runtime/ca-cert.pem' }) },
    });
  });

  it('adds a free DynamoDB endpoint that narrows only its own functions, and none where there is one', () => {
    const [endpoint] = resourcesOf(built, 'AWS::EC2::VPCEndpoint');
    expect(endpoint?.properties).toMatchObject({
      VpcEndpointType: 'Gateway',
      ServiceName: 'com.amazonaws.us-east-1.dynamodb',
    });
    expect(endpoint?.properties.PolicyDocument).toMatchObject({
      Statement: [
        { Effect: 'Allow', Resource: '*' },
        {
          Effect: 'Deny',
          Condition: { ArnEquals: { 'aws:PrincipalArn': [expect.anything()] } },
          NotResource: expect.anything(),
        },
      ],
    });
    const exists = buildStack((config) => ({
      ...config,
      ...(config.network && { network: { ...config.network, dynamoDbEndpoint: 'exists' as const } }),
    }));
    expect(resourcesOf(exists, 'AWS::EC2::VPCEndpoint')).toEqual([]);
  });
});
