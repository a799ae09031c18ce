/** Every event source on the samples that AWS publishes, and on samples with one thing broken. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type Certificate, tellDays } from '../../../functions/certificates/certificate.ts';
import { EVENT_SOURCES, eventSourceOf, readSignal } from '../../../functions/engine/sources/index.ts';
import { compilePattern } from '../../../local/stand-ins/eventbridge/pattern.ts';
import { RUNBOOKS } from '../../../runbooks/index.ts';
import { config as base, certificate, database, endpoint } from '../../support/fixtures.ts';

type Event = Record<string, unknown> & { detail: Record<string, unknown>; resources: string[] };
const FOLDER = join(import.meta.dirname, '../../../events/sources');
const sample = (source: string, name: string): Event =>
  JSON.parse(readFileSync(join(FOLDER, source, 'samples', `${name}.json`), 'utf8'));
const config = (region: string) => ({ ...base, region });
const read = (event: Event, region = String(event.region)) => eventSourceOf(event)?.toSignal(event, config(region));
const withDetail = (event: Event, detail: object): Event => ({ ...event, detail: { ...event.detail, ...detail } });

const task = sample('ecs-task', 'running');
const stoppedTask = withDetail(task, {
  group: 'service:backend',
  lastStatus: 'STOPPED',
  startedBy: 'ecs-svc/123',
  stopCode: 'EssentialContainerExited',
  stoppedReason: 'Essential container in task exited',
  containers: [{ name: 'backend', exitCode: 1 }],
});
const killedTask = withDetail(stoppedTask, {
  containers: [{ name: 'backend', exitCode: 137, reason: 'OutOfMemoryError: Container killed due to memory usage' }],
});
const failedBackup = sample('backup', 'failed');
const databaseBackup = withDetail(failedBackup, { resourceArn: 'arn:aws:rds:us-west-2:111122223333:db:orders-db' });
const degraded = sample('health', 'instance-store-degraded');
const databaseHealth = withDetail(degraded, {
  service: 'RDS',
  eventRegion: 'us-west-2',
  affectedEntities: [{ entityValue: 'orders-db' }],
});

const CONNECTIONS = 'SELECT MAX(DatabaseConnections) FROM SCHEMA("AWS/RDS", DBInstanceIdentifier)';
/** As AWS publishes it, of a query that reads databases: each of its time series is one. */
const contributor = (
  more: object = {},
  resources = ['arn:aws:cloudwatch:us-east-1:123456789012:alarm:full'],
): Event => ({
  ...withDetail(sample('cloudwatch-contributor', 'state-change'), {
    alarmName: 'full-databases',
    alarmContributor: { id: '6d442278dba546f6', attributes: { DBInstanceIdentifier: 'orders-db' } },
    configuration: { metrics: [{ id: 'q1', expression: `${CONNECTIONS} GROUP BY DBInstanceIdentifier` }] },
    alarmTags: { 'nightshift:runbook': 'release-idle-connections' },
    ...more,
  }),
  resources,
});
const query = (expression: string) => ({ configuration: { metrics: [{ id: 'q1', expression }] } });
const attributes = (of: object) => ({ alarmContributor: { id: 'c', attributes: of } });

const SERVICE = 'ecs-service/default/servicetest';

describe('an event source', () => {
  it.each<[string, Event, string, string]>([
    ['a failed deployment', sample('ecs-deployment', 'failed'), SERVICE, 'SERVICE_DEPLOYMENT_FAILED'],
    ['a deployment', sample('ecs-deployment', 'in-progress'), SERVICE, 'SERVICE_DEPLOYMENT_IN_PROGRESS'],
    ['a rollback', sample('ecs-deployment', 'in-progress-rollback'), SERVICE, 'SERVICE_DEPLOYMENT_IN_PROGRESS'],
    ['a completed deployment', sample('ecs-deployment', 'completed'), SERVICE, 'SERVICE_DEPLOYMENT_COMPLETED'],
    ['tasks that don’t start', sample('ecs-service', 'task-start-impaired'), SERVICE, 'SERVICE_TASK_START_IMPAIRED'],
    [
      'tasks without a place',
      sample('ecs-service', 'task-placement-failure'),
      SERVICE,
      'SERVICE_TASK_PLACEMENT_FAILURE',
    ],
    ['a steady service', sample('ecs-service', 'steady-state'), SERVICE, 'SERVICE_STEADY_STATE'],
    ['a task that ended', stoppedTask, 'ecs-service/FargateCluster/backend', 'EssentialContainerExited'],
    ['a task killed for its memory', killedTask, 'ecs-service/FargateCluster/backend', 'OutOfMemoryError'],
    [
      'a certificate that expires',
      sample('acm', 'approaching-expiration'),
      'certificate/61f50cd4-45b9-4259-b049-d0a53682fa4b',
      'ACM Certificate Approaching Expiration',
    ],
    [
      'a certificate that has expired',
      sample('acm', 'expired'),
      'certificate/61f50cd4-45b9-4259-b049-d0a53682fa4b',
      'ACM Certificate Expired',
    ],
    [
      'a certificate that ACM can’t renew by itself',
      sample('acm', 'renewal-action-required'),
      'certificate/61f50cd4-45b9-4259-b049-d0a53682fa4b',
      'ACM Certificate Renewal Action Required',
    ],
    [
      'a certificate that a job of ours found',
      { ...sample('schedule', 'certificate-needs-renewal'), id: 'check-certificates-shop-2026-11-21T07:30:00Z' },
      'certificate/61f50cd4-45b9-4259-b049-d0a53682fa4b',
      'Certificate Needs Renewal',
    ],
    ['a failed backup of a database', databaseBackup, 'rds-instance/orders-db', 'FAILED'],
    [
      'AWS’s own trouble with a database',
      databaseHealth,
      'aws-health/AWS_EC2_INSTANCE_STORE_DRIVE_PERFORMANCE_DEGRADED_90353408594353980',
      'issue',
    ],
    ['a failover', sample('rds-event', 'failover-completed'), 'rds-instance/my-db-instance', 'RDS-EVENT-0049'],
    ['a database that was stopped', sample('rds-event', 'stopped'), 'rds-instance/testdb', 'RDS-EVENT-0087'],
  ])('reads %s: its target and what happened', (_, event, target, name) => {
    const signal = read(event);
    const source = eventSourceOf(event)?.name;
    expect(signal).toMatchObject({ id: event.id, source, target, name, subject: `${source}:${target}:${name}` });
    expect(signal).toMatchObject({ state: 'firing', recheck: 0, rung: 0, firstEvaluation: false });
  });

  it('takes an event of a DB cluster for one of the database that names the cluster, and of no other', () => {
    const event = sample('rds-event', 'cluster-patched');
    const member = (name: string, clusterIdentifier?: string) => ({ [name]: { ...database, name, clusterIdentifier } });
    const readBy = (databases: object, region = 'us-east-1') =>
      eventSourceOf(event)?.toSignal(event, { ...config(region), databases: databases as never });
    const failedOver = { EventID: 'RDS-EVENT-0071', Message: 'Completed failover to DB instance: orders-db' };
    expect(readBy({ ...member('orders-db', 'my-db-cluster'), ...member('users-db') })).toMatchObject({
      ...{ target: 'rds-instance/orders-db', name: 'RDS-EVENT-0173', state: 'firing' },
    });
    const told = withDetail(event, failedOver);
    expect(
      eventSourceOf(told)?.toSignal(told, { ...config('us-east-1'), databases: member('orders-db', 'my-db-cluster') }),
    ).toMatchObject({ name: 'RDS-EVENT-0071', evidence: { reason: failedOver.Message } });
    expect(readBy(member('orders-db', 'other-cluster'))).toMatchObject({ rejected: 'no-target' });
    expect(readBy(member('orders-db', 'my-db-cluster'), 'eu-west-1')).toMatchObject({ rejected: 'no-target' });
    expect(readBy({ ...member('a', 'my-db-cluster'), ...member('b', 'my-db-cluster') })).toMatchObject({
      rejected: 'several-targets',
    });
  });

  it('says why ACM can’t renew a certificate, and how many days are left', () => {
    const reason = (name: string) => (read(sample('acm', name)) as { evidence: { reason: string } }).evidence.reason;
    expect(reason('renewal-action-required')).toBe('ACM Certificate Renewal Action Required: 30 days left, CAA_ERROR');
    expect(reason('approaching-expiration')).toBe('ACM Certificate Approaching Expiration: 31 days left');
    expect(reason('expired')).toBe('ACM Certificate Expired');
  });

  it('knows the events of its own jobs in the words that they have', () => {
    const told = (name: string) => sample('schedule', name).detail.reason;
    const certificate = { daysLeft: 12, notAfter: '2026-12-03T12:00:00.000Z' } as Certificate;
    expect(tellDays(certificate)).toBe(told('certificate-needs-renewal'));
    expect(tellDays({} as Certificate)).toBe(told('certificate-never-issued'));
    const never = { ...sample('schedule', 'certificate-never-issued') };
    expect(read(never)).toMatchObject({
      name: 'Certificate Needs Renewal',
      evidence: { reason: 'never issued', facts: {} },
    });
  });

  it('reads the end of a trouble that names nothing any more: whoever was called would never hear of it', () => {
    const signal = read(withDetail(databaseHealth, { statusCode: 'closed', affectedEntities: [] }));
    expect(signal).toMatchObject({ name: 'issue', state: 'resolved' });
    const change = { eventTypeCategory: 'scheduledChange', statusCode: 'closed', affectedEntities: [] };
    expect(read(withDetail(databaseHealth, change))).toMatchObject({ name: 'scheduledChange', state: 'resolved' });
  });

  it.each<[string, Event, string]>([
    ['a task that belongs to no service', task, 'no-target'],
    ['a task on an EC2 instance that belongs to no service', sample('ecs-task', 'running-on-ec2'), 'no-target'],
    ['a backup of something unknown', failedBackup, 'no-target'],
    ['a backup job that names no resource yet', sample('backup', 'created'), 'no-target'],
    ['a trouble with instances', degraded, 'no-target'],
    ['an event of a cluster that no database names', sample('rds-event', 'cluster-patched'), 'no-target'],
    [
      'an event of RDS without its identifier',
      withDetail(sample('rds-event', 'stopped'), { EventID: undefined }),
      'malformed',
    ],
    [
      'an identifier with a wildcard',
      withDetail(sample('rds-event', 'stopped'), { EventID: 'RDS-EVENT-*' }),
      'malformed',
    ],
    ['no resources', { ...sample('ecs-deployment', 'failed'), resources: [] }, 'no-target'],
    [
      'an ARN of the old form, without the cluster',
      { ...sample('ecs-deployment', 'failed'), resources: ['arn:aws:ecs:us-west-2:111122223333:service/servicetest'] },
      'no-target',
    ],
    [
      'two services',
      {
        ...sample('ecs-deployment', 'failed'),
        resources: ['a', 'b'].map((name) => `arn:aws:ecs:us-west-2:111122223333:service/default/${name}`),
      },
      'several-targets',
    ],
    ['a health event of another kind', withDetail(databaseHealth, { eventTypeCategory: 'party' }), 'malformed'],
    [
      'a health event without its ARN',
      withDetail(databaseHealth, { eventArn: 'arn:aws:health:::event/' }),
      'malformed',
    ],
    [
      'a health event about databases of others',
      withDetail(databaseHealth, {
        affectedEntities: [{ entityValue: 'arn:aws:rds:us-west-2:111122223333:db:other' }],
      }),
      'no-target',
    ],
    [
      'a trouble with a service that nothing rests on',
      withDetail(databaseHealth, { service: 'BRAKET', affectedEntities: [] }),
      'no-target',
    ],
    [
      'a message to everybody',
      withDetail(databaseHealth, { eventTypeCategory: 'accountNotification', affectedEntities: [] }),
      'no-target',
    ],
    [
      'a name from JavaScript',
      withDetail(databaseHealth, { affectedEntities: [{ entityValue: 'constructor' }] }),
      'no-target',
    ],
    ['a contributor of an alarm without a tag', sample('cloudwatch-contributor', 'state-change'), 'wrong-runbook'],
    [
      'a contributor for no runbook',
      contributor({ alarmTags: { 'nightshift:runbook': 'constructor' } }),
      'wrong-runbook',
    ],
    [
      'a contributor for another deployment',
      contributor({
        alarmTags: { 'nightshift:runbook': 'release-idle-connections', 'nightshift:deployment': 'other' },
      }),
      'wrong-runbook',
    ],
    [
      'a contributor that is well again',
      contributor({ state: { value: 'OK', timestamp: '2025-12-01T13:42:04.919+0000' } }),
      'not-an-alarm',
    ],
    [
      'a contributor of a metric that starts another runbook',
      contributor(query('SELECT AVG(CPUUtilization) FROM "AWS/ECS" GROUP BY ClusterName, ServiceName')),
      'foreign-metric',
    ],
    ['a contributor of no query', contributor(query('m1 + m2')), 'foreign-metric'],
    [
      'a contributor of two queries',
      contributor({
        configuration: {
          metrics: ['DatabaseConnections', 'CPUUtilization'].map((name) => ({
            expression: `SELECT AVG(${name}) FROM "AWS/RDS" GROUP BY DBInstanceIdentifier`,
          })),
        },
      }),
      'foreign-metric',
    ],
    ['a contributor that is an engine', contributor(attributes({ EngineName: 'postgres' })), 'no-target'],
    [
      'a contributor of another account’s database',
      contributor(attributes({ DBInstanceIdentifier: 'orders-db', 'AWS.AccountId': '111122223333' })),
      'no-target',
    ],
    [
      'a contributor of a query that another account answers',
      contributor({
        configuration: {
          metrics: [{ expression: `${CONNECTIONS} GROUP BY DBInstanceIdentifier`, accountId: '111122223333' }],
        },
      }),
      'foreign-metric',
    ],
    ...[
      "WHERE AWS.AccountId = '111122223333'",
      'WHERE "AWS.AccountId" = \'111122223333\'',
      'WHERE AWS.AccountId != CURRENT_ACCOUNT_ID()',
      "WHERE AWS.AccountId = CURRENT_ACCOUNT_ID() OR DBInstanceIdentifier = 'orders-db'",
      "WHERE AWS.AccountId = CURRENT_ACCOUNT_ID() AND AWS.AccountId = '111122223333'",
      'WHERE NOT AWS.AccountId = CURRENT_ACCOUNT_ID()',
    ].map((where): [string, Event, string] => [
      `a contributor of a query ${where}`,
      contributor(query(`${CONNECTIONS} ${where} GROUP BY DBInstanceIdentifier`)),
      'foreign-metric',
    ]),
    ['a contributor of an alarm without an ARN', contributor({}, []), 'malformed'],
    ['a contributor without attributes', contributor({ alarmContributor: { id: 'c' } }), 'malformed'],
    ['no id', { ...sample('ecs-deployment', 'failed'), id: undefined }, 'malformed'],
    ['a time that is none', { ...sample('ecs-service', 'steady-state'), time: 'soon' }, 'malformed'],
    ['no detail', { ...killedTask, detail: undefined as never }, 'malformed'],
    ['a name that is a number', withDetail(sample('ecs-deployment', 'failed'), { eventName: 7 }), 'malformed'],
  ])('rejects %s', (_, event, rejected) => {
    expect(read(event)).toMatchObject({ rejected });
  });

  it('reads the time series of an alarm that watches many targets: two alarms on one target are two troubles', () => {
    const full = 'arn:aws:cloudwatch:us-east-1:123456789012:alarm:full';
    const tags = { 'nightshift:runbook': 'release-idle-connections', 'nightshift:deployment': base.name };
    const here = `${CONNECTIONS} WHERE AWS.AccountId = CURRENT_ACCOUNT_ID() AND EngineName = 'postgres' GROUP BY DBInstanceIdentifier`;
    const event = contributor({ ...query(here), alarmTags: tags });
    expect(read(contributor())).toMatchObject({
      ...{ id: event.id, source: 'cloudwatch-contributor', target: 'rds-instance/orders-db' },
      ...{ name: 'release-idle-connections', state: 'firing', recheck: 0, rung: 0, firstEvaluation: false },
      ...{ subject: `cloudwatch-contributor:rds-instance/orders-db:release-idle-connections:${full}`, alarmArn: full },
      mutedUntil: '2026-01-01T12:00:00.000Z',
    });
    expect(read(event)).toEqual(read(contributor()));
    const fuller = read(contributor({}, ['arn:aws:cloudwatch:us-east-1:123456789012:alarm:fuller']));
    expect(fuller).toMatchObject({
      target: 'rds-instance/orders-db',
      subject: expect.stringMatching(/:alarm:fuller$/),
    });
  });

  it('starts only what sees for itself that a trouble is over, for a time series of an alarm on many targets', () => {
    const listening = RUNBOOKS.filter(({ startedBy }) =>
      startedBy.some((each) => 'source' in each && each.source === 'cloudwatch-contributor'),
    );
    expect(listening.map(({ name }) => name)).toEqual(['release-idle-connections']);
    const busy = contributor({
      ...query('SELECT AVG(CPUUtilization) FROM "AWS/ECS" GROUP BY ClusterName, ServiceName'),
      ...attributes({ ClusterName: 'orders', ServiceName: 'backend' }),
      alarmTags: { 'nightshift:runbook': 'scale-out-service' },
    });
    const to = { name: 'scale-out-service', targetKind: 'ecs-service' as const };
    expect(readSignal(busy, to, config('us-east-1'))).toMatchObject({ rejected: 'foreign-event' });
  });

  it.each<[string, object, string]>([
    ['a database by its name', {}, 'rds-instance/orders-db'],
    [
      'what is ours of what it names, by ARN or name',
      {
        affectedEntities: [
          'arn:aws:rds:us-west-2:111122223333:db:other',
          'arn:aws:rds:us-west-2:111122223333:db:orders-db',
          'orders-db',
        ].map((entityValue) => ({ entityValue })),
      },
      'rds-instance/orders-db',
    ],
    [
      'a service',
      {
        service: 'ECS',
        affectedEntities: [{ entityValue: 'arn:aws:ecs:us-west-2:111122223333:service/orders/backend' }],
      },
      'ecs-service/orders/backend',
    ],
    [
      'an endpoint by its hosted zone, wherever that is',
      { service: 'ROUTE53', eventRegion: 'global', affectedEntities: [{ entityValue: endpoint.zoneId }] },
      `dns-endpoint/${endpoint.name}`,
    ],
    ['all databases', { affectedEntities: [] }, 'the databases'],
    ['all services', { service: 'FARGATE', affectedEntities: undefined }, 'the services'],
    ['Nightshift', { service: 'LAMBDA', affectedEntities: [] }, 'Nightshift itself'],
  ])('says of an event of AWS Health that it concerns %s', (_, detail, concerned) => {
    const event = withDetail(databaseHealth, { eventDescription: [{ latestDescription: 'It smokes.' }], ...detail });
    const known = { ...config('us-west-2'), endpoints: { [endpoint.name]: endpoint } };
    expect(eventSourceOf(event)?.toSignal(event, known)).toMatchObject({
      target: expect.stringMatching(/^aws-health\/AWS_EC2_INSTANCE_STORE/),
      evidence: {
        reason: expect.stringMatching(/ concerns .*: It smokes\.$/),
        facts: { concerned, statusCode: 'open' },
      },
    });
  });

  it('acts on nothing in another region, where the same name is another thing', () => {
    for (const event of [sample('ecs-deployment', 'failed'), killedTask, databaseBackup, databaseHealth])
      expect(read(event, 'eu-west-1')).toMatchObject({ rejected: 'no-target' });
  });

  it('calls a certificate by its name in the configuration, wherever it is told of', () => {
    const [arn] = sample('acm', 'approaching-expiration').resources;
    const certificates = { shop: { ...certificate, arn: String(arn) } };
    for (const event of [sample('acm', 'approaching-expiration'), sample('schedule', 'certificate-needs-renewal')])
      expect(eventSourceOf(event)?.toSignal(event, { ...config('us-east-1'), certificates })).toMatchObject({
        target: 'certificate/shop',
      });
  });

  it('takes what one run of a job finds for one event, however often it is told', () => {
    const told = sample('schedule', 'certificate-needs-renewal');
    expect(read({ ...told, id: 'another' })).toEqual(read(told));
  });

  it('keeps little of a long reason and of facts', () => {
    const long = withDetail(sample('ecs-deployment', 'failed'), {
      reason: 'x'.repeat(100_000),
      deploymentId: 'y'.repeat(100_000),
    });
    expect(JSON.stringify(read(long)).length).toBeLessThan(2_000);
  });

  it('has a pattern that lets its own samples through and, asked for one thing, not another', () => {
    for (const source of EVENT_SOURCES)
      for (const file of readdirSync(join(FOLDER, source.name, 'samples')).filter((name) => name.endsWith('.json'))) {
        const event = sample(source.name, file.slice(0, -'.json'.length));
        expect([file, compilePattern(source.eventPattern([]))(event)]).toEqual([file, true]);
      }
    const asked = (name: string, what: string) =>
      compilePattern(EVENT_SOURCES.find((each) => each.name === name)?.eventPattern([what]));
    const failed = asked('ecs-deployment', 'SERVICE_DEPLOYMENT_FAILED');
    expect(failed(sample('ecs-deployment', 'failed'))).toBe(true);
    expect(failed(sample('ecs-deployment', 'completed'))).toBe(false);
    expect(asked('ecs-task', 'OutOfMemoryError')(killedTask)).toBe(true);
    expect(asked('ecs-task', 'OutOfMemoryError')(task)).toBe(false);
    const releasing = asked('cloudwatch-contributor', 'release-idle-connections');
    expect(releasing(contributor())).toBe(true);
    expect(releasing(contributor({ alarmTags: { 'nightshift:runbook': 'restart-service' } }))).toBe(false);
    expect(releasing(contributor({ state: { value: 'OK', timestamp: '2025-12-01T13:42:04.919+0000' } }))).toBe(false);
  });
});
