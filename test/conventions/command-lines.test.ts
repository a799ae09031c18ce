/** What proves and measures is called by people, seldom and from memory: each command says how, and refuses what it doesn't know before anything begins. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
const COMMANDS = ['simulate', 'cost', 'fuzz', 'bench', 'mutation', 'crash-matrix', 'iam-check'];

/** Runs what stands in package.json for that command. */
async function run(command: string, ...options: string[]) {
  const [, ...args] = (scripts[command] ?? '').split(' ');
  const child = spawn(process.execPath, [...args, ...options], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, stdout, stderr };
}

describe.each(COMMANDS)('npm run %s', (command) => {
  it('answers --help with its usage', async () => {
    const { code, stdout } = await run(command, '--help');
    expect(stdout).toContain(`npm run ${command} -- `);
    expect(stdout).toContain('--help');
    expect(code).toBe(0);
  });

  it('refuses an option that it does not know, with its usage and exit code 2', async () => {
    const { code, stdout, stderr } = await run(command, '--no-such-option');
    expect(stderr).toContain("'--no-such-option'");
    expect(stderr).toContain(`npm run ${command} -- `);
    expect(stderr).not.toContain('    at ');
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});
