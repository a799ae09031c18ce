/** The command line of what proves and measures (`npm run simulate` and its like): `--help` is answered, and what isn't understood is refused before anything begins. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { parseArgsComplaint } from '../../local/world/errors.ts';

const HELP = { help: { type: 'boolean', short: 'h', default: false } } as const;

/** What is said of a command that isn't understood. Ends the process with exit code 2. */
export function refuse(line: string): never {
  process.stderr.write(`${line}\n`);
  process.exit(2);
}

/**
 * What this process was called with.
 * @param usage Printed on stdout for `--help`, after which the process ends with exit code 0. Without `--help` itself.
 * An option that isn't among `options`, or a word where none is taken, ends it with exit code 2 and the usage on stderr.
 */
export function commandLine<const Options extends NonNullable<ParseArgsConfig['options']>, Words extends boolean>(
  usage: string,
  options: Options,
  allowPositionals: Words,
) {
  const whole = `${usage}\n  --help                   this`;
  try {
    const parsed = parseArgs({ options: { ...options, ...HELP }, allowPositionals });
    if ((parsed.values as { help?: boolean }).help) {
      process.stdout.write(`${whole}\n`);
      process.exit(0);
    }
    return parsed;
  } catch (error) {
    const complaint = parseArgsComplaint(error);
    if (!complaint) throw error;
    return refuse(`${complaint.message}\n${whole}`);
  }
}

/** A whole number given as an option; anything else ends the process with exit code 2. */
export function wholeNumber(name: string, text: string, least = 0): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least) return value;
  return refuse(`--${name} ${text}: expected a whole number${least > 0 ? ` of at least ${least}` : ''}`);
}
