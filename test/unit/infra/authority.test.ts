/** What is deployed so that a database takes writes by a lease, in the primary's region and in the standby's. */
import { describe, expect, it } from '@jest/globals';
import type { ConfigInput } from '../../../infra/config/schema.ts';
import { buildStack, resourcesOf, statementsOf } from './stack-fixture.ts';

const failing = (): never => {
  throw new Error('the fixture has no orders-db');
};
const primary = () =>
  buildStack((config) => {
    const database = config.databases?.['orders-db'] ?? failing();
    return { ...config, databases: { 'orders-db': { ...database, authority: true } } };
  });
const PAIR: NonNullable<ConfigInput['pairs']>[string] = {
  ...{ replica: 'orders-db', tasks: {}, outageAlarms: ['nightshift-main-silent'] },
  primaryProbeUrl: 'https://east.example.com/health',
  standbyHealthUrl: 'https://west.example.com/health',
  standbyProbeUrl: 'https://west.example.com/orders',
  userUrl: 'https://www.example.com/orders',
  switch: { bucket: 'failover', key: 'orders' },
  fencing: { by: 'self', deployment: 'east', database: 'orders-db' },
};
const standby = (fencing = PAIR.fencing) =>
  buildStack((config) => {
    const [service = failing()] = Object.keys(config.services ?? {});
    return { ...config, plans: ['region-failover'], pairs: { shop: { ...PAIR, fencing, tasks: { [service]: 1 } } } };
  });
const functionsOf = (built: ReturnType<typeof buildStack>) =>
  resourcesOf(built, 'AWS::Lambda::Function').map(({ properties }) => properties.FunctionName);
const allowedTo = (built: ReturnType<typeof buildStack>, role: string, service: RegExp) =>
  statementsOf(built, role).filter(
    ({ Effect, Action }) => Effect === 'Allow' && [Action].flat().every((each) => service.test(String(each))),
  );

describe('authority', () => {
  it('takes one function in the primary’s region, which logs in as nightshift_authority and notes what was granted', () => {
    const built = primary();
    expect(functionsOf(built)).toContain('nightshift-main-set-authority');
    expect(functionsOf(built)).not.toContain('nightshift-main-keep-authority');
    const allowed = allowedTo(built, 'setauthorityRole', /^(?!(logs|sqs|ec2|dynamodb):)/);
    expect(allowed).toMatchObject([
      { Action: 'rds-db:connect', Resource: expect.stringMatching(/:dbuser:db-[A-Z0-9]+\/nightshift_authority$/) },
    ]);
    expect(allowedTo(built, 'setauthorityRole', /^dynamodb:/)).toMatchObject([
      {
        Action: 'dynamodb:UpdateItem',
        Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['AUTHORITY#*'] } },
      },
    ]);
  });

  it('takes a keeper in the standby’s, started each minute, which may ask that one function and write authority alone', () => {
    const built = standby();
    expect(functionsOf(built)).toEqual(
      expect.arrayContaining(['nightshift-main-keep-authority', 'nightshift-main-set-authority']),
    );
    const [schedule] = resourcesOf(built, 'AWS::Scheduler::Schedule').filter(({ properties }) =>
      String(properties.Name).endsWith('keep-authority'),
    );
    expect(schedule?.properties).toMatchObject({ ScheduleExpression: 'rate(1 minute)' });
    const [invoke] = allowedTo(built, 'keepauthorityRole', /^lambda:/);
    expect(invoke?.Resource).toMatch(/:us-west-2:.*:function:nightshift-east-set-authority$/);
    const writes = allowedTo(built, 'keepauthorityRole', /^dynamodb:PutItem$/);
    expect(writes).toMatchObject([
      { Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['AUTHORITY#*'] } } },
    ]);
  });

  it('calls a person when it isn’t renewed, and when nothing is heard of the keeper', () => {
    const [alarm] = resourcesOf(standby(), 'AWS::CloudWatch::Alarm').filter(
      ({ properties }) => properties.AlarmName === 'nightshift-main-authority-not-kept',
    );
    expect(alarm?.properties).toMatchObject({
      ...{ MetricName: 'AuthorityKept', Threshold: 1, TreatMissingData: 'missing' },
      InsufficientDataActions: [expect.anything()],
    });
  });

  it('calls a person also from the primary’s region, when no database there is told anything: the standby’s may be what is lost', () => {
    const alarms = resourcesOf(primary(), 'AWS::CloudWatch::Alarm').filter(({ properties }) =>
      String(properties.AlarmName).startsWith('nightshift-main-authority-'),
    );
    expect(alarms.map(({ properties }) => properties)).toMatchObject([
      {
        ...{ AlarmName: 'nightshift-main-authority-not-heard', MetricName: 'AuthorityHeard', Threshold: 1 },
        Dimensions: [{ Name: 'Deployment', Value: 'main' }],
        AlarmActions: [expect.anything()],
        InsufficientDataActions: [expect.anything()],
      },
    ]);
  });

  it('lets the plan that fails over write who may write only where that is a lease', () => {
    const mayWrite = (built: ReturnType<typeof buildStack>) =>
      JSON.stringify(allowedTo(built, 'regionfailoverRole', /^dynamodb:/)).includes('AUTHORITY#*');
    expect(mayWrite(standby())).toBe(true);
    const attested = standby({ by: 'attested' });
    expect(mayWrite(attested)).toBe(false);
    expect(allowedTo(attested, 'regionfailoverRole', /^dynamodb:/)).not.toEqual([]);
    expect(allowedTo(attested, 'regionfailoverRole', /^lambda:/)).toEqual([]);
  });

  it('is deployed nowhere else', () => {
    expect(functionsOf(buildStack()).filter((name) => String(name).endsWith('authority'))).toEqual([]);
  });
});
