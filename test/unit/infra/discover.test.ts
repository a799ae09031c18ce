import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { manifest as real } from '../../../functions/remediations/scale-out-service/manifest.ts';
import { DiscoveryError, discover } from '../../../infra/discover.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nightshift-discover-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

type Kind = 'remediations' | 'incidents';
function unit(
  kind: Kind,
  folder: string,
  manifest: object | undefined,
  files: readonly string[] = ['handler.ts'],
): void {
  const path = join(root, 'functions', kind, folder);
  mkdirSync(path, { recursive: true });
  if (manifest) writeFileSync(join(path, 'manifest.ts'), `export const manifest = ${JSON.stringify(manifest)};`);
  // Importing a handler would fail here: discovery must not do it.
  for (const file of files) writeFileSync(join(path, file), 'throw new Error("a handler was imported");');
}
const named = (name: string, more: object = {}) => ({ ...real, name, ...more });

describe('discover', () => {
  it('finds the units that exist, sorted by name', async () => {
    const { remediations, incidentFunctions } = await discover();
    const names = remediations.map((each) => each.manifest.name);
    expect(names).toEqual(expect.arrayContaining(['release-idle-connections', 'scale-out-service']));
    expect(names).toEqual([...names].sort());
    expect(incidentFunctions.map((each) => each.manifest.name)).toEqual(
      expect.arrayContaining(['publisher', 'reconciler']),
    );
  });

  it('imports manifests only, and takes plain files beside the folders for nothing', async () => {
    unit('remediations', 'b', named('b'));
    unit('remediations', 'a', named('a'));
    writeFileSync(join(root, 'functions', 'remediations', 'README.md'), '');
    expect((await discover(root)).remediations.map((each) => each.manifest.name)).toEqual(['a', 'b']);
  });

  it('finds nothing where there is nothing', async () => {
    expect(await discover(root)).toEqual({
      remediations: [],
      incidentFunctions: [],
      jobs: [],
      plans: [],
      heartbeats: [],
      authority: [],
    });
  });

  const bad: readonly [string, () => void, RegExp][] = [
    ['a folder without manifest', () => unit('remediations', 'a', undefined), /manifest\.ts is missing; a unit has/],
    ['a folder without handler', () => unit('remediations', 'a', named('a'), []), /handler\.ts is missing; a unit has/],
    [
      'another name than its folder',
      () => unit('remediations', 'a', named('b')),
      /named 'b' but its folder 'a'; they must be equal/,
    ],
    [
      'a missing field',
      () => unit('remediations', 'a', { ...named('a'), risk: undefined }),
      /risk missing in the manifest/,
    ],
    [
      'a name that another kind of unit has',
      () => {
        unit('remediations', 'a', named('a'));
        unit('incidents', 'a', named('a'));
      },
      /the name 'a' is taken by .*remediations/,
    ],
    [
      'a wildcard action',
      () => unit('remediations', 'a', named('a', { permissions: [{ actions: ['ecs:*'], resources: ['x'] }] })),
      /'ecs:\*' has a wildcard/,
    ],
    [
      'any resource without its reason',
      () => unit('remediations', 'a', named('a', { permissions: [{ actions: ['ecs:RunTask'], resources: ['*'] }] })),
      /ecs:RunTask on '\*' needs whyAnyResource/,
    ],
    [
      'a permission of nothing',
      () => unit('remediations', 'a', named('a', { permissions: [{ actions: [], resources: ['x'] }] })),
      /grants nothing/,
    ],
  ];
  it.each(bad)('stops for %s, with one sentence that says which', async (_what, arrange, sentence) => {
    arrange();
    const found = discover(root);
    await expect(found).rejects.toThrow(DiscoveryError);
    await expect(found).rejects.toThrow(sentence);
  });

  it('stops for a manifest.ts that exports none', async () => {
    unit('remediations', 'a', undefined);
    writeFileSync(join(root, 'functions', 'remediations', 'a', 'manifest.ts'), 'export const other = 1;');
    await expect(discover(root)).rejects.toThrow(/exports no `manifest`/);
  });
});
