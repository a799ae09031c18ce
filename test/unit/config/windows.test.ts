import { describe, expect, it } from '@jest/globals';
import { manifest } from '../../../functions/remediations/scale-out-service/manifest.ts';
import { ConfigurationError } from '../../../infra/config/faults.ts';
import { parseConfig } from '../../../infra/config/parse.ts';

const manifests = [manifest];
const configured = (windows: unknown) => ({
  region: 'eu-west-1',
  standbyRegion: 'eu-central-1',
  services: { backend: { cluster: 'orders', service: 'api', maxTasks: 4 } },
  windows,
});
const WEEKLY = {
  name: 'nights',
  kind: 'freeze',
  repeats: 'weekly',
  timeZone: 'Europe/Paris',
  from: '22:00',
  to: '06:00',
};
const ONCE = {
  name: 'sale',
  kind: 'freeze',
  repeats: 'never',
  begins: '2026-11-27T00:00:00+01:00',
  ends: '2026-11-30T00:00:00+01:00',
};

function faultOf(window: unknown): { path: string; expected: string } {
  try {
    parseConfig(configured([window]), manifests);
  } catch (error) {
    if (error instanceof ConfigurationError && error.faults[0]) return error.faults[0];
    throw error;
  }
  throw new Error('no fault was found');
}

describe('windows in the configuration', () => {
  it('reach the functions, on every day by default, with targets by the names the engine knows', () => {
    const { runtime } = parseConfig(configured([{ ...WEEKLY, for: ['backend'] }, ONCE]), manifests);
    expect(runtime.windows).toEqual([
      {
        name: 'nights',
        kind: 'freeze',
        timeZone: 'Europe/Paris',
        days: expect.arrayContaining(['sun', 'sat']),
        from: '22:00',
        to: '06:00',
        targets: ['ecs-service/orders/api'],
      },
      { name: 'sale', kind: 'freeze', begins: ONCE.begins, ends: ONCE.ends },
    ]);
  });

  it.each<[string, object, string, RegExp]>([
    ['an unknown time zone', { ...WEEKLY, timeZone: 'Mars/Olympus' }, 'windows[0].timeZone', /IANA/],
    ['a time that no clock shows', { ...WEEKLY, from: '24:00' }, 'windows[0].from', /22:00/],
    ['a day that is none', { ...WEEKLY, days: ['someday'] }, 'windows[0].days[0]', /sun, mon/],
    ['an end before the beginning', { ...ONCE, ends: ONCE.begins }, 'windows[0].ends', /after begins/],
    ['a target that is not configured', { ...WEEKLY, for: ['frontend'] }, 'windows[0].for[0]', /backend/],
    ['fields of the other kind', { ...ONCE, days: ['mon'] }, 'windows[0].days', /./],
    ['neither weekly nor once', { ...WEEKLY, repeats: 'yearly' }, 'windows[0].repeats', /weekly or never/],
    ['a misspelt field', { ...WEEKLY, timezone: 'UTC' }, 'windows[0].timezone', /timeZone/],
  ])('with %s stop the synthesis and say what is allowed', (_, window, path, expected) => {
    expect(faultOf(window)).toMatchObject({ path, expected: expect.stringMatching(expected) });
  });
});
