import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { NIGHTSHIFT_GRANTS } from '../../../functions/databases/sql.ts';
import { openInstallation } from '../../../local/postgres/installation.ts';
import { type PostgresServer, startServer } from '../../../local/postgres/server.ts';
import { bootstrap } from '../../../local/stand-ins/rds/bootstrap.ts';
import { type OpenWorld, openWorld } from '../../../local/world/context.ts';

let root: string;
let world: OpenWorld;
let server: PostgresServer;
let superuser: pg.Client;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'nightshift-grants-test-'));
  world = await openWorld({ name: 'grants', timeScale: 1, report: () => {}, root: join(root, 'worlds') });
  server = await startServer(world, {
    installation: await openInstallation(world),
    name: 'grants',
    cacheDir: join(root, 'cache'),
    settings: { fsync: false, shared_buffers: '8MB', io_method: 'sync' },
    hba: ['local all master trust'],
  });
  superuser = new pg.Client(server.adminConfig());
  await superuser.connect();
  await bootstrap((sql) => superuser.query(sql), { user: 'master', password: 'm', database: undefined });
});

afterAll(async () => {
  await superuser.end();
  await world.stop();
  await rm(root, { recursive: true, force: true });
});

/** Runs the grants as the given user and tells which roles `nightshift` then is a member of. */
async function rolesGrantedBy(user: string): Promise<string[]> {
  const client = new pg.Client({ ...server.adminConfig(), user });
  await client.connect();
  await client.query(NIGHTSHIFT_GRANTS);
  const { rows } = await client.query<{ role: string }>(
    `SELECT DISTINCT g.rolname AS role FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles n ON n.oid = m.member
      WHERE n.rolname = 'nightshift' ORDER BY 1`,
  );
  const { rows: flags } = await client.query(
    `SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS more, rolcanlogin FROM pg_roles WHERE rolname = 'nightshift'`,
  );
  expect(flags).toEqual([{ more: false, rolcanlogin: true }]);
  await client.end();
  await superuser.query('REASSIGN OWNED BY nightshift TO rdsadmin; DROP OWNED BY nightshift; DROP ROLE nightshift');
  return rows.map(({ role }) => role);
}

describe("Nightshift's grants", () => {
  it('are exactly four roles where each may be passed on', async () => {
    expect(await rolesGrantedBy('rdsadmin')).toEqual([
      'pg_read_all_stats',
      'pg_signal_backend',
      'pg_use_reserved_connections',
      'rds_iam',
    ]);
  });

  it('take pg_monitor instead of pg_read_all_stats where the master user may not pass that on', async () => {
    expect(await rolesGrantedBy('master')).toEqual([
      'pg_monitor',
      'pg_signal_backend',
      'pg_use_reserved_connections',
      'rds_iam',
    ]);
  });
});
