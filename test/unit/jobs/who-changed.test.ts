/** Who changed what, by CloudTrail's records. */
import { describe, expect, it } from '@jest/globals';
import { ITEM_KINDS, type ItemKind } from '../../../functions/configuration/item.ts';
import { CALLS, callIn, lastCallOn, tellWho } from '../../../functions/jobs/back-up-configuration/who.ts';

const JANE = 'arn:aws:sts::111122223333:assumed-role/admin/jane';
const record = (eventName: string, requestParameters: unknown, more: object = {}) =>
  JSON.stringify({
    ...{ eventName, eventTime: '2026-11-22T01:00:00Z', userIdentity: { type: 'AssumedRole', arn: JANE } },
    ...{ requestParameters, ...more },
  });
const call = (eventName: string, requestParameters: unknown, more: object = {}) => {
  const found = callIn(record(eventName, requestParameters, more));
  if (!found) throw new Error('not a call');
  return found;
};

describe('a record of CloudTrail', () => {
  it('tells who made the call, or which service did', () => {
    expect(call('UpdateService', {}).by).toBe(JANE);
    expect(call('UpdateService', {}, { userIdentity: { invokedBy: 'autoscaling.amazonaws.com' } }).by).toBe(
      'autoscaling.amazonaws.com',
    );
    expect(call('UpdateService', null, { userIdentity: undefined }).by).toBe('somebody');
  });

  it.each([undefined, '', '{', '[]', '{"eventName":1}', record('UpdateService', {}, { errorCode: 'AccessDenied' })])(
    'is none, or of a call that changed nothing: %s',
    (text) => {
      expect(callIn(text)).toBeUndefined();
    },
  );
});

describe('the call that changed a thing', () => {
  const arn = 'arn:aws:ecs:us-east-1:111122223333';
  const service = (name: string, cluster: string) => call('UpdateService', { service: name, cluster });
  const batch = (name: string) =>
    call('ChangeResourceRecordSets', {
      hostedZoneId: 'Z1',
      changeBatch: { changes: [{ action: 'UPSERT', resourceRecordSet: { name, type: 'A' } }] },
    });

  it.each<[string, ItemKind, string, ReturnType<typeof call>]>([
    ['names', 'service', 'orders/backend', service('backend', 'orders')],
    ['ARNs', 'service', 'orders/backend', service(`${arn}:service/orders/backend`, `${arn}:cluster/orders`)],
    ['a policy', 'scaling', 'orders/backend', call('PutScalingPolicy', { resourceId: 'service/orders/backend' })],
    ['a record with a dot', 'record', 'Z1/www.example.com/A', batch('www.example.com.')],
    ['an alarm', 'alarm', 'backend-cpu', call('PutMetricAlarm', { alarmName: 'backend-cpu' })],
    ['alarms', 'alarm', 'backend-cpu', call('DisableAlarmActions', { alarmNames: ['x', 'backend-cpu'] })],
    ['a parameter', 'parameter', '/orders/colour', call('PutParameter', { name: '/orders/colour', value: 'hidden' })],
    ['a rule', 'rule', 'default/nightly', call('PutTargets', { rule: 'nightly' })],
    ['a machine', 'state-machine', 'nightly', call('UpdateStateMachine', { stateMachineArn: 'arn:x:nightly' })],
    ['a certificate', 'certificate', 'arn:c', call('ImportCertificate', { certificateArn: 'arn:c' })],
  ])('is found by %s', (_what, kind, id, made) => {
    expect(lastCallOn({ kind, id }, [made])).toBe(made);
    expect(lastCallOn({ kind, id: id.replace(/\w(\/A)?$/, 'zz$1') }, [made])).toBeUndefined();
  });

  it('is not one on a namesake elsewhere, nor of another kind', () => {
    const change = { kind: 'service', id: 'orders/backend' } as const;
    expect(lastCallOn(change, [service('backend', 'other'), service('backend-2', 'orders')])).toBeUndefined();
    expect(lastCallOn(change, [call('TagResource', { service: 'backend', cluster: 'orders' })])).toBeUndefined();
  });

  it('is the newest, told without any of its parameters', () => {
    const change = { kind: 'parameter', id: '/orders/token' } as const;
    const parameters = { name: '/orders/token', value: 'planted' };
    const newest = call('PutParameter', parameters, { eventTime: '2026-11-22T02:00:00Z' });
    expect(tellWho(change, [call('PutParameter', parameters), newest, call('PutParameter', parameters)])).toBe(
      `parameter//orders/token: PutParameter at 2026-11-22T02:00:00Z by ${JANE}`,
    );
    expect(tellWho(change, [])).toBe('parameter//orders/token: CloudTrail tells of no call that changed it');
  });

  it('is known for every kind that a backup holds', () => {
    for (const kind of ITEM_KINDS.filter((each) => each !== 'uncovered')) expect(CALLS[kind].length).toBeGreaterThan(0);
  });
});
