import { describe, expect, it } from '@jest/globals';
import { COMMANDS, main } from '../../../cli/main.ts';
import { helpDocument } from '../../../events/published/help.ts';
import { NoSuchIncidentError, NotPossibleError } from '../../../functions/engine/operator.ts';
import { exitCodeOf } from '../../../local/world/errors.ts';
import { recorder } from './harness.ts';

async function type(...argv: string[]) {
  const io = recorder();
  return { code: await main(argv, io), out: io.stdout, err: io.stderr };
}

describe('help', () => {
  it('is one document for machines: every command, option and exit code', async () => {
    const { code, out } = await type('help', '--json');
    const document = helpDocument.parse(JSON.parse(out.at(-1) ?? ''));
    expect(code).toBe(0);
    expect(document.commands.map(({ name }) => name)).toEqual(COMMANDS.map(({ name }) => name));
    expect(document.exitCodes.map((each) => each.code)).toEqual([0, 1, 2, 3]);
  });

  it('is of one command when one is named, before or after --help', async () => {
    for (const argv of [
      ['help', 'doctor', '--json'],
      ['doctor', '--help', '--json'],
    ]) {
      const { out } = await type(...argv);
      expect(helpDocument.parse(JSON.parse(out.at(-1) ?? '')).commands.map(({ name }) => name)).toEqual(['doctor']);
    }
  });

  it('of one command names only options that it takes', async () => {
    const optionsOf = async (command: string) => {
      const { out } = await type('help', command, '--json');
      return helpDocument.parse(JSON.parse(out.at(-1) ?? '')).options.map(({ option }) => option.split(' ')[0]);
    };
    expect(await optionsOf('snooze')).toEqual(expect.arrayContaining(['--for', '--reason', '--yes']));
    expect(await optionsOf('pause')).toContain('--reason');
    for (const option of ['--for', '--html', '--verify']) expect(await optionsOf('pause')).not.toContain(option);
    expect(await optionsOf('ack')).not.toContain('--reason');
  });

  it('of a command that is not there, or of two, is wrong usage', async () => {
    expect(await type('help', 'docter')).toMatchObject({ code: 2, out: [] });
    expect(await type('help', 'doctor', 'status')).toMatchObject({ code: 2, out: [] });
  });
});

describe('the exit code', () => {
  it('is 2 for an incident that is not there, and 1 for one that cannot be changed', () => {
    expect(exitCodeOf(new NoSuchIncidentError('no incident "x" there'))).toBe(2);
    expect(exitCodeOf(new NotPossibleError('x is over'))).toBe(1);
  });
});
