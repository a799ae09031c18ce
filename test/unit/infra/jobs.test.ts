import { describe, expect, it } from '@jest/globals';
import { jobMachineDefinition, MOST_TURNS } from '../../../infra/constructs/job-machine.ts';
import { type Asl, faultsOf } from '../../support/asl-graph.ts';
import { buildStack, resourcesOf, statementsOf } from './stack-fixture.ts';

const definition = jobMachineDefinition('aws', 35) as Asl;

describe('the state machine of jobs', () => {
  it('ends from every state, with time limits, retries and a catch for every task, and counts its turns', () => {
    expect(faultsOf(definition, [`$turns < ${MOST_TURNS}`])).toEqual([]);
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
    expect(schedules).toEqual(expect.arrayContaining(['check-health-all', 'check-secrets-all']));
    const actions = ['Jobschecksecrets', 'Jobscheckhealth']
      .flatMap((role) => statementsOf(withChecks, role))
      .flatMap(({ Action }) => Action)
      .filter((action) => /^(secretsmanager|ssm|ecs|rds|cloudwatch):/.test(String(action)));
    expect([...new Set(actions)].sort()).toEqual([
      ...['cloudwatch:DescribeAlarms', 'cloudwatch:GetMetricData', 'ecs:DescribeServices', 'rds:DescribeDBInstances'],
      ...['secretsmanager:ListSecretVersionIds', 'secretsmanager:ListSecrets', 'ssm:DescribeParameters'],
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
