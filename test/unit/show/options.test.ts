import { describe, expect, it } from '@jest/globals';
import { parseStartOptions } from '../../../local/show/options.ts';
import { UsageError } from '../../../local/world/errors.ts';

describe('options of npm start', () => {
  it('plays the demo in the world "demo" and stays up when nothing is said', () => {
    expect(parseStartOptions([])).toEqual({
      world: 'demo',
      once: false,
      scenarios: ['demo'],
      json: false,
      help: false,
    });
  });

  it('takes scenarios and groups separated by commas', () => {
    expect(parseStartOptions(['--once', '--scenarios', 'scale-out, plans', '--world', 'b', '--json'])).toEqual({
      world: 'b',
      once: true,
      scenarios: ['scale-out', 'plans'],
      json: true,
      help: false,
    });
  });

  it('plays none with --no-scenarios', () => {
    expect(parseStartOptions(['--no-scenarios']).scenarios).toEqual([]);
  });

  it.each([
    [['--unknown']],
    [['word']],
    [['--scenarios']],
    [['--scenarios', '']],
    [['--scenarios', 'a,,b']],
    [['--scenarios', 'a', '--no-scenarios']],
  ])('calls %j wrong usage', (argv) => {
    expect(() => parseStartOptions(argv)).toThrow(UsageError);
  });
});
