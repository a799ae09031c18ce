/** What `npm start` understands. */
import { parseArgs } from 'node:util';
import { parseArgsComplaint, UsageError } from '../world/errors.ts';

export interface StartOptions {
  readonly world: string;
  /** Exit after the scenarios instead of staying up. */
  readonly once: boolean;
  /** Names and groups; empty for none. */
  readonly scenarios: readonly string[];
  readonly json: boolean;
  readonly help: boolean;
}

export const START_USAGE = `npm start -- [options]
  --once                   exit after the scenarios: 0 when every one passed, else 1
  --scenarios <a,b,...>    scenarios or groups to play (demo)
  --no-scenarios           play none
  --world <name>           name of this world; worlds of different names run side by side (demo)
  --json                   last line of stdout is one JSON document, everything else goes to stderr
  --help                   this`;

/** @throws UsageError for what isn't in START_USAGE. */
export function parseStartOptions(argv: readonly string[]): StartOptions {
  const values = parse(argv);
  if (values['no-scenarios'] && values.scenarios !== undefined)
    throw new UsageError('--scenarios and --no-scenarios exclude each other');
  const words = (values.scenarios ?? 'demo').split(',').map((word) => word.trim());
  if (words.some((word) => word === ''))
    throw new UsageError('--scenarios: expected names or groups separated by commas, such as --scenarios demo');
  return {
    world: values.world,
    once: values.once,
    scenarios: values['no-scenarios'] ? [] : words,
    json: values.json,
    help: values.help,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        once: { type: 'boolean', default: false },
        scenarios: { type: 'string' },
        'no-scenarios': { type: 'boolean', default: false },
        world: { type: 'string', default: 'demo' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw parseArgsComplaint(error) ?? error;
  }
}
