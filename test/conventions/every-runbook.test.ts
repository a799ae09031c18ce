import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { RemediationManifest } from '../../functions/engine/manifest.ts';
import { eventTriggersOf, metricTriggersOf } from '../../functions/engine/manifest.ts';
import type { Runbook } from '../../functions/engine/runbook.ts';
import { EVENT_SOURCES } from '../../functions/engine/sources/index.ts';
import { RUNBOOKS, RunbookError, readRunbooks } from '../../runbooks/index.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const files = readdirSync(join(ROOT, 'runbooks')).filter((file) => file !== 'index.ts');
const manifests = new Map<string, RemediationManifest>();
for (const name of readdirSync(join(ROOT, 'functions/remediations'))) {
  const path = join(ROOT, 'functions/remediations', name, 'manifest.ts');
  const { manifest } = (await import(path)) as { manifest: RemediationManifest };
  manifests.set(name, manifest);
}
const coverage = readFileSync(join(ROOT, 'docs/coverage.md'), 'utf8');

it('every file of runbooks/ is a runbook, in the order of their names', () => {
  expect(RUNBOOKS.map(({ name }) => name)).toEqual(files.map((file) => file.replace('.ts', '')).sort());
});

it.each([
  ['exports none', 'export const other = 1;', /a-b\.ts: it exports no `runbook`/],
  ['has another name', "export const runbook = { name: 'c-d' };", /named 'c-d' but its file 'a-b'/],
])('a file that %s stops everything that reads it', async (_, source, message) => {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-runbooks-'));
  try {
    writeFileSync(join(folder, 'a-b.ts'), source);
    await expect(readRunbooks(folder)).rejects.toThrow(RunbookError);
    await expect(readRunbooks(folder)).rejects.toThrow(message);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('every remediation is a rung of a runbook, else nothing would ever start it', () => {
  const rungs: string[] = RUNBOOKS.flatMap((runbook) => [...runbook.rungs]);
  expect([...manifests.keys()].filter((name) => !rungs.includes(name))).toEqual([]);
});

it('no two runbooks are started by the same happening, because an event names no runbook', () => {
  const keys = RUNBOOKS.flatMap(({ startedBy }) =>
    eventTriggersOf({ triggers: startedBy }).flatMap(({ source, what }) => what.map((each) => `${source} ${each}`)),
  );
  expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
});

describe.each(RUNBOOKS.map((runbook): [string, Runbook] => [runbook.name, runbook]))('runbook %s', (name, runbook) => {
  it('is named like its file', () => {
    expect(files).toContain(`${name}.ts`);
    expect(name).toMatch(/^[a-z]+(-[a-z]+)+$/);
  });

  it('has rungs that exist, once each, all for the same kind of target', () => {
    expect(runbook.rungs.filter((rung) => !manifests.has(rung))).toEqual([]);
    expect(new Set(runbook.rungs).size).toBe(runbook.rungs.length);
    expect(new Set(runbook.rungs.map((rung) => manifests.get(rung)?.targetKind)).size).toBe(1);
  });

  it('is started only by what its first rung understands', () => {
    const first = manifests.get(runbook.rungs[0]);
    const metrics = first ? metricTriggersOf(first) : [];
    const events = first ? eventTriggersOf(first) : [];
    expect(runbook.startedBy.length).toBeGreaterThan(0);
    for (const metric of metricTriggersOf({ triggers: runbook.startedBy })) expect(metrics).toContainEqual(metric);
    for (const { source, what } of eventTriggersOf({ triggers: runbook.startedBy })) {
      const known = events.filter((event) => event.source === source).flatMap((event) => event.what);
      expect(what.filter((each) => !known.includes(each))).toEqual([]);
      expect(EVENT_SOURCES.map((each) => each.name)).toContain(source);
    }
  });

  it('says what it is for, who is told, and which procedures it covers', () => {
    expect(runbook.summary).toMatch(/.{20,}\.$/);
    expect(runbook.told).toMatch(/.{20,}\.$/);
    for (const id of runbook.covers) expect(coverage).toContain(`| ${id} |`);
  });
});
