import { describe, expect, it } from '@jest/globals';
import { manifest } from '../../../functions/remediations/scale-out-service/manifest.ts';
import { ConfigurationError } from '../../../infra/config/faults.ts';
import { parseConfig } from '../../../infra/config/parse.ts';

function faultsWith(cooldownSeconds: number | undefined, alarmPeriodSeconds: number): readonly unknown[] {
  const runbooks = cooldownSeconds === undefined ? {} : { 'scale-out-service': { cooldownSeconds } };
  try {
    parseConfig({ region: 'eu-west-1', standbyRegion: 'eu-central-1', alarmPeriodSeconds, runbooks }, [manifest]);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
}

describe('a cooldown', () => {
  it.each<[number | undefined, number, boolean]>([
    [119, 60, false],
    [120, 60, true],
    [19, 10, false],
    [20, 10, true],
    [undefined, 60, true],
    [undefined, 300, false],
  ])('of %s s with alarms every %i s is long enough to see what a change did: %s', (cooldown, period, enough) => {
    const faults = faultsWith(cooldown, period);
    if (enough) expect(faults).toEqual([]);
    else
      expect(faults).toMatchObject([
        { path: 'runbooks.scale-out-service.cooldownSeconds', expected: expect.stringContaining(`${2 * period}`) },
      ]);
  });
});
