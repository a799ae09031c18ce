import { existsSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type Installation, openInstallation } from '../../../local/postgres/installation.ts';
import { type PostgresServer, type ServerOptions, startServer } from '../../../local/postgres/server.ts';
import { type OpenWorld, openWorld } from '../../../local/world/context.ts';

let root: string;
let world: OpenWorld;
let installation: Installation;
let serial = 0;

const start = (change: Partial<ServerOptions> = {}): Promise<PostgresServer> => {
  serial += 1;
  const settings = { fsync: false, max_connections: 12, shared_buffers: '8MB', io_method: 'sync', ...change.settings };
  return startServer(world, {
    installation,
    name: `s${serial}`,
    cacheDir: join(root, 'cache'),
    hba: [],
    ...change,
    settings,
  });
};

async function ask<Row extends pg.QueryResultRow>(server: PostgresServer, sql: string): Promise<Row | undefined> {
  const client = new pg.Client(server.adminConfig());
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows[0];
  } finally {
    await client.end();
  }
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'nightshift-postgres-test-'));
  world = await openWorld({ name: 'pg', timeScale: 1, report: () => {}, root: join(root, 'worlds') });
  installation = await openInstallation(world);
});

afterAll(async () => {
  const { scratch } = installation;
  await world.stop();
  expect(existsSync(scratch)).toBe(false);
  await rm(root, { recursive: true, force: true });
});

describe('a server', () => {
  it('starts twice at once from one template that neither has yet, each with its own data', async () => {
    const [one, two] = await Promise.all([start(), start()]);
    expect(one.dataDir).not.toBe(two.dataDir);
    await ask(one, 'CREATE TABLE only_here (n int)');
    expect(await ask(two, `SELECT to_regclass('only_here') AS found`)).toEqual({ found: null });
    await Promise.all([one.stop(), two.stop()]);
  });

  it('keeps its data and takes new settings when it is restarted', async () => {
    const server = await start();
    await ask(server, 'CREATE TABLE kept AS SELECT 7 AS n');
    await server.restart('fast', { fsync: false, max_connections: 15, shared_buffers: '8MB' });
    expect(await ask(server, `SELECT n, current_setting('max_connections') AS max FROM kept`)).toEqual({
      n: 7,
      max: '15',
    });
    await server.stop();
  });

  it('goes on with a data folder that is already there', async () => {
    const first = await start();
    await ask(first, 'CREATE TABLE kept AS SELECT 7 AS n');
    await first.stop();
    const second = await start({ dataDir: first.dataDir });
    expect(await ask(second, 'SELECT n FROM kept')).toEqual({ n: 7 });
    await second.stop();
  });

  it('comes back after it was stopped without a checkpoint, with what was committed', async () => {
    const server = await start();
    await ask(server, 'CREATE TABLE kept AS SELECT 7 AS n');
    await server.stop('immediate');
    await server.start();
    expect(await ask(server, 'SELECT n FROM kept')).toEqual({ n: 7 });
    await server.stop();
  });

  it('tells when it died by itself, and not when it was stopped', async () => {
    const server = await start();
    const crashes: string[] = [];
    server.onCrash((how) => crashes.push(how));
    await server.restart();
    expect(crashes).toEqual([]);
    const died = new Promise((told) => server.onCrash(told));
    if (server.pid) process.kill(server.pid, 'SIGKILL');
    await died;
    expect(crashes).toEqual(['SIGKILL']);
    expect(server.state).toBe('crashed');
    await server.start();
    expect(await ask(server, 'SELECT 1 AS one')).toEqual({ one: 1 });
    await server.stop();
  });

  it('that refuses to start says why, in its own words', async () => {
    await expect(start({ settings: { max_connections: 'many' } })).rejects.toThrow(/max_connections/);
    await expect(start({ settings: { no_such_setting: 1 } })).rejects.toThrow(/no_such_setting/);
  });

  it('can only be started when it does not run', async () => {
    const server = await start();
    await expect(server.start()).rejects.toThrow(/is running/);
    await server.stop();
  });

  it('does not run as root, and listens on nothing but its socket', async () => {
    const server = await start();
    expect(await ask(server, `SELECT current_setting('listen_addresses') AS tcp`)).toEqual({ tcp: '' });
    const { uid } = (await import('node:fs')).statSync(server.dataDir);
    expect(uid).toBe(installation.identity?.uid ?? process.getuid?.());
    expect(uid).not.toBe(0);
    await server.stop();
  });
});
