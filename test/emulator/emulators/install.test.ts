/** Installing and running the emulator: complete or not there, two at once, and clear words when the machine lacks something. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { installEmulator } from '../../../local/emulators/index.ts';
import { exitCodeOf } from '../../../local/world/errors.ts';
import { type SmallWorld, smallWorld } from '../gateway/support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'nightshift-install-'));
const { NIGHTSHIFT_PYTHON } = process.env;
const report = () => {};

afterEach(() => {
  if (NIGHTSHIFT_PYTHON === undefined) delete process.env.NIGHTSHIFT_PYTHON;
  else process.env.NIGHTSHIFT_PYTHON = NIGHTSHIFT_PYTHON;
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What an installation ends with. */
async function refusal(python: string): Promise<{ code: number; message: string }> {
  process.env.NIGHTSHIFT_PYTHON = python;
  try {
    await installEmulator({ cacheDir: join(scratch, 'refused'), report });
  } catch (error) {
    return { code: exitCodeOf(error), message: (error as Error).message };
  }
  throw new Error('it was installed');
}

/** A program that answers the look at Python as a Python of that kind would. */
function pretendPython(name: string, version: string, pip: boolean): string {
  const path = join(scratch, name);
  const answer = JSON.stringify({ executable: path, version: version.split('.').map(Number), pip });
  writeFileSync(path, `#!/bin/sh\necho '${answer}'\n`, { mode: 0o755 });
  return path;
}

describe('installing', () => {
  it('twice at the same time ends with one complete installation and nothing beside it', async () => {
    const cacheDir = join(scratch, 'cache');
    const [one, other] = await Promise.all([
      installEmulator({ cacheDir, report }),
      installEmulator({ cacheDir, report }),
    ]);
    expect(one).toEqual(other);
    expect(readdirSync(cacheDir)).toHaveLength(1);
    expect(readdirSync(one.sitePackages)).toContain('ministack');
    const lines: string[] = [];
    await installEmulator({ cacheDir, report: (line) => lines.push(line) });
    expect(lines).toEqual([]);
  });

  it('without Python says what is needed and how to name it', async () => {
    const { code, message } = await refusal(join(scratch, 'nowhere'));
    expect(code).toBe(3);
    expect(message).toContain('Python 3.10 to 3.14 is needed');
    expect(message).toContain('NIGHTSHIFT_PYTHON');
  });

  it('with a Python that is too old names its version', async () => {
    const { code, message } = await refusal(pretendPython('old', '3.8', true));
    expect([code, message]).toEqual([3, expect.stringContaining('is Python 3.8')]);
  });

  it('without pip says so', async () => {
    const { code, message } = await refusal(pretendPython('pipless', '3.12', false));
    expect([code, message]).toEqual([3, expect.stringContaining('has no pip')]);
  });

  it('that fails tells what pip said and leaves nothing behind', async () => {
    const path = join(scratch, 'failing');
    const answer = JSON.stringify({ executable: path, version: [3, 12], pip: true });
    writeFileSync(path, `#!/bin/sh\ncase "$1" in -c) echo '${answer}';; *) echo no index here >&2; exit 1;; esac\n`, {
      mode: 0o755,
    });
    const { code, message } = await refusal(path);
    expect([code, message]).toEqual([3, expect.stringContaining('no index here')]);
    expect(readdirSync(join(scratch, 'refused'))).toEqual([]);
  });
});

describe('the emulator', () => {
  let small: SmallWorld;
  beforeAll(async () => {
    small = await smallWorld();
  });
  afterAll(() => small.stop());

  it('hands out queue addresses on the gateway, so that clients stay on it', async () => {
    const { QueueUrl } = await new SQSClient(small.client).send(new CreateQueueCommand({ QueueName: 'q' }));
    expect(QueueUrl).toBe(`${small.gateway.url}/000000000000/q`);
  });

  it('is ended with the world', async () => {
    const url = small.gateway.upstreamUrl ?? '';
    expect((await fetch(`${url}/_ministack/health`)).ok).toBe(true);
    await small.stop();
    await expect(fetch(`${url}/_ministack/health`)).rejects.toThrow();
  });
});
