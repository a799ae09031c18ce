import { describe, expect, it } from '@jest/globals';
import { jobMachineDefinition, MOST_TURNS } from '../../../infra/constructs/job-machine.ts';
import { buildStack, resourcesOf, statementsOf } from './stack-fixture.ts';

interface AslState {
  readonly Type: string;
  readonly Next?: string;
  readonly Default?: string;
  readonly Choices?: readonly { readonly Next: string }[];
  readonly Catch?: readonly { readonly Next: string }[];
  readonly TimeoutSeconds?: number;
  readonly Retry?: readonly unknown[];
}
const definition = jobMachineDefinition('aws', 35) as { StartAt: string; States: Record<string, AslState> };
const nexts = ({ Next, Default, Choices = [], Catch = [] }: AslState): string[] => [
  ...(Next ? [Next] : []),
  ...(Default ? [Default] : []),
  ...Choices.map((each) => each.Next),
  ...Catch.map((each) => each.Next),
];

describe('the state machine of jobs', () => {
  it('reaches an end from every state, and every state from its start', () => {
    const ends = new Set(['Succeed', 'Fail']);
    const reaches = (name: string, seen: ReadonlySet<string>): boolean => {
      const state = definition.States[name];
      if (!state) throw new Error(`${name} is no state`);
      if (ends.has(state.Type)) return true;
      return nexts(state).some((next) => !seen.has(next) && reaches(next, new Set([...seen, next])));
    };
    for (const name of Object.keys(definition.States))
      expect([name, reaches(name, new Set([name]))]).toEqual([name, true]);
    const reached = new Set([definition.StartAt]);
    for (const name of reached) for (const next of nexts(definition.States[name] as AslState)) reached.add(next);
    expect([...reached].sort()).toEqual(Object.keys(definition.States).sort());
  });

  it('has a timeout, retries and a catch on every task, and counts its turns', () => {
    const tasks = Object.values(definition.States).filter(({ Type }) => Type === 'Task');
    expect(tasks).toHaveLength(2);
    for (const { TimeoutSeconds, Retry, Catch } of tasks) {
      expect(TimeoutSeconds).toBe(35);
      expect(Retry?.length).toBeGreaterThan(0);
      expect(Catch?.length).toBeGreaterThan(0);
    }
    expect(JSON.stringify(definition)).toContain(`$turns < ${MOST_TURNS}`);
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

describe('a deployment without backups', () => {
  it('has no job, no machine and no schedule for it', () => {
    const machines = resourcesOf(buildStack(), 'AWS::StepFunctions::StateMachine');
    expect(machines.map(({ properties }) => properties.StateMachineName)).toEqual(['nightshift-main-follow-through']);
  });
});

function failing(): never {
  throw new Error('the example configuration has no database');
}
