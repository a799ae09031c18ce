import { describe, expect, it } from '@jest/globals';
import { doctor } from '../../../cli/commands/doctor.ts';
import { judgeAlarms, type TaggedAlarm, type Wanted, wantedAlarms, watches } from '../../../cli/doctor/alarms.ts';
import { type Aws, whyNotLooked } from '../../../cli/doctor/aws.ts';
import { type Around, examineAll } from '../../../cli/doctor/checks.ts';
import { secretsIn } from '../../../cli/doctor/deployed.ts';
import { main } from '../../../cli/main.ts';
import { type Check, doctorDocument } from '../../../events/published/doctor.ts';
import { manifest as failOver } from '../../../functions/remediations/fail-over-database/manifest.ts';
import { examine as examineDatabase } from '../../../functions/remediations/release-idle-connections/examine.ts';
import type { SessionReading } from '../../../functions/remediations/release-idle-connections/sql.ts';
import { examine as examineService } from '../../../functions/remediations/scale-out-service/examine.ts';
import { manifest as scaleOut } from '../../../functions/remediations/scale-out-service/manifest.ts';
import { config, database, endpoint, NOW, service } from '../../support/fixtures.ts';
import { LOCAL_PLACE, recorder } from './harness.ts';

const deployment = { name: 'test', config, manifests: [scaleOut] };
const [wanted] = wantedAlarms(deployment) as [Wanted];
const wrongs = (checks: readonly Pick<Check, 'verdict' | 'what'>[]) =>
  checks.filter(({ verdict }) => verdict === 'wrong').map(({ what }) => what);

const Dimensions = [
  { Name: 'ClusterName', Value: 'orders' },
  { Name: 'ServiceName', Value: 'backend' },
];
const cpu: TaggedAlarm = {
  alarm: {
    AlarmName: 'cpu',
    Namespace: 'AWS/ECS',
    MetricName: 'CPUUtilization',
    Dimensions,
    ComparisonOperator: 'GreaterThanThreshold',
    Threshold: 80,
    ActionsEnabled: true,
    StateValue: 'OK',
    ActionConfiguration: { AlarmTagsPropagation: { Enabled: true } },
  },
  tags: { 'nightshift:runbook': 'scale-out-service' },
};
const backstop: TaggedAlarm = {
  alarm: { ...cpu.alarm, AlarmName: 'cpu-backstop', AlarmActions: ['arn:aws:sns:us-east-1:000000000000:pages'] },
  tags: {},
};
const changed = (tagged: TaggedAlarm, alarm: TaggedAlarm['alarm']): TaggedAlarm => ({
  ...tagged,
  alarm: { ...tagged.alarm, ...alarm },
});

describe('alarms of a load balancer', () => {
  const of = (TargetGroup: string) => ({
    ...{ Namespace: 'AWS/ApplicationELB', MetricName: 'TargetResponseTime' },
    Dimensions: [
      { Name: 'LoadBalancer', Value: 'app/shop/4567' },
      { Name: 'TargetGroup', Value: TargetGroup },
    ],
  });

  it('watch the service that its target group leads to, and no other', () => {
    const services = {
      backend: {
        ...service,
        balancedBy: { loadBalancer: 'app/shop/4567', targetGroup: 'targetgroup/backend/0123' },
      },
    };
    const [balanced] = wantedAlarms({ ...deployment, config: { ...config, services } }) as [Wanted];
    expect(watches(of('targetgroup/backend/0123'), balanced)).toBe(true);
    expect(watches(of('targetgroup/other/0123'), balanced)).toBe(false);
    expect(watches(of('targetgroup/backend/0123'), wanted)).toBe(false);
  });
});

describe('the alarm on a database that lets nobody in', () => {
  it('is looked for where a heartbeat tells it, and nowhere else', () => {
    const wantedOf = (heartbeat: boolean) =>
      wantedAlarms({
        manifests: [failOver],
        config: { ...config, databases: { 'orders-db': { ...database, heartbeat } } },
      })
        .map(({ runbook }) => runbook)
        .sort();
    expect(wantedOf(true)).toEqual(['database-down', 'fail-over-database']);
    expect(wantedOf(false)).toEqual(['fail-over-database']);
  });
});

describe('alarms', () => {
  it('need no backstop where only money is at stake', () => {
    const idle = { ...cpu, tags: { ...cpu.tags, 'nightshift:runbook': 'scale-in-service' } };
    const verdicts = judgeAlarms({ ...wanted, runbook: 'scale-in-service' }, [idle], 'test');
    expect(verdicts.map(({ check, verdict }) => [check, verdict])).toEqual([['alarms', 'ok']]);
  });

  it('are in order when one starts the runbook and its backstop pages', () => {
    expect(judgeAlarms(wanted, [cpu, backstop], 'test').map(({ verdict }) => verdict)).toEqual(['ok', 'ok']);
  });

  it.each<[string, TaggedAlarm['alarm']]>([
    ['at the same threshold, met or passed', { ComparisonOperator: 'GreaterThanOrEqualToThreshold' }],
    ['sooner', { Threshold: 70 }],
    ['by Incident Manager', { AlarmActions: ['arn:aws:ssm-incidents::000000000000:response-plan/oncall'] }],
  ])('have a backstop in one that pages %s', (_, change) => {
    const found = judgeAlarms(wanted, [cpu, changed(backstop, change)], 'test');
    expect(wrongs(found)).toEqual([]);
  });

  it('have a backstop in any one of several', () => {
    const scales = changed(backstop, { AlarmActions: ['arn:aws:autoscaling:us-east-1:0:scalingPolicy:1'] });
    expect(wrongs(judgeAlarms(wanted, [cpu, scales, backstop], 'test'))).toEqual([]);
  });

  it('are compared by what they compute of which metrics', () => {
    const math = (Expression: string) => ({
      MetricName: undefined,
      Metrics: [
        { Id: 'result', Expression },
        { Id: 'a', MetricStat: { Metric: { MetricName: 'CPUUtilization' }, Period: 60, Stat: 'Average' } },
      ],
    });
    const judged = (expression: string) =>
      wrongs(judgeAlarms(wanted, [changed(cpu, math('a * 2')), changed(backstop, math(expression))], 'test'));
    expect(judged('a * 2')).toEqual([]);
    expect(judged('100 - a')).toEqual(['it has no backstop']);
  });

  it.each<[string, TaggedAlarm[], RegExp]>([
    ['there is none', [backstop], /no alarm starts scale-out-service/],
    [
      'it is for another deployment',
      [{ ...cpu, tags: { ...cpu.tags, 'nightshift:deployment': 'other' } }, backstop],
      /no alarm starts/,
    ],
    [
      'of what falls, its backstop begins later than it does',
      [
        changed(cpu, { ComparisonOperator: 'LessThanThreshold', Threshold: 2 }),
        changed(backstop, { ComparisonOperator: 'LessThanOrEqualToThreshold', Threshold: 1 }),
      ],
      /begins only at 1, this one at 2/,
    ],
    ['it is for another runbook', [{ ...cpu, tags: { 'nightshift:runbook': 'other' } }, backstop], /no alarm starts/],
    [
      'its tags do not travel',
      [changed(cpu, { ActionConfiguration: { AlarmTagsPropagation: { Enabled: false } } }), backstop],
      /tags do not travel/,
    ],
    ['its actions are disabled', [changed(cpu, { ActionsEnabled: false }), backstop], /actions are disabled/],
    ['it has no backstop', [cpu], /it has no backstop/],
    ['its backstop is on another metric', [cpu, changed(backstop, { MetricName: 'MemoryUtilization' })], /no backstop/],
    ['its backstop tells nobody', [cpu, changed(backstop, { AlarmActions: [] })], /cpu-backstop has no action/],
    [
      'what looks like its backstop only scales',
      [
        cpu,
        changed(backstop, {
          AlarmName: 'TargetTracking-service/orders/backend-AlarmHigh',
          AlarmActions: ['arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:1:resource/ecs/service/orders/b'],
        }),
      ],
      /TargetTracking-service.orders.backend-AlarmHigh has no action that wakes a person/,
    ],
    [
      'what looks like its backstop watches the other side',
      [cpu, changed(backstop, { ComparisonOperator: 'LessThanThreshold', Threshold: 20 })],
      /cpu-backstop watches the other side \(LessThanThreshold 20\)/,
    ],
    [
      'its backstop begins later than it does',
      [cpu, changed(backstop, { Threshold: 95 })],
      /cpu-backstop begins only at 95, this one at 80/,
    ],
    ['its backstop is switched off', [cpu, changed(backstop, { ActionsEnabled: false })], /has no action/],
  ])('are wrong when %s', (_, alarms, what) => {
    const found = judgeAlarms(wanted, alarms, 'test');
    expect(wrongs(found)).toEqual([expect.stringMatching(what)]);
    for (const check of found) if (check.verdict === 'wrong') expect(check.todo).toMatch(/./);
  });

  it('of other metrics, services or more dimensions are not taken for ours', () => {
    expect(watches(cpu.alarm, wanted)).toBe(true);
    expect(watches({ ...cpu.alarm, MetricName: 'RunningTaskCount' }, wanted)).toBe(false);
    expect(
      watches(
        {
          ...cpu.alarm,
          Dimensions: [
            { Name: 'ClusterName', Value: 'orders' },
            { Name: 'ServiceName', Value: 'b' },
          ],
        },
        wanted,
      ),
    ).toBe(false);
    expect(watches({ ...cpu.alarm, Dimensions: [...Dimensions, { Name: 'TaskId', Value: '1' }] }, wanted)).toBe(false);
  });
});

const reading: SessionReading = {
  serverVersion: 180004,
  maxConnections: 80,
  superuserReservedConnections: 3,
  reservedConnections: 2,
  reservedSlot: true,
  canSignal: true,
  canReadStats: true,
  clientBackends: 1,
  byState: {},
  byApplication: {},
  rdsProxy: false,
  candidates: [],
};
const sessions = (change: Partial<SessionReading>) =>
  examineDatabase(database, { kind: 'sessions', reading: { ...reading, ...change } });

describe('a database login', () => {
  it('is in order with a reserved slot and its grants', () => {
    expect(wrongs(sessions({}))).toEqual([]);
  });

  it.each<[string, Partial<SessionReading>, RegExp]>([
    ['no reserved slot', { reservedSlot: false }, /no reserved slot/],
    ['no sight of sessions', { canReadStats: false }, /can't see other sessions/],
    ['no right to end them', { canSignal: false }, /may not end sessions/],
    ['another max_connections', { maxConnections: 200 }, /max_connections is 200, the configuration says 80/],
    ['a proxy nobody spoke of', { rdsProxy: true }, /RDS Proxy/],
  ])('is wrong with %s', (_, change, what) => {
    expect(wrongs(sessions(change))).toEqual([expect.stringMatching(what)]);
  });

  it.each([
    ['auth', 'wrong'],
    ['no-slot', 'wrong'],
    ['unreachable', 'unknown'],
    ['other', 'unknown'],
  ] as const)('that fails by %s is %s, with something to do', (failure, verdict) => {
    const [finding] = examineDatabase(database, { kind: 'no-connection', failure, why: 'because' });
    expect(finding).toMatchObject({ verdict, todo: expect.stringMatching(/./) });
  });
});

describe('a service', () => {
  const seen = { kind: 'service' as const, desired: 2, running: 2, deploying: false };
  it('is in order with room to grow', () => {
    expect(wrongs(examineService(service, seen))).toEqual([]);
  });

  it.each([
    ['missing', { kind: 'missing' as const, why: 'ECS service is MISSING' }, /MISSING/],
    ['at its maximum', { ...seen, desired: 10 }, /no room to scale out/],
    ['held down by its scalable target', { ...seen, scalableTarget: { min: 2, max: 4 } }, /ends at 4 tasks/],
  ])('is wrong when %s', (_, observation, what) => {
    expect(wrongs(examineService(service, observation))).toEqual([expect.stringMatching(what)]);
  });
});

/** Functions that the reconciler was told of. */
const UNITS = ['scale-out-service', 'reconciler', 'publisher', 'announcer', 'back-up-database'];
const SECRET = 'arn:aws:ssm:us-east-1:000000000000:parameter/nightshift/';
const aws: Aws = {
  alarms: async () => [cpu, backstop],
  alarmsWithoutMetric: async () => [
    { kind: 'composite', name: 'team-overview', tags: {} },
    // No runbook, but a property that every object has.
    { kind: 'composite', name: 'odd', tags: { 'nightshift:runbook': 'toString' } },
    {
      ...{ kind: 'composite', name: 'of another deployment' },
      tags: { 'nightshift:runbook': 'scale-out-service', 'nightshift:deployment': 'o' },
    },
    {
      ...{ kind: 'composite', name: 'answered' },
      tags: { 'nightshift:runbook': 'scale-out-service', 'nightshift:target': 'ecs-service/orders/backend' },
    },
  ],
  scaling: async () => ({ limits: undefined, policies: [] }),
  instance: async () => ({ DBInstanceStatus: 'available', IAMDatabaseAuthenticationEnabled: true }),
  subscriptions: async () => [{ SubscriptionArn: 'arn:aws:sns:us-east-1:000000000000:pages:1' }],
  ownAlarms: async (_region, names) =>
    names.map((AlarmName) => ({ AlarmName, ActionsEnabled: true, AlarmActions: ['arn:aws:sns:::pages'] })),
  messagesSent: async () => 7,
  mappingStates: async () => ['Enabled'],
  environment: async () => ({
    NIGHTSHIFT_FAILURE_QUEUES: JSON.stringify(
      UNITS.map((unit) => `https://sqs.us-east-1.amazonaws.com/000000000000/nightshift-test-${unit}-failures`),
    ),
  }),
  assetFile: async (name, file) =>
    file === 'archive.json' ? undefined : { name, channels: { team: { urlSecretArn: `${SECRET}${file}` } } },
  secret: async () => 'there',
  concurrency: async () => ({ limit: 1000, unreserved: 900 }),
  reservedConcurrency: async () => undefined,
  machineStatus: async () => 'ACTIVE',
  lookBy: async () => undefined,
  sumOf: async (_name, metric) => (metric === 'Invocations' ? 3 : 0),
  destroy: () => {},
};
const queue = (unit: string, messages = 0) => ({ unit, messages, functionName: `nightshift-test-${unit}`, url: '' });
const healthy: Around = {
  place: LOCAL_PLACE,
  deployment,
  aws,
  failures: { queues: async () => UNITS.map((unit) => queue(unit)) },
  readSwitch: async () => ({ state: 'run', by: 'nobody', reason: '', at: '2026-11-20T03:00:00.000Z' }),
  loadRemediation: async () => undefined,
  now: () => NOW,
};
const quiet: Around = { ...healthy, deployment: { ...deployment, manifests: [] } };

describe('a function that is asked to look', () => {
  const asked: string[] = [];
  const lookBy = (why?: string): Aws => ({
    ...aws,
    lookBy: async (name, target) => {
      asked.push(`${name} ${target}`);
      return why;
    },
  });
  const roles = async (around: Partial<Around>) =>
    (await examineAll({ ...healthy, ...around })).filter(({ check }) => check === 'permissions');
  const withMode = (mode: 'auto' | 'off') => {
    const runbooks = { ...config.runbooks, 'scale-out-service': { ...config.runbooks['scale-out-service'], mode } };
    return { ...deployment, config: { ...config, runbooks } } as Around['deployment'];
  };

  it('is asked about each of its targets, and is in order when it can', async () => {
    asked.length = 0;
    const found = await roles({ aws: lookBy(), deployment: withMode('auto') });
    expect(asked).toEqual(['nightshift-test-scale-out-service ecs-service/orders/backend']);
    expect(found.map(({ verdict, subject }) => [verdict, subject])).toEqual([['ok', asked[0]?.replace(' ', ' at ')]]);
  });

  it('is wrong when its role lets it look no more, or it does not answer', async () => {
    const denied = await roles({ aws: lookBy('AccessDeniedError: not authorized'), deployment: withMode('auto') });
    expect(wrongs(denied)).toEqual(['it can not look: AccessDeniedError: not authorized']);
    const gone: Aws = { ...aws, lookBy: () => Promise.reject(new Error('Function not found')) };
    expect(wrongs(await roles({ aws: gone, deployment: withMode('auto') }))).toEqual([
      'it can not look: Error: Function not found',
    ]);
  });

  it('is not asked where its mode is off', async () => {
    asked.length = 0;
    expect(await roles({ aws: lookBy('never'), deployment: withMode('off') })).toEqual([]);
    expect(asked).toEqual([]);
  });

  it.each([
    ['looked', undefined, { kind: 'noted', detail: 'looked at it' }, undefined],
    ['does not know the target', undefined, { kind: 'rejected', detail: 'not configured' }, 'rejected: not configured'],
    [
      'failed',
      'Unhandled',
      { errorType: 'AccessDeniedError', errorMessage: 'not authorized' },
      'AccessDeniedError: not authorized',
    ],
    ['ended without a word', 'Unhandled', {}, 'Unhandled: no reason was given'],
  ])('is understood when it %s', (_, functionError, payload, why) => {
    expect(whyNotLooked(functionError, JSON.stringify(payload))).toBe(why);
  });
});

describe('doctor', () => {
  it('finds nothing wrong where everything is in place', async () => {
    expect(wrongs(await examineAll(quiet))).toEqual([]);
  });

  it.each<[string, Partial<Around>, RegExp]>([
    [
      'is paused',
      { readSwitch: async () => ({ state: 'pause', by: 'person:jane', reason: 'sale', at: 'then' }) },
      /set to pause by person:jane at then: sale/,
    ],
    ...(
      [
        [
          'a composite alarm that names no target',
          'composite',
          {},
          /scale-out-service and names no target: only the rec/,
        ],
        ['a log alarm that names no target', 'log', {}, /names no target: nothing answers it/],
        ['one that names a stranger', 'log', { 'nightshift:target': 'ecs-service/a/b' }, /b, which is not in the conf/],
      ] as const
    ).map(([what, kind, tags, expected]): [string, Partial<Around>, RegExp] => [
      `has ${what}`,
      {
        aws: {
          ...aws,
          alarmsWithoutMetric: async () => [
            { kind, name: 'both', tags: { 'nightshift:runbook': 'scale-out-service', ...tags } },
          ],
        },
      },
      expected,
    ]),
    ['lacks a database', { aws: { ...aws, instance: async () => undefined } }, /no such RDS instance/],
    [
      'has a database without IAM',
      { aws: { ...aws, instance: async () => ({ IAMDatabaseAuthenticationEnabled: false }) } },
      /IAM database authentication is off/,
    ],
    [
      'pages nobody',
      {
        aws: {
          ...aws,
          subscriptions: async (topic) =>
            topic.includes('us-west-2') ? aws.subscriptions(topic) : [{ SubscriptionArn: 'PendingConfirmation' }],
        },
      },
      /no subscription is confirmed/,
    ],
    [
      'gave up on events',
      { failures: { queues: async () => UNITS.map((unit) => queue(unit, unit === 'reconciler' ? 2 : 0)) } },
      /about 2 events were given up on/,
    ],
    ...['scale-out-service', 'publisher', 'announcer', 'back-up-database'].map(
      (missing): [string, Partial<Around>, RegExp] => [
        `lacks the failure queue of ${missing}`,
        { failures: { queues: async () => UNITS.filter((unit) => unit !== missing).map((unit) => queue(unit)) } },
        /no such queue/,
      ],
    ),
    [
      'has a reconciler that counts no failure queue',
      { aws: { ...aws, environment: async () => ({}) } },
      /knows of no failure queue/,
    ],
    ['does not reconcile', { aws: { ...aws, sumOf: async () => 0 } }, /did not run in the last 15 minutes/],
    ['fails to reconcile', { aws: { ...aws, sumOf: async () => 3 } }, /all of its 3 runs/],
    ...['publisher', 'announcer'].flatMap((unit): [string, Partial<Around>, RegExp][] => {
      const states = (found: string[]) => async (name: string) => (name.endsWith(unit) ? found : ['Enabled']);
      return [
        [`has its ${unit} stopped`, { aws: { ...aws, mappingStates: states(['Disabled']) } }, /: Disabled$/],
        [`has no mapping of its ${unit}`, { aws: { ...aws, mappingStates: states([]) } }, /not follow the journal$/],
      ];
    }),
    [
      'is given no sign of life',
      { aws: { ...aws, messagesSent: async (region) => (region === config.standbyRegion ? 0 : 3) } },
      /none came for 35 minutes/,
    ],
    [
      'sees no canary',
      { aws: { ...aws, messagesSent: async (_region, name) => (name.endsWith('canary-seen') ? 0 : 3) } },
      /none came for 35 minutes/,
    ],
    [
      'lacks its stack in the standby region',
      {
        aws: {
          ...aws,
          ownAlarms: async (region, names) => (region === 'us-west-2' ? [] : aws.ownAlarms(region, names)),
        },
      },
      /there is no such alarm/,
    ],
    ...['announcer-late', 'follow-through-failed'].map((name): [string, Partial<Around>, RegExp] => [
      `lacks its alarm ${name}`,
      {
        aws: {
          ...aws,
          ownAlarms: async (region, names) =>
            (await aws.ownAlarms(region, names)).filter((each) => each.AlarmName !== `nightshift-test-${name}`),
        },
      },
      /there is no such alarm/,
    ]),
    [
      'has an alarm of its own that fires',
      {
        aws: {
          ...aws,
          ownAlarms: async (region, names) =>
            (await aws.ownAlarms(region, names)).map((each) =>
              each.AlarmName === 'nightshift-test-trouble'
                ? { ...each, StateValue: 'ALARM', StateReason: 'Threshold Crossed' }
                : each,
            ),
        },
      },
      /is in ALARM: Threshold Crossed/,
    ],
    [
      'has an alarm of its own that was switched off',
      {
        aws: {
          ...aws,
          ownAlarms: async (region, names) =>
            (await aws.ownAlarms(region, names)).map((each) =>
              each.AlarmName === 'nightshift-test-trouble' ? { ...each, ActionsEnabled: false } : each,
            ),
        },
      },
      /it calls nobody/,
    ],
    [
      'pages nobody in the standby region',
      {
        aws: { ...aws, subscriptions: async (topic) => (topic.includes('us-west-2') ? [] : aws.subscriptions(topic)) },
      },
      /nobody has subscribed/,
    ],
    [
      'lacks a secret that a function reads',
      { aws: { ...aws, secret: async (arn) => (arn.endsWith('links.json') ? 'missing' : 'there') } },
      /does not exist, and links reads it/,
    ],
    [
      'loses a secret that a function reads',
      { aws: { ...aws, secret: async (arn) => (arn.endsWith('channels.json') ? 'being-deleted' : 'there') } },
      /is being deleted, and notify reads it/,
    ],
    [
      'has next to no executions left in its account',
      { aws: { ...aws, concurrency: async () => ({ limit: 100, unreserved: 49 }) } },
      /49 of 100 concurrent executions/,
    ],
    [
      'has a function that may never run',
      { aws: { ...aws, reservedConcurrency: async (name) => (name.endsWith('-publisher') ? 0 : 5) } },
      /reserved concurrency is 0/,
    ],
    [
      'lacks the state machine that follows incidents',
      { aws: { ...aws, machineStatus: async () => undefined } },
      /there is no such state machine/,
    ],
    [
      'has a state machine that is being deleted',
      { aws: { ...aws, machineStatus: async () => 'DELETING' } },
      /state machine is DELETING/,
    ],
    [
      'cannot be seen',
      {
        aws: {
          ...aws,
          sumOf: async () => {
            throw new Error('AccessDenied');
          },
        },
      },
      /could not be checked: Error: AccessDenied/,
    ],
  ])('names it when the deployment %s', async (_, change, what) => {
    expect(wrongs(await examineAll({ ...quiet, ...change }))).toEqual([expect.stringMatching(what)]);
  });

  it('gives a fresh deployment its time for the first signs of life', async () => {
    const ownAlarms: Aws['ownAlarms'] = async (region, names) =>
      (await aws.ownAlarms(region, names)).map((each) => ({
        ...each,
        AlarmConfigurationUpdatedTimestamp: new Date(NOW - 60_000),
      }));
    const young = { ...quiet, aws: { ...aws, ownAlarms, messagesSent: async () => 0 } };
    const checks = await examineAll(young);
    expect(wrongs(checks)).toEqual([]);
    expect(checks.filter(({ verdict }) => verdict === 'unknown').map(({ check }) => check)).toEqual([
      'heartbeat',
      'canary',
    ]);
  });

  it('looks for each secret once, whatever names it', () => {
    const arn = `${SECRET}key`;
    expect(
      secretsIn({ links: { signingSecretArn: arn }, channels: [{ urlSecretArn: arn, topicArn: 'arn:other' }] }),
    ).toEqual([arn]);
    expect(secretsIn(undefined)).toEqual([]);
  });

  it('looks for alarms of endpoints where their metric is, too, and there for no others: the same names are other things', async () => {
    const regionsOf = async (endpoints: typeof config.endpoints) => {
      const asked: string[] = [];
      const alarms: Aws['alarms'] = async (concerned, region) => {
        asked.push(`${region}${concerned(cpu.alarm) ? ', of services' : ''}`);
        return [];
      };
      const place = { ...LOCAL_PLACE, region: 'eu-west-1' };
      const elsewhere = { ...deployment, config: { ...config, endpoints } };
      await examineAll({ ...quiet, place, deployment: elsewhere, aws: { ...aws, alarms } });
      return asked;
    };
    expect(await regionsOf({ shop: endpoint })).toEqual(['eu-west-1, of services', 'us-east-1']);
    expect(await regionsOf({})).toEqual(['eu-west-1, of services']);
  });

  it('does not take a target for healthy that this checkout can not look at', async () => {
    expect(wrongs(await examineAll(healthy))).toContain('this checkout does not know it');
  });

  it.each([
    ['ok', 0, true],
    ['unknown', 0, true],
    ['wrong', 1, false],
  ] as const)('ends with a check that is %s with exit code %i', async (verdict, code, is) => {
    const check: Check = { check: 'switch', subject: 'test', verdict, what: 'something' };
    const io = recorder();
    const parts = { commands: [doctor(async () => [check])], find: async () => LOCAL_PLACE };
    expect(await main(['doctor', '--json'], io, parts)).toBe(code);
    expect(doctorDocument.parse(JSON.parse(io.stdout.at(-1) ?? ''))).toMatchObject({ healthy: is, checks: [check] });
  });
});
