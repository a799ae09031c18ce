/**
 * `nightshift`: reads the journal and steers, in a local world and on AWS alike. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 something is missing.
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { VoteRefusedError } from '../functions/engine/approvals.ts';
import { EngineError } from '../functions/engine/errors.ts';
import { exitCodeOf, parseArgsComplaint, UsageError } from '../local/world/errors.ts';
import { type Command, type CommandContext, Declined, type Options } from './command.ts';
import { approvalCommands, orderByLambda } from './commands/approvals.ts';
import { backupCommands, NotProved } from './commands/backups.ts';
import { callCommands } from './commands/calls.ts';
import { dlq } from './commands/dlq.ts';
import { doctor, Unhealthy } from './commands/doctor.ts';
import { explain } from './commands/explain.ts';
import { fault } from './commands/fault.ts';
import { helpOf } from './commands/help.ts';
import { incident, incidents } from './commands/incidents.ts';
import { jobs } from './commands/jobs.ts';
import { NotRecovered, planCommands } from './commands/plans.ts';
import { report } from './commands/report.ts';
import { resolveCommands } from './commands/resolve.ts';
import { runbooks } from './commands/runbooks.ts';
import { switchCommands } from './commands/switch.ts';
import { targetCommands } from './commands/targets.ts';
import { NotIntact, verifyArchive, verifyJournal } from './commands/verify.ts';
import { readDeployment } from './deployment.ts';
import { openFailures } from './failures.ts';
import { type Io, terminal } from './io.ts';
import { openJournal, openLever, openStore } from './journal.ts';
import { personAt } from './person.ts';
import { describePlace, findPlace, type Place } from './place.ts';
import { openMachines } from './plans.ts';

export const COMMANDS: readonly Command[] = [
  incidents(openJournal),
  incident(openJournal, openStore),
  report(openStore),
  verifyJournal(openStore),
  verifyArchive,
  ...resolveCommands({ open: openStore, person: personAt }),
  ...callCommands({ open: openStore, person: personAt }),
  ...approvalCommands({ open: openStore, deployment: readDeployment, person: personAt, order: orderByLambda }),
  ...targetCommands({ open: openStore, deployment: readDeployment, person: personAt }),
  runbooks({ open: openStore, deployment: readDeployment }),
  jobs(openStore),
  ...backupCommands({ open: openStore, machines: openMachines, person: personAt }),
  ...planCommands({ open: openStore, machines: openMachines, deployment: readDeployment, person: personAt }),
  doctor(),
  explain,
  dlq(openFailures),
  ...switchCommands(openLever, personAt),
  fault,
  helpOf(() => COMMANDS),
];

/** Errors whose message is a sentence for the person: their kind adds nothing. */
const PLAIN = [
  UsageError,
  Declined,
  EngineError,
  VoteRefusedError,
  Unhealthy,
  NotIntact,
  NotRecovered,
  NotProved,
] as const;

/** What a test replaces. */
export interface Parts {
  readonly commands?: readonly Command[];
  readonly find?: typeof findPlace;
}

/**
 * Runs one command line (without `node` and the script's name) and says how it ended. Never throws.
 * @returns the process's exit code.
 */
export async function main(argv: readonly string[], io: Io, parts: Parts = {}): Promise<number> {
  const { commands = COMMANDS, find = findPlace } = parts;
  try {
    const { words, options, help } = parse(argv);
    const [name = 'help', ...rest] = words;
    // `nightshift doctor --help` asks about doctor.
    const wanted = help ? 'help' : name;
    const command = commands.find((each) => each.name === wanted);
    if (!command)
      throw new UsageError(`no command "${wanted}"; there are ${commands.map((each) => each.name).join(', ')}`);
    refuseForeign(command, options);
    await command.run(help && name !== 'help' ? [name] : rest, options, contextFor(options, io, find));
    return 0;
  } catch (error) {
    const plain = PLAIN.some((kind) => error instanceof kind);
    io.err(plain && error instanceof Error ? error.message : describeError(error));
    if (error instanceof UsageError) io.err('try "nightshift help"');
    return exitCodeOf(error);
  }
}

/** An option that a command doesn't know would be a promise that nobody keeps: `pause --for 2h` must not look as if it ended by itself. */
function refuseForeign({ name, usage }: Command, options: Options): void {
  for (const option of ['for', 'reason', 'verify', 'html', 'at', 'input', 'rehearse'] as const)
    if (options[option] !== undefined && !usage.includes(`--${option}`))
      throw new UsageError(`${name} takes no --${option}; its usage: ${usage}`);
}

function contextFor(options: Options, io: Io, find: typeof findPlace): CommandContext {
  let found: Promise<Place> | undefined;
  const place = () => {
    found ??= find(options);
    return found;
  };
  const confirm = async (what: string) => {
    io.err(`${describePlace(await place())}: ${what}`);
    if (options.yes) return;
    const answer = await io.ask('go on?');
    if (answer === undefined) throw new UsageError('nobody is there to answer: add --yes to change without asking');
    if (!answer) throw new Declined('nothing was changed');
  };
  return { io, place, confirm };
}

/** @throws UsageError for an option that doesn't exist or lacks its value. */
function parse(argv: readonly string[]): { words: string[]; options: Options; help: boolean } {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        world: { type: 'string' },
        aws: { type: 'boolean' },
        profile: { type: 'string' },
        region: { type: 'string' },
        config: { type: 'string' },
        table: { type: 'string' },
        json: { type: 'boolean', default: false },
        yes: { type: 'boolean', short: 'y', default: false },
        for: { type: 'string' },
        reason: { type: 'string' },
        verify: { type: 'boolean' },
        html: { type: 'string' },
        at: { type: 'string' },
        input: { type: 'string' },
        rehearse: { type: 'boolean' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return { words: positionals, options: values, help: values.help };
  } catch (error) {
    throw parseArgsComplaint(error) ?? error;
  }
}

/** A sentence with the error's kind; the stack only when asked for by NIGHTSHIFT_DEBUG. */
function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return process.env.NIGHTSHIFT_DEBUG ? (error.stack ?? error.message) : `${error.name}: ${error.message}`;
}

/** `nightshift incidents | head`: whoever read the output has enough, which is no failure. */
function endQuietlyWhenNobodyReads(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  endQuietlyWhenNobodyReads();
  process.exitCode = await main(process.argv.slice(2), terminal());
}
