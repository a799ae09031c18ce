import { describe, expect, it } from '@jest/globals';
import { momentOf, report } from '../../../cli/commands/report.ts';
import { main } from '../../../cli/main.ts';
import { periodBefore } from '../../../functions/reports/period.ts';
import { LOCAL_PLACE, recorder } from './harness.ts';

const NOW = Date.parse('2026-11-21T10:00:00Z');
const nowhere = () => {
  throw new Error('nothing may be opened');
};

async function failing(...words: string[]) {
  const io = recorder();
  const code = await main(['report', ...words], io, {
    commands: [
      report(
        nowhere,
        async () => nowhere(),
        () => NOW,
      ),
    ],
    find: async () => LOCAL_PLACE,
  });
  return { code, said: io.stderr[0] };
}

describe('nightshift report', () => {
  it.each([
    [[], 'expected one incident'],
    [['daily-operations', 'more'], 'expected one incident'],
    [['daily-operations', '--at', 'yesterday'], 'expected a date such as 2026-11-01'],
    [['daily-operations', '--at', '2026-13-45'], 'expected a date such as 2026-11-01'],
    [['daily-operations', '--at', '2026-11-23'], 'still to come'],
    [['daily-operations', '--json', '--html', 'x.html'], '--json or --html, not both'],
    [['inc-1', '--json'], 'nightshift incident <id> --json'],
    [['inc-1', '--at', '2026-11-01'], '--at for daily-operations'],
  ])('%j is wrong usage, and says what is right', async (words, says) => {
    expect(await failing(...words)).toEqual({ code: 2, said: expect.stringContaining(says) });
  });
});

describe('a date', () => {
  it.each([
    ['2026-11-01', 'America/New_York', '2026-11-01T04:00:00.000Z'],
    ['2026-11-01', 'Pacific/Kiritimati', '2026-10-31T10:00:00.000Z'],
    ['2026-11-01', 'UTC', '2026-11-01T00:00:00.000Z'],
    ['2026-11-01T00:00:00Z', 'America/New_York', '2026-11-01T00:00:00.000Z'],
  ])('%s begins on the clock of reports, %s', (text, zone, expected) => {
    const at = momentOf(text, zone, NOW);
    expect(new Date(at).toISOString()).toBe(expected);
    if (!text.includes('T')) expect(periodBefore('month', at, zone).label).toBe('2026-10');
  });

  it('has begun in one zone and is still to come in another', () => {
    expect(momentOf('2026-11-22', 'Pacific/Kiritimati', NOW)).toBe(NOW);
    expect(() => momentOf('2026-11-22', 'UTC', NOW)).toThrow('still to come');
  });
});
