/** Command lines, up to where they would reach for a world or for AWS. */
import pc from 'picocolors';
import { COMMANDS, main } from '../../../cli/main.ts';
import { EnvironmentMissing } from '../../../local/world/errors.ts';
import type { Surface } from '../surface.ts';

/** Exit codes that are documented (design section 8). */
const DOCUMENTED = [0, 1, 2, 3];
/** What a bug looks like when it is told as if it were a failure. */
const BUG = /^(TypeError|RangeError|ReferenceError|SyntaxError|AssertionError)\b/;

const WORDS: readonly (readonly string[])[] = [
  [],
  ['inc-01K', '--json'],
  ['ecs-service/orders/backend', '--for', '2h', '--reason', 'mine', '--yes'],
  ['--world', 'demo', '--json'],
  ['--aws', '--region', 'us-east-1', '--profile', 'p'],
  ['apr-01K', '--reason', 'no', '-y'],
];

export const commandLine: Surface = {
  name: 'command line',
  samples: COMMANDS.flatMap(({ name }) => WORDS.map((words) => [name, ...words])),
  take: async (input) => {
    const argv = (Array.isArray(input) ? input : [input]).map((word) =>
      typeof word === 'string' ? word : JSON.stringify(word),
    );
    const errors: string[] = [];
    const io = {
      out: () => {},
      err: (line: string) => {
        errors.push(line);
      },
      colours: pc.createColors(false),
      ask: async () => undefined,
    };
    const find = async () => {
      throw new EnvironmentMissing('nothing runs here');
    };
    const code = await main(argv, io, { find });
    const bug = errors.find((line) => BUG.test(line));
    if (bug || !DOCUMENTED.includes(code)) throw new Error(`exit ${code}: ${bug ?? 'not documented'}`);
    return { isSchemaValid: code !== 2, outcome: `exit ${code}` };
  },
};
