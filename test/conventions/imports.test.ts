import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { glob } from '../support/files.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const IMPORT = /(?:from|import)\s*\(?\s*'(\.[^']+)'/g;

/** What each part may import besides itself: design section 6, "Imports point one way". */
const MAY_IMPORT: Record<string, readonly string[]> = {
  events: [],
  'functions/engine': ['events'],
  'functions/metrics': ['functions/engine', 'events'],
  'functions/databases': ['functions/metrics', 'functions/engine', 'events'],
  'functions/ecs': ['functions/metrics', 'functions/engine', 'events'],
  'functions/certificates': ['functions/engine', 'events'],
  'functions/dns': ['functions/engine', 'events'],
  'functions/configuration': [...['functions/ecs', 'functions/dns', 'functions/records', 'functions/engine', 'events']],
  'functions/plan-rungs': ['functions/engine', 'events'],
  'functions/remediations': [
    'functions/plan-rungs',
    'functions/certificates',
    'functions/databases',
    'functions/dns',
    'functions/ecs',
    'functions/engine',
    'events',
  ],
  'functions/authority': ['functions/databases', 'functions/engine', 'events'],
  'functions/heartbeats': ['functions/databases', 'functions/engine', 'events'],
  'functions/records': ['functions/engine', 'events'],
  'functions/reports': ['functions/records', 'functions/engine', 'events'],
  'functions/diagnostics': ['functions/databases', 'functions/dns', 'functions/ecs', 'functions/engine', 'events'],
  'functions/incidents': ['functions/diagnostics', 'functions/records', 'functions/engine', 'events'],
  'functions/jobs': [
    ...['functions/certificates', 'functions/configuration', 'functions/databases', 'functions/ecs'],
    ...['functions/metrics', 'functions/reports', 'functions/records', 'functions/engine', 'events'],
  ],
  // A step of a plan may be a remediation (docs/decisions/0156).
  'functions/recovery': [
    ...['functions/remediations', 'functions/configuration', 'functions/databases', 'functions/ecs'],
    'functions/metrics',
    // What a job proved of a backup, and how, is what a restore goes by (docs/decisions/0182).
    ...['functions/jobs', 'functions/engine', 'events'],
    // A failover probes sites as endpoints are probed, and writes one object.
    ...['functions/dns', 'functions/records', 'functions/authority'],
  ],
  runbooks: ['functions/remediations', 'functions/engine', 'events'],
  infra: [
    ...['runbooks', 'functions/remediations', 'functions/incidents', 'functions/jobs', 'functions/recovery'],
    ...[
      'functions/certificates',
      'functions/authority',
      'functions/heartbeats',
      'functions/reports',
      'functions/engine',
      'events',
    ],
  ],
  cli: [
    'functions/configuration',
    'functions/ecs',
    'functions/jobs',
    'functions/reports',
    'functions/recovery',
    'functions/records',
    'functions/engine',
    'events',
    'infra',
    'local',
  ],
};
const PARTS = Object.keys(MAY_IMPORT)
  .concat('local')
  .sort((a, b) => b.length - a.length);
const partOf = (path: string) => PARTS.find((part) => path === part || path.startsWith(`${part}/`));

const imports = Object.keys(MAY_IMPORT)
  .flatMap((part) => glob(join(ROOT, part), '.ts'))
  .flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(IMPORT)].map(([, to = '']) => ({
      from: relative(ROOT, file),
      to: relative(ROOT, resolve(dirname(file), to)),
    })),
  );

/** A ladder knows its rungs by their manifests, and nothing else of them. */
const isRungsManifest = (from: string, to: string) => from.startsWith('runbooks/') && to.endsWith('/manifest.ts');

describe('imports', () => {
  it('are found at all', () => {
    expect(imports.length).toBeGreaterThan(100);
  });

  it('point one way between the parts', () => {
    const wrong = imports.filter(({ from, to }) => {
      const [source, target] = [partOf(from), partOf(to)];
      if (source === undefined || target === undefined || source === target) return false;
      return !(MAY_IMPORT[source] ?? []).includes(target);
    });
    expect(wrong).toEqual([]);
  });

  it('keep remediations apart from each other, and the engine from all of them', () => {
    const folder = (path: string) => /^functions\/(?:remediations|incidents)\/([^/]+)\//.exec(path)?.[1];
    const wrong = imports.filter(
      ({ from, to }) =>
        folder(to) !== undefined &&
        folder(from) !== folder(to) &&
        !from.startsWith('infra/') &&
        !from.startsWith('functions/recovery/') &&
        !isRungsManifest(from, to),
    );
    expect(wrong).toEqual([]);
  });

  it('of the infrastructure read nothing of functions but manifests and types', () => {
    const wrong = imports.filter(
      ({ from, to }) =>
        from.startsWith('infra/') && /^functions\/(remediations|incidents)\//.test(to) && !to.endsWith('manifest.ts'),
    );
    expect(wrong).toEqual([]);
  });
});
