import { describe, expect, it } from '@jest/globals';
import { readAlarmEvent, targetOfChildren } from '../../../functions/engine/sources/cloudwatch-alarm.ts';
import { manifest as release } from '../../../functions/remediations/release-idle-connections/manifest.ts';
import { manifest as rollBack } from '../../../functions/remediations/roll-back-deployment/manifest.ts';
import { manifest as scaleOut } from '../../../functions/remediations/scale-out-service/manifest.ts';
import { alarmEvent, config, NOW, service } from '../../support/fixtures.ts';

const metric = (dimensions: object, name = 'CPUUtilization', namespace = 'AWS/ECS') => ({
  metricStat: { metric: { namespace, name, dimensions }, period: 60, stat: 'Average' },
});
const configuration = (...metrics: object[]) => ({ configuration: { metrics } });
const targetTag = (target: string) => ({
  alarmTags: { 'nightshift:runbook': 'scale-out-service', 'nightshift:target': target },
});
const BACKEND = { ClusterName: 'orders', ServiceName: 'backend' };

describe('reading a CloudWatch alarm event', () => {
  it('infers the target from the dimensions of the alarm itself', () => {
    expect(readAlarmEvent(alarmEvent(), scaleOut, config)).toMatchObject({
      id: 'c4c1c1c9-6542-e61b-6ef0-8c4d36933a92',
      state: 'firing',
      target: 'ecs-service/orders/backend',
      firstEvaluation: false,
      recheck: 0,
      evidence: { metricName: 'CPUUtilization', datapoints: [81.2], threshold: 70 },
    });
  });

  it('takes a metric of another account for a stranger’s, however much its dimensions look like ours', () => {
    const detail = configuration({ ...metric(BACKEND), accountId: '999999999999' });
    expect(readAlarmEvent(alarmEvent({ detail }), scaleOut, config)).toMatchObject({
      rejected: 'foreign-metric',
      detail: expect.stringContaining('999999999999'),
    });
    const own = configuration({ ...metric(BACKEND), accountId: '000000000000' });
    expect(readAlarmEvent(alarmEvent({ detail: own }), scaleOut, config)).toMatchObject({
      target: 'ecs-service/orders/backend',
    });
  });

  it('knows until when a mute rule keeps it quiet, and that none does', () => {
    const muteDetail = { mutedByArn: 'arn:x', muteWindowEnd: '2026-01-01T12:00:00.000+0000' };
    expect(readAlarmEvent(alarmEvent({ detail: { muteDetail } }), scaleOut, config)).toMatchObject({
      mutedUntil: '2026-01-01T12:00:00.000Z',
    });
    expect(readAlarmEvent(alarmEvent({ detail: { muteDetail: undefined } }), scaleOut, config)).not.toHaveProperty(
      'mutedUntil',
    );
  });

  it('leaves a composite alone whose suppressor keeps it quiet, and takes it up when that is over', () => {
    const at = new Date(NOW).toISOString();
    const state = { value: 'ALARM', timestamp: at, actionsSuppressedBy: 'Alarm' };
    const detail = { configuration: { alarmRule: 'ALARM(a)' }, ...targetTag('ecs-service/orders/backend') };
    expect(readAlarmEvent(alarmEvent({ detail: { ...detail, state } }), scaleOut, config)).toMatchObject({
      mutedUntil: new Date(NOW + 600_000).toISOString(),
    });
    const again = { ...detail, state: { value: 'ALARM', timestamp: at }, previousState: state };
    expect(readAlarmEvent(alarmEvent({ detail: again }), scaleOut, config)).not.toHaveProperty('mutedUntil');
  });

  it('reads OK as resolved', () => {
    const event = alarmEvent({ detail: { state: { value: 'OK', timestamp: new Date(NOW).toISOString() } } });
    expect(readAlarmEvent(event, scaleOut, config)).toMatchObject({ state: 'resolved' });
  });

  it('recognises the first evaluation after creation', () => {
    const previousState = { value: 'INSUFFICIENT_DATA', reason: 'Unchecked: Initial alarm creation' };
    expect(readAlarmEvent(alarmEvent({ detail: { previousState } }), scaleOut, config)).toMatchObject({
      firstEvaluation: true,
    });
  });

  it('does not take a gap in the data for a first evaluation', () => {
    const previousState = { value: 'INSUFFICIENT_DATA', reason: 'Insufficient Data: 1 datapoint was unknown.' };
    expect(readAlarmEvent(alarmEvent({ detail: { previousState } }), scaleOut, config)).toMatchObject({
      firstEvaluation: false,
    });
  });

  it.each<[string, unknown, string]>([
    ['not an object', 'hello', 'malformed'],
    ['null', null, 'malformed'],
    ['no id', alarmEvent({ id: undefined }), 'malformed'],
    ['no state', alarmEvent({ detail: { state: undefined } }), 'malformed'],
    ['a time that is none', alarmEvent({ detail: { state: { value: 'ALARM', timestamp: 'soon' } } }), 'malformed'],
    ['no resources', alarmEvent({ resources: [] }), 'malformed'],
    ['another source', alarmEvent({ source: 'my.app' }), 'malformed'],
    ['no tag', alarmEvent({ detail: { alarmTags: undefined } }), 'wrong-runbook'],
    [
      'the tag of another runbook',
      alarmEvent({ detail: { alarmTags: { 'nightshift:runbook': 'restart' } } }),
      'wrong-runbook',
    ],
    [
      'an alarm of auto scaling',
      alarmEvent({ detail: { alarmName: 'TargetTracking-service/orders/backend-AlarmHigh-1' } }),
      'auto-scaling-alarm',
    ],
    [
      'INSUFFICIENT_DATA',
      alarmEvent({ detail: { state: { value: 'INSUFFICIENT_DATA', timestamp: '2026-11-20T03:00:00Z' } } }),
      'insufficient-data',
    ],
    [
      'another namespace',
      alarmEvent({ detail: configuration(metric(BACKEND, 'CPUUtilization', 'AWS/EC2')) }),
      'foreign-metric',
    ],
    ['another metric', alarmEvent({ detail: configuration(metric(BACKEND, 'RequestCount')) }), 'foreign-metric'],
    ['no dimensions', alarmEvent({ detail: configuration(metric({})) }), 'no-target'],
    ['half of the dimensions', alarmEvent({ detail: configuration(metric({ ClusterName: 'orders' })) }), 'no-target'],
    ['one dimension too many', alarmEvent({ detail: configuration(metric({ ...BACKEND, Zone: 'a' })) }), 'no-target'],
    [
      'only an expression',
      alarmEvent({ detail: configuration({ id: 'e1', expression: 'SUM(METRICS())' }) }),
      'no-target',
    ],
    [
      'a composite alarm',
      alarmEvent({ detail: { configuration: { alarmRule: 'ALARM(a) OR ALARM(b)' } } }),
      'no-target',
    ],
    [
      'a composite alarm of which the reconciler says why it names no target',
      alarmEvent({ detail: { configuration: { alarmRule: 'ALARM(a)' }, whyNoTarget: 'is made of too many alarms' } }),
      'no-target',
    ],
    [
      'a composite alarm whose tag names another kind of target',
      alarmEvent({ detail: { configuration: { alarmRule: 'ALARM(a)' }, ...targetTag('rds-instance/orders-db') } }),
      'no-target',
    ],
    ['a log alarm without a tag', alarmEvent({ detail: { configuration: {} } }), 'no-target'],
    [
      'two services',
      alarmEvent({ detail: configuration(metric(BACKEND), metric({ ...BACKEND, ServiceName: 'other' })) }),
      'several-targets',
    ],
  ])('rejects %s', (_, event, reason) => {
    expect(readAlarmEvent(event, scaleOut, config)).toMatchObject({ rejected: reason });
  });

  it.each([
    ['a composite alarm', { alarmRule: 'ALARM(a) OR ALARM(b)' }],
    ['a log alarm', { scheduledQueryConfiguration: { queryString: 'fields @message' } }],
  ])('takes the target of %s from its tag', (_, configuration) => {
    const detail = { configuration, ...targetTag('ecs-service/orders/backend') };
    expect(readAlarmEvent(alarmEvent({ detail }), scaleOut, config)).toMatchObject({
      target: 'ecs-service/orders/backend',
      state: 'firing',
    });
  });

  it('goes by the metric of an alarm that has one, whatever its tag says', () => {
    const detail = { ...configuration(metric(BACKEND)), ...targetTag('ecs-service/orders/other') };
    expect(readAlarmEvent(alarmEvent({ detail }), scaleOut, config)).toMatchObject({
      target: 'ecs-service/orders/backend',
    });
  });

  describe('of the alarms that a composite is made of', () => {
    const child = (...metrics: object[]) =>
      alarmEvent({ detail: { alarmName: 'child', ...configuration(...metrics) } });
    const ladder = { startedBy: scaleOut.triggers };
    const cpu = child(metric(BACKEND));
    const memory = child(metric(BACKEND, 'MemoryUtilization'));

    it('takes the one target that all of them name', () => {
      expect(targetOfChildren([cpu, memory], ladder, config)).toEqual({ target: 'ecs-service/orders/backend' });
    });

    it.each<[string, unknown[], RegExp]>([
      ['none fires', [], /no metric alarm that is firing/],
      ['one can not be read', [cpu, { id: 'x' }], /can not be read/],
      ['they name two targets', [cpu, child(metric({ ...BACKEND, ServiceName: 'other' }))], /backend and .*other/],
      [
        'one is about something else',
        [cpu, child(metric({ DBInstanceIdentifier: 'orders-db' }, 'CPUUtilization', 'AWS/RDS'))],
        /child, which watches AWS\/RDS CPUUtilization/,
      ],
      ['one watches nothing of AWS’s', [child(metric(BACKEND, 'Orders', 'Shop'))], /child, which names no target/],
      ['one lacks dimensions', [child(metric({ ClusterName: 'orders' }))], /no metric with dimensions/],
    ])('takes none when %s', (_, children, why) => {
      expect(targetOfChildren(children, ladder, config)).toEqual({ whyNoTarget: expect.stringMatching(why) });
    });
  });

  describe('in another region than the deployment', () => {
    const elsewhere = { ...config, region: 'eu-central-1' };

    it('is about the target of that name there, which is not ours', () => {
      expect(readAlarmEvent(alarmEvent(), scaleOut, config)).toMatchObject({ target: 'ecs-service/orders/backend' });
      expect(readAlarmEvent(alarmEvent(), scaleOut, elsewhere)).toMatchObject({
        rejected: 'foreign-metric',
        detail: expect.stringContaining('of another region than eu-central-1'),
      });
    });

    it('is nobody’s as part of a composite', () => {
      const children = [alarmEvent({ detail: configuration(metric(BACKEND)) })];
      const ladder = { startedBy: scaleOut.triggers };
      expect(targetOfChildren(children, ladder, elsewhere)).toEqual({ whyNoTarget: expect.stringMatching(/region/) });
    });
  });

  it('accepts metric math over one service', () => {
    const event = alarmEvent({
      detail: configuration(metric(BACKEND), metric(BACKEND, 'MemoryUtilization'), {
        id: 'e1',
        expression: 'MAX([m1,m2])',
      }),
    });
    expect(readAlarmEvent(event, scaleOut, config)).toMatchObject({ target: 'ecs-service/orders/backend' });
  });

  it('infers the service behind a target group, and none for a group that is nobody’s', () => {
    const services = {
      backend: {
        ...service,
        balancedBy: { loadBalancer: 'app/shop/4567', targetGroup: 'targetgroup/backend/0123' },
      },
    };
    const of = (TargetGroup: string) => {
      const dimensions = { LoadBalancer: 'app/shop/4567', TargetGroup };
      const metrics = ['HTTPCode_Target_5XX_Count', 'RequestCount'].map((name) =>
        metric(dimensions, name, 'AWS/ApplicationELB'),
      );
      const alarmTags = { 'nightshift:runbook': 'high-error-rate' };
      const detail = { ...configuration(...metrics, { id: 'e1', expression: '100 * m1 / m2' }), alarmTags };
      return readAlarmEvent(alarmEvent({ detail }), rollBack, { ...config, services });
    };
    expect(of('targetgroup/backend/0123')).toMatchObject({ target: 'ecs-service/orders/backend' });
    expect(of('targetgroup/other/0123')).toMatchObject({ target: 'ecs-service/behind/targetgroup/other/0123' });
  });

  it('keeps a small part of a huge event', () => {
    const event = alarmEvent({
      extra: 'x'.repeat(1_000_000),
      detail: {
        state: {
          value: 'ALARM',
          reason: 'r'.repeat(100_000),
          reasonData: JSON.stringify({ recentDatapoints: Array.from({ length: 5_000 }, (_, i) => i) }),
          timestamp: new Date(NOW).toISOString(),
        },
      },
    });
    const signal = readAlarmEvent(event, scaleOut, config);
    expect(signal).toMatchObject({ target: 'ecs-service/orders/backend' });
    expect(JSON.stringify(signal).length).toBeLessThan(2_000);
  });

  it('infers a database from its own alarm', () => {
    const event = alarmEvent({
      detail: {
        ...configuration(metric({ DBInstanceIdentifier: 'orders-db' }, 'DatabaseConnections', 'AWS/RDS')),
        alarmTags: { 'nightshift:runbook': 'release-idle-connections' },
      },
    });
    expect(readAlarmEvent(event, release, config)).toMatchObject({ target: 'rds-instance/orders-db' });
  });

  it('leaves out figures that the journal cannot keep, and takes the event all the same', () => {
    const reasonData = '{"recentDatapoints":[1e18,70.5,1e999,-1e300],"threshold":9007199254740993}';
    const state = { value: 'ALARM', reason: 'Threshold Crossed', reasonData, timestamp: '2026-11-20T02:59:55.000Z' };
    const signal = readAlarmEvent(alarmEvent({ detail: { state } }), scaleOut, config);
    expect(signal).toMatchObject({ target: 'ecs-service/orders/backend', evidence: { datapoints: [70.5] } });
    expect(signal).not.toHaveProperty('evidence.threshold');
  });
});
