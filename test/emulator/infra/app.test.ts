/** The CDK app as a command: what a person sees, and with which exit code. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const repository = join(import.meta.dirname, '..', '..', '..');
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightshift-app-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** `cdk synth` runs the app with these variables. */
function synthesize(config: string) {
  const context = { config, 'nightshift:checks': 'off' };
  return spawnSync(process.execPath, ['infra/app.ts'], {
    cwd: repository,
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH ?? '',
      CDK_OUTDIR: join(dir, 'out'),
      CDK_CONTEXT_JSON: JSON.stringify(context),
      CDK_VALIDATION: 'false',
    },
  });
}

describe('infra/app.ts', () => {
  it('tells every fault of a configuration without a stack trace, exits with 2 and writes no template', () => {
    const file = join(dir, 'bad.config.ts');
    writeFileSync(file, "export default { region: 'us-east-1', standbyRegion: 'us-east-1', mod: 'auto' };");
    const { status, stderr } = synthesize(file);
    expect(status).toBe(2);
    expect(stderr).toMatch(
      /2 faults\n {2}mod: "auto"; unknown; did you mean 'mode'\?\n {2}standbyRegion: "us-east-1"; must differ/,
    );
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(existsSync(join(dir, 'out', 'nightshift-main.template.json'))).toBe(false);
  });

  it.each([
    [
      'a syntax error',
      "export default {\n  region: 'us-east-1'\n  name: 'b',\n};\n",
      /broken\.config\.ts:3: 1 fault\n/,
    ],
    ['an unknown name', 'export default {\n  region: nothing,\n};\n', /broken\.config\.ts:2: 1 fault\n.*not defined/],
  ])('names file and line of %s, without a stack trace', (_, source, message) => {
    const file = join(dir, 'broken.config.ts');
    writeFileSync(file, source);
    const { status, stderr } = synthesize(file);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('says which file is missing', () => {
    const { status, stderr } = synthesize('no-such.config.ts');
    expect(status).toBe(2);
    expect(stderr).toMatch(/no-such\.config\.ts: 1 fault\n.*no such file; give another with -c config=<path>/);
  });

  it('names every runbook that acts by itself, and by which line', () => {
    const { status, stderr } = synthesize('local/demo.config.ts');
    expect(status).toBe(0);
    expect(stderr).toContain("scale-out-service acts by itself: mode is 'auto'.");
  });

  it('says nothing of the kind when everything only observes', () => {
    const { status, stderr } = synthesize('nightshift.config.ts');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});
