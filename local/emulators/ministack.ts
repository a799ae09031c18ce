/** Running the emulator as a child of a world. */

import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorldContext } from '../world/types.ts';
import { DEFAULT_CACHE_DIR, type InstalledEmulator, installEmulator } from './install.ts';

const LAUNCHER = join(import.meta.dirname, 'launch.py');
const START_LIMIT_MS = 30_000;
const POLL_MS = 20;
const TERM_GRACE_MS = 1_000;
const ATTEMPTS = 3;

export interface Ministack {
  /** Where the emulator itself listens; only the gateway speaks to it. */
  readonly url: string;
  readonly pid: number;
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no free port on 127.0.0.1');
  return address.port;
}

/** Nothing of the user's AWS settings may reach the emulator: it must never meet a real account. */
function environment(world: WorldContext, emulator: InstalledEmulator, endpoint: URL, port: number): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(AWS_|PYTHON|LOCALSTACK)/.test(name));
  return {
    ...Object.fromEntries(inherited),
    PATH: [dirname(process.execPath), process.env.PATH ?? ''].join(delimiter),
    PYTHONPATH: emulator.sitePackages,
    PYTHONNOUSERSITE: '1',
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    NIGHTSHIFT_EMULATOR_PORT: String(port),
    // ministack writes these two into the URLs it hands out, so that clients come back through the gateway.
    GATEWAY_PORT: endpoint.port,
    MINISTACK_HOST: endpoint.hostname,
    MINISTACK_REGION: world.region,
    MINISTACK_ACCOUNT_ID: world.accountId,
    IOT_MTLS_ENABLED: '0',
    SFTP_ENABLED: '0',
    LOG_LEVEL: 'WARNING',
    TMPDIR: join(world.dir, 'ministack'),
    AWS_ENDPOINT_URL: endpoint.origin,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_DEFAULT_REGION: world.region,
  };
}

/** Resolves when the health page answers. @throws Error with the log's path when the process ended first or takes too long. */
async function healthy(child: ChildProcess, url: string, log: string): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the emulator ended while starting (${child.exitCode ?? child.signalCode}): see ${log}`);
    try {
      if ((await fetch(`${url}/_ministack/health`)).ok) return;
    } catch {
      // Not listening yet: asked again below.
    }
    await sleep(POLL_MS);
  }
  throw new Error(`the emulator wasn't healthy after ${START_LIMIT_MS / 1000} s: see ${log}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), TERM_GRACE_MS);
  await ended;
  clearTimeout(killer);
}

async function launch(
  world: WorldContext,
  emulator: InstalledEmulator,
  endpoint: URL,
): Promise<[Ministack, ChildProcess]> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const cwd = join(world.dir, 'ministack');
  const log = join(world.dir, 'logs', 'ministack.log');
  mkdirSync(cwd, { recursive: true });
  mkdirSync(dirname(log), { recursive: true });
  const output = await open(log, 'a');
  const env = environment(world, emulator, endpoint, port);
  const child = world.spawn(emulator.python, [LAUNCHER], { cwd, env, stdio: ['ignore', output.fd, output.fd] });
  child.once('error', (error) => world.log('emulator', `can't be started: ${error.message}`));
  await output.close();
  try {
    await healthy(child, url, log);
  } catch (error) {
    await end(child);
    throw error;
  }
  if (child.pid === undefined) throw new Error('the emulator has no process id');
  return [{ url, pid: child.pid }, child];
}

/**
 * Starts ministack for `world` on a free port of 127.0.0.1 and waits until it is healthy. The world's stop ends it.
 * @param options.endpointUrl the gateway's address: what ministack itself calls, and what it writes into queue URLs, goes there.
 * @throws EnvironmentMissing (from the installation), or Error when it doesn't become healthy.
 */
export async function startMinistack(
  world: WorldContext,
  options: { endpointUrl: string; emulator?: InstalledEmulator },
): Promise<Ministack> {
  const report = (line: string) => world.log('emulator', line);
  const emulator = options.emulator ?? (await installEmulator({ cacheDir: DEFAULT_CACHE_DIR, report }));
  for (let attempt = 1; ; attempt += 1) {
    try {
      const [ministack, child] = await launch(world, emulator, new URL(options.endpointUrl));
      world.onStop('the emulator', () => end(child));
      return ministack;
    } catch (error) {
      // The port can be taken between looking and listening; anything else fails again, and is reported.
      if (attempt === ATTEMPTS) throw error;
      world.log('emulator', `attempt ${attempt}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
