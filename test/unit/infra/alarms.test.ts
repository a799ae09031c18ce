/** Alarms: those that start remediations, and those that call a person without us (invariant I13). */
import { describe, expect, it } from '@jest/globals';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { App, Stack } from 'aws-cdk-lib/core';
import { Protection } from '../../../infra/constructs/protection.ts';
import { buildStack, grantsOf, resourcesOf } from './stack-fixture.ts';

const built = buildStack();
const alarms = resourcesOf(built, 'AWS::CloudWatch::Alarm').map(({ properties }) => properties);
const named = (name: string) => alarms.find((alarm) => alarm.AlarmName === name);
/** The canary's alarm is none of them: it protects nothing (self-watch.test.ts). */
const canary = alarms.filter((alarm) => alarm.AlarmName === 'nightshift-main-canary');
const starting = alarms.filter((alarm) => alarm.Tags !== undefined && !canary.includes(alarm));
const paging = alarms.filter((alarm) => alarm.Tags === undefined);
const page = { Ref: expect.stringMatching(/^Pages/) };

describe('an alarm of a protected target', () => {
  it('exists for CPU and memory of each service and for what each database may run out of', () => {
    expect(starting.map((alarm) => alarm.AlarmName).sort()).toEqual([
      'nightshift-main-backend-cpu',
      'nightshift-main-backend-memory',
      'nightshift-main-orders-db-connections',
      'nightshift-main-orders-db-cpu',
      'nightshift-main-orders-db-memory',
      'nightshift-main-orders-db-storage',
      'nightshift-main-orders-db-transaction-ids',
      'nightshift-main-orders-db-write-latency',
    ]);
  });

  it('has a backstop that also pages when what it watches falls silent, for one signal of each target', () => {
    const silent = alarms.filter(
      (alarm) => alarm.InsufficientDataActions !== undefined && /backstop/.test(String(alarm.AlarmName)),
    );
    expect(silent.map((alarm) => alarm.AlarmName).sort()).toEqual([
      'nightshift-main-backend-cpu-backstop',
      'nightshift-main-orders-db-connections-backstop',
    ]);
    for (const alarm of silent)
      expect(alarm).toMatchObject({ TreatMissingData: 'missing', InsufficientDataActions: alarm.AlarmActions });
  });

  it('carries its tags in its events, and acts in no other way', () => {
    for (const alarm of starting) {
      expect(alarm.ActionConfiguration).toEqual({ AlarmTagsPropagation: { Enabled: true } });
      expect(alarm).not.toHaveProperty('AlarmActions');
      expect(alarm.Tags).toEqual(
        expect.arrayContaining([
          { Key: 'nightshift:deployment', Value: 'main' },
          { Key: 'nightshift:severity', Value: 'P2' },
        ]),
      );
    }
  });

  it('names the service by exactly the dimensions that Amazon ECS publishes', () => {
    expect(named('nightshift-main-backend-cpu')).toMatchObject({
      Namespace: 'AWS/ECS',
      MetricName: 'CPUUtilization',
      Statistic: 'Average',
      Dimensions: [
        { Name: 'ClusterName', Value: 'orders' },
        { Name: 'ServiceName', Value: 'backend' },
      ],
      Threshold: 80,
      ComparisonOperator: 'GreaterThanThreshold',
      Period: 60,
      EvaluationPeriods: 15,
      Tags: expect.arrayContaining([{ Key: 'nightshift:runbook', Value: 'scale-out-service' }]),
    });
    expect(named('nightshift-main-backend-memory')).toMatchObject({
      MetricName: 'MemoryUtilization',
      Threshold: 90,
      EvaluationPeriods: 10,
    });
  });

  it('turns the share of connections into their number, which is what CloudWatch counts', () => {
    expect(named('nightshift-main-orders-db-connections')).toMatchObject({
      Namespace: 'AWS/RDS',
      MetricName: 'DatabaseConnections',
      Dimensions: [{ Name: 'DBInstanceIdentifier', Value: 'orders-db' }],
      Threshold: 160,
      Tags: expect.arrayContaining([{ Key: 'nightshift:runbook', Value: 'release-idle-connections' }]),
    });
  });

  it.each([
    ['storage', 'FreeStorageSpace', 'LessThanThreshold', 5 * 1024 ** 3, 'grow-storage'],
    ['memory', 'FreeableMemory', 'LessThanThreshold', 128 * 1024 ** 2, 'restart-database'],
    ['cpu', 'CPUUtilization', 'GreaterThanThreshold', 90, 'end-long-queries'],
    ['write-latency', 'WriteLatency', 'GreaterThanThreshold', 0.5, 'fail-over-database'],
    ['transaction-ids', 'MaximumUsedTransactionIDs', 'GreaterThanThreshold', 5e8, 'vacuum-and-analyze'],
  ])('watches the %s of a database', (name, MetricName, ComparisonOperator, Threshold, runbook) => {
    expect(named(`nightshift-main-orders-db-${name}`)).toMatchObject({
      ...{ Namespace: 'AWS/RDS', MetricName, ComparisonOperator, Threshold, EvaluationPeriods: 15 },
      Tags: expect.arrayContaining([{ Key: 'nightshift:runbook', Value: runbook }]),
    });
  });

  it('starts a runbook where neither heartbeat nor client gets into a database, and pages where clients do or nobody can tell', () => {
    const more = resourcesOf(
      buildStack((config) => ({
        ...config,
        databases: Object.fromEntries(
          Object.entries(config.databases ?? {}).map(([key, database]) => [key, { ...database, heartbeat: true }]),
        ),
      })),
      'AWS::CloudWatch::Alarm',
    ).map(({ properties }) => properties);
    const by = (name: string) => more.find((alarm) => alarm.AlarmName === `nightshift-main-orders-db-${name}`);
    const id = { Name: 'DBInstanceIdentifier', Value: 'orders-db' };
    const stat = (Namespace: string, MetricName: string, Dimensions: object[]) => ({
      MetricStat: expect.objectContaining({ Metric: { Namespace, MetricName, Dimensions }, Period: 60 }),
    });
    expect(by('down')).toMatchObject({
      EvaluationPeriods: 2,
      Metrics: [
        { Expression: 'IF(unanswered > 0, connections < 1, 0)' },
        stat('Nightshift', 'DatabaseUnanswered', [{ Name: 'Deployment', Value: 'main' }, id]),
        stat('AWS/RDS', 'DatabaseConnections', [id]),
      ],
      Tags: expect.arrayContaining([{ Key: 'nightshift:runbook', Value: 'database-down' }]),
    });
    expect(by('down-backstop')).toMatchObject({ InsufficientDataActions: [page] });
    expect(by('shut-out')).toMatchObject({ AlarmActions: [page], EvaluationPeriods: 1 });
    expect(by('shut-out')?.Tags).toBeUndefined();
  });

  it('watches lag and load of a database where it has limits for them, and pages for deadlocks where that is wanted', () => {
    const more = resourcesOf(
      buildStack((config) => ({
        ...config,
        databases: Object.fromEntries(
          Object.entries(config.databases ?? {}).map(([key, database]) => [
            key,
            {
              ...database,
              ...{ replicaLagAboveSeconds: 60, loadAbovePerVcpu: 1.5, pageForDeadlocks: true, transactionIdsAbove: 0 },
            },
          ]),
        ),
      })),
      'AWS::CloudWatch::Alarm',
    ).map(({ properties }) => properties);
    const by = (name: string) => more.find((alarm) => alarm.AlarmName === `nightshift-main-orders-db-${name}`);
    const runbook = { Key: 'nightshift:runbook', Value: 'end-long-queries' };
    expect(by('replica-lag')).toMatchObject({ MetricName: 'ReplicaLag', Statistic: 'Minimum', Threshold: 60 });
    expect(by('load')).toMatchObject({
      ...{ Threshold: 1.5, TreatMissingData: 'missing' },
      Metrics: [
        { Expression: 'IF(connections >= 0, FILL(load, 0), 0)', ReturnData: true },
        { Id: 'connections', MetricStat: { Metric: { MetricName: 'DatabaseConnections' } } },
        { Id: 'load', MetricStat: { Metric: { MetricName: 'DBLoadRelativeToNumVCPUs' }, Stat: 'Average' } },
      ],
    });
    for (const name of ['replica-lag', 'load']) expect(by(name)?.Tags).toEqual(expect.arrayContaining([runbook]));
    expect(by('transaction-ids')).toBeUndefined();
    const deadlocks = by('deadlocks');
    expect(deadlocks).toMatchObject({ Threshold: 0, ComparisonOperator: 'GreaterThanThreshold', AlarmActions: [page] });
    expect(deadlocks?.Tags).toBeUndefined();
    expect(deadlocks?.Metrics).toEqual([
      {
        Id: 'result',
        Expression: expect.stringMatching(
          /^DB_PERF_INSIGHTS\('RDS', 'db-[A-Z0-9]+', 'db\.Concurrency\.deadlocks\.avg'\)$/,
        ),
        ReturnData: true,
        Period: 300,
      },
    ]);
  });

  it('is left to the user where createAlarms is false', () => {
    const own = buildStack((config) => ({
      ...config,
      services: { backend: { cluster: 'orders', maxTasks: 3, createAlarms: false } },
    }));
    const names = resourcesOf(own, 'AWS::CloudWatch::Alarm').map(({ properties }) => properties.AlarmName);
    expect(names.filter((name) => String(name).includes('backend'))).toEqual([]);
  });
});

describe("Protection in a CDK app of one's own", () => {
  const protection = () => {
    const stack = new Stack(new App({ analyticsReporting: false }), 'orders');
    const pageTopic = Topic.fromTopicArn(stack, 'Pages', 'arn:aws:sns:us-east-1:111122223333:nightshift-main-pages');
    const props = { deployment: 'main', pageTopic, alarmPeriodSeconds: 60, backstopAfterSeconds: 900 };
    return { stack, protection: new Protection(stack, 'Nightshift', props) };
  };

  it('makes tagged alarms and backstops beside the resources they are about', () => {
    const { stack, protection: nightshift } = protection();
    nightshift.protectService('checkout', { cluster: 'shop', maxTasks: 4, cpuAbovePercent: 70 });
    const template = Template.fromStack(stack);
    template.resourceCountIs('AWS::CloudWatch::Alarm', 4);
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'nightshift-main-checkout-cpu',
      Threshold: 70,
      Tags: Match.arrayWith([{ Key: 'nightshift:runbook', Value: 'scale-out-service' }]),
    });
  });

  it('has a certificate looked at with 30 days left, and people told directly with 14, 7 and 1', () => {
    const { stack, protection: nightshift } = protection();
    nightshift.protectCertificate('shop', { arn: 'arn:aws:acm:us-east-1:111122223333:certificate/shop' });
    const made = Object.values(Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm')).map(
      ({ Properties }) => Properties,
    );
    expect(made.map(({ AlarmName, Threshold }) => [AlarmName, Threshold]).sort()).toEqual([
      ['nightshift-main-shop-certificate', 31],
      ['nightshift-main-shop-certificate-1', 2],
      ['nightshift-main-shop-certificate-14', 15],
      ['nightshift-main-shop-certificate-7', 8],
      ['nightshift-main-shop-certificate-backstop', 31],
    ]);
    for (const alarm of made)
      expect(alarm).toMatchObject({
        ...{ Namespace: 'AWS/CertificateManager', MetricName: 'DaysToExpiry', ComparisonOperator: 'LessThanThreshold' },
        ...{ Statistic: 'Minimum', Period: 86_400 },
        Dimensions: [{ Name: 'CertificateArn', Value: 'arn:aws:acm:us-east-1:111122223333:certificate/shop' }],
      });
    expect(made.filter(({ AlarmActions }) => AlarmActions !== undefined)).toHaveLength(4);
  });

  it('watches an endpoint for being unhealthy, and takes missing data for that', () => {
    const { stack, protection: nightshift } = protection();
    const site = (name: string, last: number) => ({
      ...{ name, target: `192.0.2.${last}`, probeUrl: `https://${name}.example.com/health` },
      healthCheckId: `00000000-0000-4000-8000-00000000000${last}`,
    });
    nightshift.protectEndpoint('shop', {
      zoneId: 'Z0123456789ABCDEFGHIJ',
      recordName: 'shop.example.com',
      healthCheckId: '00000000-0000-4000-8000-000000000000',
      sites: [site('east', 1), site('west', 2)],
    });
    const template = Template.fromStack(stack);
    const unhealthy = {
      Namespace: 'AWS/Route53',
      MetricName: 'HealthCheckStatus',
      Dimensions: [{ Name: 'HealthCheckId', Value: '00000000-0000-4000-8000-000000000000' }],
      Statistic: 'Minimum',
      Threshold: 1,
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'breaching',
    };
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      ...unhealthy,
      AlarmName: 'nightshift-main-shop-endpoint',
      EvaluationPeriods: 2,
      Tags: Match.arrayWith([{ Key: 'nightshift:runbook', Value: 'fail-over-dns' }]),
    });
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      ...unhealthy,
      AlarmName: 'nightshift-main-shop-endpoint-backstop',
      EvaluationPeriods: 17,
      AlarmActions: Match.anyValue(),
    });
  });

  it('watches what a load balancer and Container Insights tell, in one line', () => {
    const { stack, protection: nightshift } = protection();
    const balancedBy = {
      loadBalancer: 'app/shop/0123456789abcdef',
      targetGroup: 'targetgroup/checkout/0123456789abcdef',
    };
    nightshift.protectService('checkout', {
      ...{ cluster: 'shop', maxTasks: 4, minTasks: 2, containerInsights: 'enhanced', cpuBelowPercent: 40 },
      ...{ balancedBy, requestAlarms: { objectivePercent: 99.9 } },
    });
    const template = Template.fromStack(stack);
    const found = Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(({ Properties }) => Properties);
    const short = ({ AlarmName }: { AlarmName: string }) => AlarmName.replace('nightshift-main-checkout-', '');
    const started = found.filter(({ Tags }) => Tags !== undefined);
    expect(
      Object.fromEntries(
        started.map((alarm) => [
          short(alarm),
          [
            alarm.Tags.find(({ Key }: { Key: string }) => Key === 'nightshift:runbook').Value,
            `${alarm.ComparisonOperator === 'LessThanThreshold' ? '<' : '>'} ${alarm.Threshold}`,
            alarm.EvaluationPeriods * (alarm.Period ?? alarm.Metrics[1].MetricStat.Period),
          ],
        ]),
      ),
    ).toEqual({
      cpu: ['scale-out-service', '> 80', 900],
      memory: ['scale-out-service', '> 90', 600],
      tasks: ['roll-back-deployment', '< 2', 300],
      unhealthy: ['stop-unhealthy-task', '> 0', 300],
      errors: ['high-error-rate', '> 5', 300],
      latency: ['scale-out-service', '> 2', 600],
      hosts: ['stop-unhealthy-task', '> 0', 300],
      idle: ['scale-in-service', '< 0', 3600],
    });
    // Each has a backstop but the one of what only costs money; how fast the budget burns calls people only: it says neither when trouble began nor that it goes on.
    const named = (alarm: { AlarmName: string }) => `${alarm.AlarmName}-backstop`;
    const paging = found.filter(({ Tags }) => Tags === undefined);
    expect(paging.map(({ AlarmName }) => AlarmName).sort()).toEqual(
      [
        ...started.map((alarm) => named(alarm as { AlarmName: string })).filter((name) => !name.includes('-idle-')),
        'nightshift-main-checkout-burn-fast',
        'nightshift-main-checkout-burn-slow',
      ].sort(),
    );
    const burns = paging.filter(({ AlarmName }) => /burn/.test(AlarmName));
    expect(
      burns.map(({ Threshold, Metrics, EvaluationPeriods, AlarmActions }) => [
        ...[Threshold, Metrics[1].MetricStat.Period, EvaluationPeriods, AlarmActions.length],
      ]),
    ).toEqual([
      [1.44, 3_600, 1, 1],
      [0.6, 21_600, 1, 1],
    ]);
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'nightshift-main-checkout-tasks',
      TreatMissingData: 'breaching',
    });
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'nightshift-main-checkout-latency',
      ExtendedStatistic: 'p95',
      Statistic: Match.absent(),
    });
  });

  it('counts errors as a share of the requests, from enough requests on', () => {
    const { stack, protection: nightshift } = protection();
    const balancedBy = {
      loadBalancer: 'app/shop/0123456789abcdef',
      targetGroup: 'targetgroup/checkout/0123456789abcdef',
    };
    nightshift.protectService('checkout', { cluster: 'shop', maxTasks: 4, balancedBy, requestAlarms: {} });
    const dimensions = [
      { Name: 'LoadBalancer', Value: 'app/shop/0123456789abcdef' },
      { Name: 'TargetGroup', Value: 'targetgroup/checkout/0123456789abcdef' },
    ];
    const input = (Id: string, MetricName: string) => ({
      ...{ Id, ReturnData: false },
      MetricStat: {
        ...{ Period: 60, Stat: 'Sum' },
        Metric: { Namespace: 'AWS/ApplicationELB', MetricName, Dimensions: dimensions },
      },
    });
    Template.fromStack(stack).hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'nightshift-main-checkout-errors',
      Metrics: [
        { Expression: 'IF(requests >= 20, 100 * FILL(errors, 0) / requests, 0)', Id: 'result', ReturnData: true },
        input('errors', 'HTTPCode_Target_5XX_Count'),
        input('requests', 'RequestCount'),
      ],
    });
  });

  it('refuses a time that is no whole number of periods', () => {
    const { protection: nightshift } = protection();
    expect(() => nightshift.protectService('checkout', { cluster: 'shop', maxTasks: 4, cpuForSeconds: 90 })).toThrow(
      'nightshift-main-checkout-cpu: forSeconds is 90; expected a multiple of the period, 60 s',
    );
  });
});

describe('a backstop', () => {
  it.each(['nightshift-main-backend-cpu', 'nightshift-main-backend-memory', 'nightshift-main-orders-db-connections'])(
    'pages by itself when the signal of %s stays beyond deadline and margin',
    (name) => {
      const alarm = named(name);
      const backstop = named(`${name}-backstop`);
      for (const same of [
        'Namespace',
        'MetricName',
        'Dimensions',
        'Statistic',
        'Threshold',
        'Period',
        'ComparisonOperator',
      ])
        expect(backstop?.[same]).toEqual(alarm?.[same]);
      // 600 s to verify and a margin of 300 s, in periods of 60 s.
      expect(backstop?.EvaluationPeriods).toBe(Number(alarm?.EvaluationPeriods) + 15);
      expect(backstop).toMatchObject({ ActionsEnabled: true, AlarmActions: [page] });
      expect(backstop).not.toHaveProperty('Tags');
    },
  );
});

describe('every alarm', () => {
  it('either starts a remediation or pages: none is silent', () => {
    expect(starting.length + paging.length + canary.length).toBe(alarms.length);
    for (const alarm of paging) expect(alarm).toMatchObject({ ActionsEnabled: true, AlarmActions: [page] });
  });

  it('has a name of its own', () => {
    expect(new Set(alarms.map((alarm) => alarm.AlarmName)).size).toBe(alarms.length);
  });

  it('includes one on the age of what people have not been told yet', () => {
    expect(named('nightshift-main-publisher-late')).toMatchObject({
      Namespace: 'AWS/Lambda',
      MetricName: 'IteratorAge',
      Dimensions: [{ Name: 'FunctionName', Value: expect.anything() }],
      Statistic: 'Maximum',
      Threshold: 60_000,
      TreatMissingData: 'notBreaching',
    });
  });
});

describe('the page topic', () => {
  it('lets alarms of this account publish, and nobody without TLS', () => {
    built.template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
          Match.objectLike({
            Effect: 'Allow',
            Action: 'sns:Publish',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': '111122223333' } },
          }),
        ]),
      },
    });
  });

  it('mails every configured address, and is encrypted by a key of the user when one is given', () => {
    const key = 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
    const encrypted = buildStack((config) => ({
      ...config,
      contacts: { pageEmails: ['a@example.com', 'b@example.com'] },
      pageTopicKeyArn: key,
    }));
    const { template } = encrypted;
    template.resourceCountIs('AWS::SNS::Subscription', 2);
    template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'a@example.com' });
    template.hasResourceProperties('AWS::SNS::Topic', { KmsMasterKeyId: key });
    expect(grantsOf(encrypted, 'publisherRole')).toEqual(
      expect.arrayContaining([`Allow kms:Decrypt on ${key}`, `Allow kms:GenerateDataKey on ${key}`]),
    );
  });
});

describe('the topics of levels', () => {
  const levels = buildStack((config) => ({
    ...config,
    contacts: { pageEmails: ['all@example.com'] },
    escalation: {
      levels: [
        { name: 'first', afterMinutes: 0 },
        { name: 'second', afterMinutes: 15, pageEmails: ['second@example.com'] },
      ],
      management: { afterMinutes: 30, pageEmails: ['head@example.com'] },
    },
  }));
  const topicsBy = new Map(
    resourcesOf(levels, 'AWS::SNS::Topic').map(({ id, properties }) => [properties.TopicName, id]),
  );

  it('exist for levels that have addresses of their own, and reach those addresses', () => {
    expect([...topicsBy.keys()].sort()).toEqual([
      'nightshift-main-pages',
      'nightshift-main-pages-2',
      'nightshift-main-pages-management',
    ]);
    const subscribed = resourcesOf(levels, 'AWS::SNS::Subscription').map(({ properties }) => [
      (properties.TopicArn as { Ref: string }).Ref,
      properties.Endpoint,
    ]);
    expect(subscribed).toContainEqual([topicsBy.get('nightshift-main-pages-2'), 'second@example.com']);
    expect(subscribed).toContainEqual([topicsBy.get('nightshift-main-pages-management'), 'head@example.com']);
  });

  it('are known to the publisher, which may publish there', () => {
    const publisher = resourcesOf(levels, 'AWS::Lambda::Function').find(
      ({ properties }) => properties.FunctionName === 'nightshift-main-publisher',
    );
    const { Variables } = (publisher?.properties.Environment ?? {}) as { Variables?: Record<string, unknown> };
    for (const name of ['nightshift-main-pages-2', 'nightshift-main-pages-management'])
      expect(JSON.stringify(Variables?.NIGHTSHIFT_LEVEL_TOPIC_ARNS)).toContain(`"${topicsBy.get(name)}"`);
    const grants = grantsOf(levels, 'publisherRole').filter((grant) => grant.includes('sns:Publish'));
    expect(grants).toHaveLength(3);
  });
});
