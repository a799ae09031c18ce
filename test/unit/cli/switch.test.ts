import { describe, expect, it } from '@jest/globals';
import { switchCommands } from '../../../cli/commands/switch.ts';
import { main } from '../../../cli/main.ts';
import { switchDocument } from '../../../events/published/switch.ts';
import type { SwitchItem } from '../../../functions/engine/items.ts';
import { LOCAL_PLACE, recorder } from './harness.ts';

function lever() {
  let item: SwitchItem = { state: 'run', by: 'nobody', reason: 'never set', at: '1970-01-01T00:00:00.000Z' };
  const commands = switchCommands(
    () => ({
      get: async () => item,
      set: async (state, by, reason) => {
        item = { state, by, reason, at: '2026-11-20T03:04:05.006Z' };
      },
    }),
    async () => 'person:jane',
  );
  return { present: () => item, parts: { commands, find: async () => LOCAL_PLACE } };
}

describe('the lever', () => {
  it.each([
    ['pause', 'pause'],
    ['freeze', 'freeze'],
    ['resume', 'run'],
  ])('%s sets it to %s, with the person and the reason', async (command, state) => {
    const { present, parts } = lever();
    const io = recorder();
    expect(await main([command, 'planned', 'work', '--yes', '--json'], io, parts)).toBe(0);
    expect(present()).toMatchObject({ state, reason: 'planned work' });
    expect(present().by).toBe('person:jane');
    expect(switchDocument.parse(JSON.parse(io.stdout.at(-1) ?? '')).switch.state).toBe(state);
  });

  it('stays where it is when the person says no', async () => {
    const { present, parts } = lever();
    expect(await main(['pause'], recorder(false), parts)).toBe(1);
    expect(present().state).toBe('run');
  });

  it('is shown by status without asking', async () => {
    const { parts } = lever();
    const io = recorder();
    expect(await main(['status'], io, parts)).toBe(0);
    expect(io.stdout[0]).toMatch(/^changes are allowed/);
    expect(io.questions).toEqual([]);
  });
});
