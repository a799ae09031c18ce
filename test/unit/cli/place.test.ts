import { describe, expect, it } from '@jest/globals';
import { chooseWorld, findPlace } from '../../../cli/place.ts';
import { UsageError } from '../../../local/world/errors.ts';
import type { WorldState } from '../../../local/world/state.ts';

const world = (name: string, more: Partial<WorldState> = {}): WorldState => ({
  version: 1,
  name,
  dir: `/worlds/${name}`,
  pid: 1,
  owner: '1.x',
  startedAt: '2026-11-20T03:04:05.006Z',
  phase: 'ready',
  region: 'us-east-1',
  standbyRegion: 'us-west-2',
  timeScale: 1,
  endpoint: 'http://127.0.0.1:1',
  tableName: 'nightshift-demo-journal',
  ...more,
});

describe('choosing where to look', () => {
  it('takes the only running world when none is named', () => {
    expect(chooseWorld(undefined, [world('demo')]).name).toBe('demo');
  });

  it('takes the named one', () => {
    expect(chooseWorld('b', [world('a'), world('b')]).name).toBe('b');
  });

  it.each([
    ['several run', undefined, [world('a'), world('b')], /2 worlds are running: choose with --world <name> \(a, b\)/],
    ['none runs', undefined, [], /no local world is running: start one with "npm start", or use --aws/],
    ['the named one does not run', 'c', [world('a')], /no world "c" is running; running: a/],
    ['the named one does not run, nor any other', 'c', [], /none is: start one with "npm start"/],
  ])('names the choices when %s', (_case, name, running, message) => {
    expect(() => chooseWorld(name, running)).toThrow(UsageError);
    expect(() => chooseWorld(name, running)).toThrow(message);
  });

  it('never falls back to AWS', async () => {
    await expect(findPlace({}, () => [])).rejects.toThrow(UsageError);
    await expect(findPlace({ profile: 'production' }, () => [world('a')])).rejects.toThrow(
      '--profile only makes sense with --aws',
    );
  });

  it('refuses two places at once', async () => {
    await expect(findPlace({ aws: true, world: 'a' }, () => [world('a')])).rejects.toThrow('exclude each other');
  });

  it('refuses a world that is not ready yet', async () => {
    const { endpoint: _endpoint, ...starting } = world('a', { phase: 'starting' });
    await expect(findPlace({}, () => [starting])).rejects.toThrow('world "a" is still starting');
  });

  it('points clients at the gateway with credentials that no account accepts', async () => {
    const place = await findPlace({}, () => [world('a')]);
    expect(place).toMatchObject({ world: 'a', account: '000000000000', region: 'us-east-1' });
    expect(place.clientSettings).toEqual({
      region: 'us-east-1',
      endpoint: 'http://127.0.0.1:1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
  });
});
