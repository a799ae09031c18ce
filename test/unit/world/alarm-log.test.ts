import { describe, expect, it } from '@jest/globals';
import { AlarmLog } from '../../../local/world/alarm-log.ts';

const event = (state: string, timestamp: string, tags?: Record<string, string>) => ({
  'detail-type': 'CloudWatch Alarm State Change',
  source: 'aws.cloudwatch',
  region: 'us-east-1',
  detail: {
    alarmName: 'backend-cpu',
    state: { value: state, reason: 'because', timestamp },
    ...(tags && { alarmTags: tags }),
  },
});
const TAGS = { 'nightshift:runbook': 'scale-out-service' };

describe('the log of alarms', () => {
  it('keeps the time of the change to the millisecond, as the event tells it', () => {
    const log = new AlarmLog();
    log.note(event('ALARM', '2026-11-20T03:04:05.678+0000', TAGS));
    expect(log.changes()).toEqual([
      {
        alarmName: 'backend-cpu',
        state: 'ALARM',
        at: '2026-11-20T03:04:05.678Z',
        reason: 'because',
        region: 'us-east-1',
        runbook: 'scale-out-service',
      },
    ]);
  });

  it('finds the first change of an opted-in alarm since a moment', () => {
    const log = new AlarmLog();
    log.note(event('ALARM', '2026-11-20T03:00:00.000+0000', TAGS));
    log.note(event('ALARM', '2026-11-20T03:10:00.000+0000'));
    log.note(event('ALARM', '2026-11-20T03:20:00.000+0000', TAGS));
    const since = Date.parse('2026-11-20T03:05:00.000Z');
    expect(log.first('scale-out-service', 'ALARM', since)?.at).toBe('2026-11-20T03:20:00.000Z');
    expect(log.first('scale-out-service', 'OK', since)).toBeUndefined();
  });

  it('keeps nothing of other events', () => {
    const log = new AlarmLog();
    for (const other of [
      undefined,
      'text',
      { 'detail-type': 'ECS Task State Change', detail: {} },
      event('PURPLE', 'x'),
    ])
      log.note(other);
    expect(log.changes()).toEqual([]);
  });
});
