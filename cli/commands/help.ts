/** `nightshift help`. */
import type { HelpDocument } from '../../events/published/help.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command } from '../command.ts';
import { table } from '../io.ts';

const OPTIONS: readonly (readonly [string, string])[] = [
  ['--world <name>', 'the local world to look at; without it the only one that runs'],
  ['--aws', 'the AWS account of the default credentials; never chosen by itself'],
  ['--profile <name>', 'with --aws: a profile of the AWS configuration'],
  ['--region <region>', 'another region than the place has by default'],
  ['--config <file>', 'with --aws: the configuration that names the deployment (./nightshift.config.ts)'],
  ['--table <name>', "with --aws: the journal's table, instead of a configuration"],
  ['--json', 'one JSON document on the last line of stdout; everything else goes to stderr'],
  ['--yes', 'change without asking'],
  ['--for <time>', 'for how long, such as 30m or 1d: take-over 2h unless said and 7d at most, snooze a day at most'],
  ['--verify', 'with incident: recompute its hash chain, and name what is not as it was written'],
  ['--html <file>', 'with report: write one page to this file'],
  ['--at <date>', 'with report: the last whole day, week or month before this date, such as 2026-11-01'],
  ['--input <file>', 'with recover: a JSON object with the input of the plan'],
  ['--rehearse', 'with recover: say what would be changed, and change nothing that anybody uses'],
  ['--reason <why>', 'why, for the journal and whoever reads it later'],
];
/** Not every command takes them; its usage says so. */
const OF_SOME = ['--for', '--verify', '--html', '--at', '--input', '--rehearse', '--reason'];

/** Those that any of the commands takes. */
const optionsOf = (commands: readonly Command[]) =>
  OPTIONS.filter(([option]) => {
    const [flag = ''] = option.split(' ');
    return !OF_SOME.includes(flag) || commands.some(({ usage }) => usage.includes(flag));
  });

const EXIT_CODES: readonly (readonly [string, string])[] = [
  ['0', 'done'],
  ['1', 'failed, or fell short'],
  ['2', 'wrong usage or configuration, or a name or id that is not there'],
  ['3', 'something this machine lacks'],
];

const documentOf = (commands: readonly Command[]): HelpDocument => ({
  version: 1,
  commands: commands.map(({ name, usage, summary }) => ({ name, usage, summary })),
  options: optionsOf(commands).map(([option, summary]) => ({ option, summary })),
  exitCodes: EXIT_CODES.map(([code, meaning]) => ({ code: Number(code), meaning })),
});

/** @param commands what can be asked for; read when help is shown. */
export function helpOf(commands: () => readonly Command[]): Command {
  return {
    name: 'help',
    usage: 'help [<command>]',
    summary: 'Shows this, or one command.',
    run: async ([name, ...more], { json }, { io }) => {
      if (more.length > 0) throw new UsageError('expected one command at most: nightshift help [<command>]');
      const shown = name === undefined ? commands() : commands().filter((each) => each.name === name);
      if (shown.length === 0)
        throw new UsageError(
          `no command "${name}"; there are ${commands()
            .map((each) => each.name)
            .join(', ')}`,
        );
      if (json) {
        io.out(JSON.stringify(documentOf(shown)));
        return;
      }
      const section = (title: string, rows: readonly (readonly string[])[]) => {
        io.out(io.colours.bold(title));
        for (const line of table(rows)) io.out(`  ${line}`);
        io.out('');
      };
      io.out('nightshift: runbooks that run themselves on AWS, and what they did.');
      io.out('');
      section(
        'Commands',
        shown.map(({ usage, summary }) => [usage, summary]),
      );
      section('Options', optionsOf(shown));
      section('Exit codes', EXIT_CODES);
    },
  };
}
