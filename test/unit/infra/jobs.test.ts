import { describe, expect, it } from '@jest/globals';
import { AwsSolutionsChecks } from 'cdk-nag';
import { SCHEDULE_SOURCE } from '../../../events/sources/schedule/schema.ts';
import { jobMachineDefinition, MOST_ENDINGS, MOST_TURNS } from '../../../infra/constructs/job-machine.ts';
import { StatesError } from '../../../local/stand-ins/step-functions/errors.ts';
import type { Json } from '../../../local/stand-ins/step-functions/types.ts';
import { type Asl, faultsOf } from '../../support/asl-graph.ts';
import { stage } from '../step-functions/support.ts';
import { buildStack, resourcesOf, statementsOf } from './stack-fixture.ts';

const definition = jobMachineDefinition('aws', 35) as Asl;

describe('the state machine of jobs', () => {
  it('ends from every state, with time limits, retries and a catch for every task, and counts its turns', () => {
    expect(faultsOf(definition, [`$turns < ${MOST_TURNS}`, `$endings < ${MOST_ENDINGS}`])).toEqual([]);
  });

  const input = { functionName: 'f', job: 'verify-backup', subject: 'orders-db', scheduledAt: '2026-11-21T04:00:00Z' };
  const waits = { kind: 'wait', seconds: 30, note: 'the scratch instance is deleting' };
  /** A function that breaks on every turn, and answers so when it is told that the run is broken. */
  const play = async (endings: (asked: number) => object) => {
    const told: string[] = [];
    const played = stage(({ arguments: given }) => {
      const { broken } = (given as { Payload: { broken?: string } }).Payload;
      if (broken === undefined) throw new StatesError('Lambda.Unknown', 'it was killed');
      told.push(broken);
      return { Payload: endings(told.length) } as Json;
    });
    const { status } = await played.run(definition, input);
    return { status, told };
  };

  it('asks a broken run until it has removed what it made and ended, and says why it is broken', async () => {
    const { status, told } = await play((asked) =>
      asked < 3 ? waits : { kind: 'ended', verdict: 'failed', summary: 'Lambda.Unknown' },
    );
    expect([status, told.length]).toEqual(['SUCCEEDED', 3]);
    expect(told[0]).toBe('Lambda.Unknown: it was killed');
  });

  it('fails itself, which calls a person, when a broken run never ends', async () => {
    const { status, told } = await play(() => waits);
    expect([status, told.length]).toEqual(['FAILED', MOST_ENDINGS]);
  });
});

describe('a deployment with backups', () => {
  const withBackup = buildStack((config) => ({
    ...config,
    databases: {
      'orders-db': { ...(config.databases?.['orders-db'] ?? failing()), backup: {} },
    },
  }));

  it('has a schedule for each database, in UTC at two, that starts a run once', () => {
    const schedules = resourcesOf(withBackup, 'AWS::Scheduler::Schedule').filter(({ properties }) =>
      String(properties.Name).startsWith('back-up-database'),
    );
    expect(schedules.map(({ properties }) => properties)).toMatchObject([
      {
        Name: 'back-up-database-orders-db',
        ScheduleExpression: 'cron(0 2 * * ? *)',
        ScheduleExpressionTimezone: 'UTC',
        FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 15 },
        Target: { Input: expect.stringContaining('<aws.scheduler.scheduled-time>') },
      },
    ]);
  });

  it('lets the job make snapshots under its own names only', () => {
    const create = statementsOf(withBackup, 'Jobsbackupdatabase').find(({ Action }) =>
      [Action].flat().includes('rds:CreateDBSnapshot'),
    );
    expect(create?.Resource).toEqual([
      'arn:aws:rds:us-east-1:111122223333:db:orders-db',
      'arn:aws:rds:us-east-1:111122223333:snapshot:nightshift-main-orders-db-*',
    ]);
  });

  it('calls a person when a run breaks off', () => {
    const names = resourcesOf(withBackup, 'AWS::CloudWatch::Alarm').map(({ properties }) => properties.AlarmName);
    expect(names).toEqual(expect.arrayContaining(['nightshift-main-jobs-failed', 'nightshift-main-jobs-timedout']));
  });
});

describe('a deployment with checks', () => {
  const withChecks = buildStack((config) => ({ ...config, checks: {} }));

  it('runs each once for the whole deployment, and neither may read a value', () => {
    const schedules = resourcesOf(withChecks, 'AWS::Scheduler::Schedule').map(({ properties }) => properties.Name);
    expect(schedules).toEqual(
      expect.arrayContaining([
        'check-capacity-all',
        'check-health-all',
        'check-secrets-all',
        'check-database-orders-db',
      ]),
    );
    const actions = ['Jobschecksecrets', 'Jobscheckhealth', 'Jobscheckcapacity']
      .flatMap((role) => statementsOf(withChecks, role))
      .flatMap(({ Action }) => Action)
      .filter((action) => /^(secretsmanager|ssm|ecs|rds|cloudwatch):/.test(String(action)));
    expect([...new Set(actions)].sort()).toEqual([
      ...['cloudwatch:DescribeAlarms', 'cloudwatch:GetMetricData', 'ecs:DescribeServices', 'rds:DescribeDBInstances'],
      ...['secretsmanager:ListSecretVersionIds', 'secretsmanager:ListSecrets', 'ssm:DescribeParameters'],
    ]);
  });
});

describe('a deployment with a look into each database', () => {
  const built = buildStack((config) => ({ ...config, checks: {} }));

  it('has it in the databases’ network, with one login and the journal, and nothing else', () => {
    const [inside] = resourcesOf(built, 'AWS::Lambda::Function').filter(
      ({ properties }) => properties.FunctionName === 'nightshift-main-check-database',
    );
    expect(inside?.properties.VpcConfig).toMatchObject({ SubnetIds: expect.any(Array) });
    const actions = statementsOf(built, 'Jobscheckdatabase').flatMap(({ Effect, Action }) =>
      Effect === 'Allow' ? [Action].flat() : [],
    );
    expect(actions.filter((action) => !/^(logs|sqs|ec2):/.test(action)).sort()).toEqual([
      ...['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query', 'rds-db:connect'],
    ]);
  });
});

describe('a deployment with reports', () => {
  const withReports = buildStack((config) => ({ ...config, reports: { timeZone: 'Europe/Paris' } }));

  it('writes each at its own time on the clock of their time zone', () => {
    const schedules = resourcesOf(withReports, 'AWS::Scheduler::Schedule').flatMap(({ properties }) =>
      String(properties.Name).startsWith('write-report-')
        ? [[properties.Name, properties.ScheduleExpression, properties.ScheduleExpressionTimezone]]
        : [],
    );
    expect(schedules.sort()).toEqual([
      ['write-report-backups-and-drills', 'cron(30 8 1 * ? *)', 'Europe/Paris'],
      ['write-report-daily-operations', 'cron(30 7 * * ? *)', 'Europe/Paris'],
      ['write-report-on-call-handoff', 'cron(0 9 * * ? *)', 'Europe/Paris'],
      ['write-report-response-times', 'cron(15 8 1 * ? *)', 'Europe/Paris'],
      ['write-report-service-levels', 'cron(0 8 1 * ? *)', 'Europe/Paris'],
      ['write-report-weekly-maintenance', 'cron(0 8 ? * MON *)', 'Europe/Paris'],
    ]);
  });

  it('may add to its own folder of the archive, tell of reports only, and change nothing', () => {
    const statements = statementsOf(withReports, 'Jobswritereport');
    const of = (action: string) => statements.find(({ Action }) => [Action].flat().includes(action));
    expect(of('s3:PutObject')?.Resource).toBe('arn:aws:s3:::nightshift-main-111122223333-us-east-1/reports/*');
    expect(of('events:PutEvents')).toMatchObject({
      Resource: 'arn:aws:events:us-east-1:111122223333:event-bus/nightshift-main',
      // A request has as many sources and kinds as it has events.
      Condition: {
        'ForAllValues:StringLike': { 'events:source': ['nightshift'], 'events:detail-type': ['Report Written'] },
        Null: { 'events:source': 'false', 'events:detail-type': 'false' },
      },
    });
    const actions = statements.flatMap(({ Action }) => [Action].flat()).map(String);
    expect(actions.filter((action) => /^(ecs|rds|s3|events|cloudwatch|route53):/.test(action)).sort()).toEqual([
      ...['cloudwatch:GetMetricData', 'events:PutEvents', 's3:PutObject'],
    ]);
    const [report] = resourcesOf(withReports, 'AWS::Lambda::Function').filter(
      ({ properties }) => properties.FunctionName === 'nightshift-main-write-report',
    );
    expect(report?.properties.Environment).toMatchObject({
      Variables: {
        NIGHTSHIFT_ARCHIVE_BUCKET: 'nightshift-main-111122223333-us-east-1',
        NIGHTSHIFT_BUS: 'nightshift-main',
        NIGHTSHIFT_JOBS: expect.stringContaining('{"job":"write-report","subject":"service-levels"}'),
      },
    });
  });
});

describe('a deployment with drills', () => {
  const built = buildStack((config) => ({
    ...config,
    plans: ['service-recovery'],
    drills: { backend: { plan: 'service-recovery', input: { service: 'backend' } } },
  }));

  it('rehearses each at its own time', () => {
    const [schedule] = resourcesOf(built, 'AWS::Scheduler::Schedule').filter(
      ({ properties }) => properties.Name === 'drill-backend',
    );
    expect(schedule?.properties).toMatchObject({ ScheduleExpression: 'cron(0 10 ? * 3#1 *)' });
  });

  it('may start the plans that it rehearses and no other, and write into runs of those alone', () => {
    const statements = statementsOf(built, 'Jobsdrill');
    const [start] = statements.filter(({ Action }) => [Action].flat().includes('states:StartExecution'));
    expect(JSON.stringify(start?.Resource)).toMatch(/stateMachine:nightshift-main-service-recovery"/);
    expect(JSON.stringify(start?.Resource)).not.toContain('*');
    const fenced = statements.filter(({ Action }) => [Action].flat().includes('dynamodb:UpdateItem'));
    expect(fenced).toHaveLength(1);
    expect(JSON.stringify(fenced[0]?.Condition).match(/PLAN#[^"]*/g)).toEqual(['PLAN#service-recovery']);
    const [unit] = resourcesOf(built, 'AWS::Lambda::Function').filter(
      ({ properties }) => properties.FunctionName === 'nightshift-main-drill',
    );
    expect(JSON.stringify(unit?.properties.Environment)).toMatch(
      /NIGHTSHIFT_MACHINES.*stateMachine:nightshift-main-service-recovery/,
    );
  });
});

describe('a deployment with backups of its configuration', () => {
  const built = (zones: string[], rules: string[]) =>
    buildStack((config) => ({ ...config, configurationBackup: { zones, rules } }));
  const allowed = (stack: ReturnType<typeof buildStack>) =>
    statementsOf(stack, 'Jobsbackupconfiguration').filter(({ Effect }) => Effect === 'Allow');

  it('may read no value and change nothing, and adds to its own folder of the archive', () => {
    const statements = allowed(built(['Z0123456789'], ['orders-']));
    const actions = statements.flatMap(({ Action }) => [Action].flat()).map(String);
    expect(actions.filter((action) => !/^(logs|sqs|dynamodb):/.test(action)).sort()).toEqual([
      'acm:ListCertificates',
      ...['application-autoscaling:DescribeScalableTargets', 'application-autoscaling:DescribeScalingPolicies'],
      'cloudtrail:LookupEvents',
      ...['cloudwatch:DescribeAlarms', 'ecs:DescribeServices', 'ecs:DescribeTaskDefinition', 'ecs:ListClusters'],
      ...['ecs:ListServices', 'events:ListRules', 'events:ListTargetsByRule', 'rds:DescribeDBInstances'],
      ...['route53:ListHostedZones', 'route53:ListResourceRecordSets', 's3:GetObject', 's3:PutObject'],
      ...['s3:PutObjectRetention', 'ssm:DescribeParameters', 'states:ListStateMachines'],
    ]);
    const of = (action: string) => statements.find(({ Action }) => [Action].flat().includes(action))?.Resource;
    expect(of('s3:PutObject')).toBe('arn:aws:s3:::nightshift-main-111122223333-us-east-1/configuration/*');
    expect(of('route53:ListResourceRecordSets')).toBe('arn:aws:route53:::hostedzone/Z0123456789');
    expect(of('events:ListTargetsByRule')).toBe('arn:aws:events:us-east-1:111122223333:rule/orders-*');
  });

  it('reads the public part of the certificates that are imported from a secret, and of no other', () => {
    const arn = 'arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012';
    const stack = buildStack((config) => ({
      ...config,
      ...{ configurationBackup: {}, certificates: { shop: { arn } } },
    }));
    const get = allowed(stack).filter(({ Action }) => [Action].flat().includes('acm:GetCertificate'));
    expect(get).toEqual([]);
  });

  it('runs once a day for everything; without it there is no such function', () => {
    const names = (stack: ReturnType<typeof buildStack>) =>
      resourcesOf(stack, 'AWS::Scheduler::Schedule').map(({ properties }) => properties.Name);
    expect(names(built([], []))).toContain('back-up-configuration-all');
    expect(names(buildStack())).not.toContain('back-up-configuration-all');
  });
});

describe('a deployment with heartbeats', () => {
  const two = (heartbeat: boolean) =>
    buildStack((config) => {
      const database = config.databases?.['orders-db'] ?? failing();
      const other = { ...database, resourceId: 'db-OTHER', heartbeat: false };
      return { ...config, databases: { 'orders-db': { ...database, heartbeat }, 'other-db': other } };
    });

  it('starts their function each minute, and lets it log in to the databases that want it, and nothing else', () => {
    const built = two(true);
    const [schedule] = resourcesOf(built, 'AWS::Scheduler::Schedule').filter(({ properties }) =>
      String(properties.Name).endsWith('write-heartbeat'),
    );
    expect(schedule?.properties).toMatchObject({ ScheduleExpression: 'rate(1 minute)' });
    const allowed = statementsOf(built, 'writeheartbeatRole').filter(
      ({ Effect, Action }) => Effect === 'Allow' && ![Action].flat().every((each) => /^(logs|sqs|ec2):/.test(each)),
    );
    expect(allowed).toMatchObject([
      { Action: 'rds-db:connect', Resource: expect.stringMatching(/:dbuser:db-[A-Z0-9]+\/nightshift_heartbeat$/) },
    ]);
    expect(JSON.stringify(allowed)).not.toContain('db-OTHER');
  });

  it('calls a person once for what is not set up, instead of once a minute by the failure queue', () => {
    const built = two(true);
    const [again] = resourcesOf(built, 'AWS::Lambda::EventInvokeConfig').filter(({ id }) =>
      id.startsWith('writeheartbeat'),
    );
    expect(again?.properties).toMatchObject({ MaximumRetryAttempts: 0 });
    const [alarm] = resourcesOf(built, 'AWS::CloudWatch::Alarm').filter(
      ({ properties }) => properties.AlarmName === 'nightshift-main-heartbeats-not-set-up',
    );
    expect(alarm?.properties).toMatchObject({
      ...{ Namespace: 'Nightshift', MetricName: 'HeartbeatsNotSetUp', TreatMissingData: 'notBreaching' },
      Dimensions: [{ Name: 'Deployment', Value: 'main' }],
    });
  });

  it('has no such function where no database wants it', () => {
    const functions = resourcesOf(two(false), 'AWS::Lambda::Function').map(({ properties }) => properties.FunctionName);
    expect(functions).not.toContain('nightshift-main-write-heartbeat');
  });
});

describe('a deployment that looks at its standby region', () => {
  const built = buildStack((config) => ({
    ...config,
    checks: {
      standby: {
        services: { backend: { cluster: 'west', service: 'orders' } },
        databases: { 'orders-db': { replica: 'orders-db-west' } },
      },
    },
  }));

  it('has one run for it, which reads what is named, here and there, and changes nothing', () => {
    expect(resourcesOf(built, 'AWS::Scheduler::Schedule').map(({ properties }) => properties.Name)).toContain(
      'check-standby-all',
    );
    const allowed = statementsOf(built, 'Jobscheckstandby').flatMap(({ Action, Resource }) =>
      [Action].flat().map((action) => [String(action), [Resource].flat()] as const),
    );
    const of = (wanted: string) => allowed.flatMap(([action, resources]) => (action === wanted ? resources : []));
    expect(of('ecs:DescribeServices')).toContain('arn:aws:ecs:us-west-2:111122223333:service/west/orders');
    expect(of('rds:DescribeDBInstances')).toEqual([
      'arn:aws:rds:us-east-1:111122223333:db:orders-db',
      'arn:aws:rds:us-west-2:111122223333:db:orders-db-west',
    ]);
    // Nothing is copied, so copies aren't looked for.
    expect(of('rds:DescribeDBSnapshots')).toEqual([]);
    const reading = /^(ecs|rds|cloudwatch|application-autoscaling):(Describe|List|Get)/;
    expect(
      allowed.filter(([action]) => /^(ecs|rds|application-autoscaling)/.test(action) && !reading.test(action)),
    ).toEqual([]);
  });

  it('has none of it where nothing is named for that', () => {
    const without = buildStack((config) => ({ ...config, checks: {} }));
    expect(statementsOf(without, 'Jobscheckstandby')).toEqual([]);
  });
});

describe('a deployment whose backups are copied to the standby region', () => {
  const key = 'arn:aws:kms:us-west-2:111122223333:key/copies';
  const withCopy = (more: object) =>
    buildStack((config) => ({
      ...config,
      databases: {
        'orders-db': {
          ...(config.databases?.['orders-db'] ?? failing()),
          backup: { copy: { kmsKeyArn: key }, ...more },
        },
      },
    }));
  const copied = withCopy({});
  const proved = withCopy({
    verify: { subnetGroup: 'restored', securityGroupId: 'sg-0000abcd', tables: [{ name: 'public.orders' }] },
  });
  /** Actions in the standby region, each with what it is for there. */
  const there = (stack: typeof copied, role: string) =>
    statementsOf(stack, role)
      .flatMap(({ Action, Resource }) =>
        [Action].flat().map((action) => ({
          action: String(action),
          resources: [Resource].flat().filter((each) => String(each).includes(':us-west-2:')),
        })),
      )
      .filter(({ resources }) => resources.length > 0);
  const names = 'arn:aws:rds:us-west-2:111122223333:snapshot:nightshift-main-orders-db-*';

  it('may copy its own snapshots there, under their names, with that key by RDS alone', () => {
    expect(there(copied, 'Jobsbackupdatabase')).toEqual([
      { action: 'rds:AddTagsToResource', resources: [names] },
      { action: 'rds:CopyDBSnapshot', resources: [names] },
      { action: 'rds:DescribeDBSnapshots', resources: [names] },
      { action: 'kms:CreateGrant', resources: [key] },
      { action: 'kms:DescribeKey', resources: [key] },
    ]);
    const ofKey = statementsOf(copied, 'Jobsbackupdatabase').find(({ Resource }) => Resource === key);
    expect(ofKey).toMatchObject({ Condition: { StringEquals: { 'kms:ViaService': 'rds.us-west-2.amazonaws.com' } } });
  });

  it('passes AWS Solutions checks of cdk-nag, also where they are removed there', () => {
    expect(new AwsSolutionsChecks(proved.app).validateScope(proved.app).violations).toEqual([]);
  });

  it('may remove them there once they are proved, and nowhere touches that region otherwise', () => {
    expect(there(proved, 'Jobsprunebackups')).toContainEqual({ action: 'rds:DeleteDBSnapshot', resources: [names] });
    const without = withCopy({ copy: undefined });
    expect(there(without, 'Jobsbackupdatabase')).toEqual([]);
  });
});

describe('a deployment whose proved backups are exported', () => {
  const role = 'arn:aws:iam::111122223333:role/exports';
  const key = 'arn:aws:kms:us-east-1:111122223333:key/1234';
  const bucket = 'nightshift-main-db-111122223333-us-east-1';
  const exported = buildStack((config) => ({
    ...config,
    databases: {
      'orders-db': {
        ...(config.databases?.['orders-db'] ?? failing()),
        backup: {
          verify: { subnetGroup: 'restored', securityGroupId: 'sg-0000abcd', tables: [{ name: 'public.orders' }] },
          export: { roleArn: role, kmsKeyArn: key, keepDays: 40 },
        },
      },
    },
  }));

  it('has a private bucket whose lifecycle deletes them by their age, and that outlives the stack [D51, D114]', () => {
    const found = Object.values(exported.template.findResources('AWS::S3::Bucket')).find(
      ({ Properties }) => Properties?.BucketName === bucket,
    );
    expect(found).toMatchObject({
      DeletionPolicy: 'Retain',
      Properties: {
        BucketEncryption: { ServerSideEncryptionConfiguration: [expect.anything()] },
        PublicAccessBlockConfiguration: { BlockPublicAcls: true, RestrictPublicBuckets: true },
        LifecycleConfiguration: {
          Rules: expect.arrayContaining([
            expect.objectContaining({ Prefix: 'orders-db/', ExpirationInDays: 40, Status: 'Enabled' }),
          ]),
        },
      },
    });
  });

  it('exports its own snapshots alone, passes on that role and to RDS alone, and never reads the data', () => {
    const statements = statementsOf(exported, 'Jobsexportbackup');
    const ofAction = (action: string) => statements.filter(({ Action }) => [Action].flat().includes(action));
    expect(ofAction('rds:StartExportTask').map(({ Resource }) => Resource)).toEqual([
      'arn:aws:rds:us-east-1:111122223333:snapshot:nightshift-main-orders-db-*',
    ]);
    expect(ofAction('iam:PassRole')).toMatchObject([
      { Resource: role, Condition: { StringEquals: { 'iam:PassedToService': 'export.rds.amazonaws.com' } } },
    ]);
    expect(ofAction('kms:Decrypt')).toMatchObject([
      { Resource: key, Condition: { StringEquals: { 'kms:ViaService': 's3.us-east-1.amazonaws.com' } } },
    ]);
    expect(ofAction('s3:GetObject').map(({ Resource }) => Resource)).toEqual([
      `arn:aws:s3:::${bucket}/orders-db/*/export_*`,
    ]);
  });

  it('passes AWS Solutions checks of cdk-nag', () => {
    expect(new AwsSolutionsChecks(exported.app).validateScope(exported.app).violations).toEqual([]);
  });

  it('fits the names of buckets also with the longest names of deployment and region', () => {
    expect(`nightshift-${'a'.repeat(20)}-db-111122223333-ap-southeast-2`.length).toBeLessThanOrEqual(63);
  });
});

describe('a deployment whose backups are proved', () => {
  const proved = buildStack((config) => ({
    ...config,
    databases: {
      'orders-db': {
        ...(config.databases?.['orders-db'] ?? failing()),
        backup: {
          verify: { subnetGroup: 'restored', securityGroupId: 'sg-0000abcd', tables: [{ name: 'public.orders' }] },
        },
      },
    },
  }));
  const statement = (role: string, action: string) =>
    statementsOf(proved, role).flatMap(({ Action, Resource }) =>
      [Action].flat().includes(action) ? [Resource].flat() : [],
    );

  it('restores and removes under its own names only', () => {
    const scratch = 'arn:aws:rds:us-east-1:111122223333:db:nightshift-main-scratch-*';
    expect(statement('Jobsverifybackup', 'rds:DeleteDBInstance')).toEqual([scratch]);
    expect(statement('Jobssweepscratch', 'rds:DeleteDBInstance')).toEqual([scratch]);
    expect(statement('Jobsverifybackup', 'rds:RestoreDBInstanceFromDBSnapshot')).toEqual(
      expect.arrayContaining([
        scratch,
        'arn:aws:rds:us-east-1:111122223333:snapshot:nightshift-main-orders-db-*',
        'arn:aws:rds:us-east-1:111122223333:subgrp:restored',
      ]),
    );
    expect(statement('Jobsprunebackups', 'rds:DeleteDBSnapshot')).toEqual([
      'arn:aws:rds:us-east-1:111122223333:snapshot:nightshift-main-orders-db-*',
    ]);
  });

  it('reads copies by a function that reaches nothing else: no journal, no way out, one login', () => {
    const actions = statementsOf(proved, 'Jobsreadbackup').flatMap(({ Action }) => [Action].flat());
    expect(actions.filter((action) => /^(dynamodb|rds|lambda):/.test(String(action)))).toEqual([]);
    expect(statement('Jobsreadbackup', 'rds-db:connect')).toEqual([
      'arn:aws:rds-db:us-east-1:111122223333:dbuser:*/nightshift_verify',
    ]);
    const groups = resourcesOf(proved, 'AWS::EC2::SecurityGroup').filter(({ id }) => id.includes('ScratchNetwork'));
    expect(groups.map(({ properties }) => properties.SecurityGroupEgress)).toEqual([
      [
        {
          IpProtocol: 'tcp',
          FromPort: 5432,
          ToPort: 5432,
          DestinationSecurityGroupId: 'sg-0000abcd',
          Description: 'To restored backups',
        },
      ],
    ]);
  });

  it('refuses to restore copies into the security group of a database', () => {
    const same = () =>
      buildStack((config) => {
        const database = config.databases?.['orders-db'] ?? failing();
        const verify = { subnetGroup: 'a', securityGroupId: database.securityGroupId, tables: [{ name: 'a.b' }] };
        return { ...config, databases: { 'orders-db': { ...database, backup: { verify } } } };
      });
    expect(same).toThrow('one for restored backups alone');
  });
});

describe('a deployment with certificates', () => {
  it('lets the look at certificates tell the bus of its own kind of event only', () => {
    const stack = buildStack((config) => ({
      ...config,
      certificates: {
        shop: { arn: 'arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012' },
      },
    }));
    const puts = statementsOf(stack, 'Jobscheckcertificates').filter(({ Action }) =>
      [Action].flat().includes('events:PutEvents'),
    );
    expect(puts).toMatchObject([
      {
        Condition: {
          'ForAllValues:StringLike': { 'events:source': [SCHEDULE_SOURCE] },
          Null: { 'events:source': 'false' },
        },
      },
    ]);
  });
});

describe('a deployment without backups', () => {
  it('has no job, no machine and no schedule for it', () => {
    const machines = resourcesOf(buildStack(), 'AWS::StepFunctions::StateMachine');
    expect(machines.map(({ properties }) => properties.StateMachineName)).toEqual(['nightshift-main-follow-through']);
  });
});

function failing(): never {
  throw new Error('the example configuration has no database');
}
