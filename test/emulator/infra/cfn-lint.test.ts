/** What is deployed, read by cfn-lint. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { lint } from '../../cfn-lint/lint.ts';

jest.setTimeout(600_000);
const repository = join(import.meta.dirname, '..', '..', '..');
const dir = mkdtempSync(join(tmpdir(), 'nightshift-lint-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Templates of all stacks of a configuration. */
function templatesOf(config: string): string[] {
  const out = join(dir, config.replaceAll('/', '-'));
  const { status, stderr } = spawnSync(process.execPath, ['infra/app.ts'], {
    cwd: repository,
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH ?? '',
      CDK_OUTDIR: out,
      CDK_CONTEXT_JSON: JSON.stringify({ config: join(repository, config), 'nightshift:checks': 'off' }),
      CDK_VALIDATION: 'false',
    },
  });
  if (status !== 0) throw new Error(`${config} can't be synthesized: ${stderr}`);
  return readdirSync(out)
    .filter((file) => file.endsWith('.template.json'))
    .map((file) => join(out, file));
}

describe('cfn-lint', () => {
  it('finds nothing in the templates of the demonstration, where everything is on, and of the example', async () => {
    const templates = [...templatesOf('local/demo.config.ts'), ...templatesOf('nightshift.config.ts')];
    expect(templates).toHaveLength(4);
    expect(await lint(templates)).toEqual([]);
  });

  it('finds a property that there is none, so that it would find one of ours', async () => {
    const file = join(dir, 'wrong.template.json');
    const queue = { Type: 'AWS::SQS::Queue', Properties: { VisibilityTimeot: 30 } };
    writeFileSync(file, JSON.stringify({ Resources: { Queue: queue } }));
    const [finding] = await lint([file]);
    expect(finding).toMatchObject({ rule: 'E3002', path: expect.stringContaining('Resources/Queue/Properties') });
  });
});
