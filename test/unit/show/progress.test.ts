import { describe, expect, it } from '@jest/globals';
import pc from 'picocolors';
import { Progress } from '../../../local/show/progress.ts';

const screen = (isTerminal: boolean) => {
  const written: string[] = [];
  return {
    written,
    write: (text: string) => written.push(text),
    isTerminal,
    width: 80,
    colours: pc.createColors(false),
  };
};

describe('progress', () => {
  it('tells each phase once it is done, with its seconds, when output is not a terminal', () => {
    const plain = screen(false);
    let now = 0;
    const progress = new Progress(plain, () => now);
    const first = progress.phase('emulator');
    now = 400;
    const second = progress.phase('PostgreSQL');
    now = 1_000;
    second.done('18.4');
    first.failed();
    expect(plain.written).toEqual(['✔ PostgreSQL 0.6 s  18.4\n', '✘ emulator 1.0 s\n']);
  });

  it('rewrites only its own status line on a terminal', () => {
    const tty = screen(true);
    const progress = new Progress(tty, () => 0);
    const phase = progress.phase('emulator');
    progress.line('a line that stays');
    phase.done();
    progress.line('after');
    const shown = tty.written.join('');
    expect(shown).toContain('a line that stays\n⠋ emulator 0.0 s\r\u001b[K✔ emulator 0.0 s\n');
    expect(shown.endsWith('after\n')).toBe(true);
  });
});
