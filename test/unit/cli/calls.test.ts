/** What `snooze` and `severity` refuse before they look at anything. What they write is tested with the journal (test/emulator/engine/calls.test.ts). */
import { describe, expect, it } from '@jest/globals';
import { callCommands } from '../../../cli/commands/calls.ts';
import { main } from '../../../cli/main.ts';
import { LOCAL_PLACE, recorder } from './harness.ts';

const touched: string[] = [];
const commands = callCommands({
  open: () => {
    touched.push('journal');
    throw new Error('the journal was opened');
  },
  person: async () => {
    touched.push('person');
    return 'person:ann';
  },
});
const run = async (words: readonly string[], answer?: boolean) => {
  touched.length = 0;
  const io = recorder(answer);
  const code = await main([...words], io, { commands, find: async () => LOCAL_PLACE });
  return { code, said: io.stderr.join('\n'), questions: io.questions, touched: [...touched] };
};

describe('a call command', () => {
  it.each<[readonly string[], RegExp]>([
    [['snooze'], /expected one incident/],
    [['snooze', 'inc-1', 'inc-2', '--for', '1h'], /expected one incident/],
    [['snooze', 'inc-1'], /--for is missing/],
    [['snooze', 'inc-1', '--for', '30s'], /--for/],
    [['snooze', 'inc-1', '--for', '25h'], /--for/],
    [['severity', 'inc-1'], /expected one incident and P1, P2, P3 or P4/],
    [['severity', 'inc-1', 'P5', '--reason', 'x'], /expected one incident and P1, P2, P3 or P4/],
    [['severity', 'inc-1', 'P1'], /--reason is missing/],
    [['severity', 'inc-1', 'P1', '--reason', '  '], /--reason is missing/],
  ])('%j is refused with exit code 2, and nothing is touched', async (words, why) => {
    const { code, said, touched: what } = await run(words);
    expect(code).toBe(2);
    expect(said).toMatch(why);
    expect(what).toEqual([]);
  });

  it.each([
    [['snooze', 'inc-1', '--for', '2h'], /call nobody about inc-1 for 2h/],
    [['severity', 'inc-1', 'P1', '--reason', 'checkout is down'], /make inc-1 P1/],
  ])('%j asks first, and writes nothing on a no', async (words, question) => {
    const { code, said, questions, touched: what } = await run(words, false);
    expect(code).not.toBe(0);
    expect(questions).toHaveLength(1);
    expect(said).toMatch(question);
    expect(what).toEqual([]);
  });
});
