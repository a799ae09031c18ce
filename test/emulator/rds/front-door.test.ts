import { connect as dial } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { Signer } from '@aws-sdk/rds-signer';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { connect } from '../../../functions/databases/connect.ts';
import type { SeededDatabase } from '../../../local/postgres/seed.ts';
import { eventually, openTestWorld, REGION, type TestWorld } from './harness.ts';

let world: TestWorld;
let seeded: SeededDatabase;

interface Login {
  user: string;
  password: string;
  ssl: boolean;
  ca: string;
}

/** Logs in, answers who one is and by what, and leaves. */
async function logIn(login: Partial<Login>): Promise<string> {
  const { user = 'nightshift', password = await token(), ssl = true, ca = world.ca } = login;
  const { host, port, database } = seeded;
  const client = new pg.Client({ host, port, database, user, password, ssl: ssl && { ca, servername: host } });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ who: string }>('SELECT current_user AS who');
    return rows[0]?.who ?? '';
  } finally {
    // A login that was refused has nothing to say goodbye to.
    await client.end().catch(() => {});
  }
}

async function token(
  change: Partial<{ hostname: string; port: number; region: string; username: string; secret: string }> = {},
): Promise<string> {
  const { secret = 'test', ...rest } = change;
  const credentials = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: secret, sessionToken: 'with/odd+signs==' };
  return new Signer({
    hostname: seeded.host,
    port: seeded.port,
    region: REGION,
    username: 'nightshift',
    credentials,
    ...rest,
  }).getAuthToken();
}

beforeAll(async () => {
  world = await openTestWorld();
  seeded = await world.seed({ maxConnections: 20 });
});

afterAll(async () => {
  await world?.close();
});

describe('a login that is a member of rds_iam', () => {
  it('gets in with a token', async () => {
    expect(await logIn({})).toBe('nightshift');
  });

  const PAM = { code: '28000', message: 'PAM authentication failed for user "nightshift"' };
  it.each<[string, () => Promise<string>]>([
    ['for another user', () => token({ username: 'postgres' })],
    ['for another region', () => token({ region: 'eu-west-1' })],
    ['for another host', () => token({ hostname: 'other.example.com' })],
    ['for another port', () => token({ port: 5432 })],
    ['signed with another key', () => token({ secret: 'guessed' })],
    ['that is an ordinary password', async () => 'secret'],
    ['that is empty', async () => ''],
  ])('is refused with a token %s', async (_what, make) => {
    await expect(logIn({ password: await make() })).rejects.toMatchObject(PAM);
  });

  it('is refused without TLS before it has shown a token', async () => {
    await expect(logIn({ ssl: false })).rejects.toMatchObject({
      code: '28000',
      message: expect.stringContaining('no encryption'),
    });
  });

  it('writes no part of a refused token to the log', async () => {
    const lines: string[] = [];
    const refused = await token({ region: 'eu-west-1' });
    const log = world.world.log.bind(world.world);
    world.world.log = (part, line) => {
      lines.push(line);
      log(part, line);
    };
    await expect(logIn({ password: refused })).rejects.toMatchObject(PAM);
    expect(lines.join('\n')).toContain('nightshift refused');
    expect(lines.join('\n')).not.toMatch(/Signature|Credential|odd/);
  });
});

describe('every other login', () => {
  it('gets in with its password by SCRAM, and not with a wrong one', async () => {
    expect(await logIn(seeded.as('orders_app'))).toBe('orders_app');
    await expect(logIn({ user: 'orders_app', password: 'wrong' })).rejects.toMatchObject({ code: '28P01' });
  });

  it('is refused without TLS while rds.force_ssl is on', async () => {
    await expect(logIn({ ...seeded.as('orders_app'), ssl: false })).rejects.toMatchObject({ code: '28000' });
  });

  it("can't be the server's own superuser", async () => {
    await expect(logIn({ user: 'rdsadmin', password: '' })).rejects.toMatchObject({ code: '28000' });
    await expect(logIn({ user: 'rdsadmin', password: await token({ username: 'rdsadmin' }) })).rejects.toMatchObject({
      code: '28000',
    });
  });

  it("can't slip past by a name that the server would cut to another one", async () => {
    const name = 'n'.repeat(63);
    await world.instance('orders-db').database.query(`CREATE ROLE ${name} LOGIN; GRANT rds_iam TO ${name}`);
    await expect(logIn({ user: `${name}x`, password: '' })).rejects.toMatchObject({ code: '28000' });
  });
});

describe('the master user', () => {
  it('has what RDS gives it and is no superuser', async () => {
    const { ca, ...config } = seeded.as('postgres');
    const client = new pg.Client({ ...config, ssl: { ca, servername: config.host } });
    await client.connect();
    const { rows } = await client.query(`SELECT rolsuper, rolcreaterole, pg_has_role('pg_monitor', 'USAGE') AS monitor,
      pg_has_role('pg_use_reserved_connections', 'USAGE') AS reserved FROM pg_roles WHERE rolname = current_user`);
    expect(rows).toEqual([{ rolsuper: false, rolcreaterole: true, monitor: true, reserved: true }]);
    await expect(client.query('ALTER ROLE rdsadmin NOSUPERUSER')).rejects.toMatchObject({ code: '42501' });
    await expect(client.query('CREATE ROLE boss SUPERUSER')).rejects.toMatchObject({ code: '42501' });
    await client.end();
  });
});

describe('connections', () => {
  it('cancels a statement from the client', async () => {
    const { ca, ...config } = seeded.as('orders_app');
    const client = new pg.Client({ ...config, ssl: { ca, servername: config.host } });
    let keyMessage: { processID: number; secretKey: number } | undefined;
    (client as unknown as { connection: NodeJS.EventEmitter }).connection.on('backendKeyData', (message) => {
      keyMessage = message;
    });
    await client.connect();
    const running = client.query('SELECT pg_sleep(30)');
    const packet = Buffer.alloc(16);
    packet.writeInt32BE(16, 0);
    packet.writeInt32BE(80877102, 4);
    packet.writeInt32BE(keyMessage?.processID ?? 0, 8);
    packet.writeInt32BE(keyMessage?.secretKey ?? 0, 12);
    dial(seeded.port, '127.0.0.1').end(packet);
    await expect(running).rejects.toMatchObject({ code: '57014' });
    await client.end();
  });

  it('end at the server when the client goes away', async () => {
    const { ca, ...config } = seeded.as('orders_app');
    const client = new pg.Client({ ...config, ssl: { ca, servername: config.host }, application_name: 'goes away' });
    client.on('error', () => {});
    await client.connect();
    const count = async () => {
      const rows = await world
        .instance('orders-db')
        .database.query<{ n: number }>(
          `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'goes away'`,
        );
      return rows[0]?.n;
    };
    expect(await count()).toBe(1);
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    await eventually('the session is gone', count, (n) => n === 0);
  });

  it.each([
    ['bytes that are no start-up packet', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a packet that is too long', Buffer.from([0, 1, 0, 0, 0, 3, 0, 0])],
    ['data right behind an SSLRequest', Buffer.from([0, 0, 0, 8, 4, 210, 22, 47, 0, 0, 0, 8])],
  ])('are closed after %s, and the door stays open', async (_what, bytes) => {
    const socket = dial(seeded.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.end(bytes);
    socket.resume();
    await new Promise((closed) => socket.once('close', closed));
    expect(await logIn({})).toBe('nightshift');
  });
});

describe('connect()', () => {
  const TIMEOUTS = { connectMs: 5_000, statementMs: 1_000, lockMs: 500 };
  const target = () => ({ ...seeded, region: REGION });

  it("doesn't trust a certificate of an unknown authority, and says nothing secret", async () => {
    process.env.AWS_ACCESS_KEY_ID = 'AKIAEXAMPLE';
    process.env.AWS_SECRET_ACCESS_KEY = 'test';
    const failure = connect(target(), TIMEOUTS);
    await expect(failure).rejects.toMatchObject({ name: 'ConnectError', kind: 'other' });
    await expect(failure).rejects.toThrow(/certificate/i);
    await expect(failure).rejects.not.toThrow(/X-Amz|AKIAEXAMPLE/);
  });

  it('gets in with limits on statements once the authority is trusted', async () => {
    // Node reads NODE_EXTRA_CA_CERTS only when it starts; this is the same list.
    setDefaultCACertificates([...getCACertificates('default'), world.ca]);
    const client = await connect(target(), TIMEOUTS);
    await expect(client.query('SELECT pg_sleep(5)')).rejects.toMatchObject({ code: '57014' });
    const { rows } = await client.query(
      `SELECT current_setting('application_name') AS name, current_setting('lock_timeout') AS lock`,
    );
    expect(rows).toEqual([{ name: 'nightshift', lock: '500ms' }]);
    await client.end();
  });

  it('tells a refused login from a host that is not there', async () => {
    await expect(connect({ ...target(), region: 'eu-west-1' }, TIMEOUTS)).rejects.toMatchObject({ kind: 'auth' });
    await expect(connect({ ...target(), port: 1 }, TIMEOUTS)).rejects.toMatchObject({ kind: 'unreachable' });
  });

  it('says that there is no slot when even reserved ones are taken', async () => {
    await world.instance('orders-db').database.query('ALTER ROLE nightshift CONNECTION LIMIT 0');
    try {
      await expect(connect(target(), TIMEOUTS)).rejects.toMatchObject({ kind: 'no-slot' });
    } finally {
      await world.instance('orders-db').database.query('ALTER ROLE nightshift CONNECTION LIMIT -1');
    }
  });

  it('fails as unreachable while the server is down', async () => {
    const { database } = world.instance('orders-db');
    await database.server.stop('fast');
    await expect(connect(target(), TIMEOUTS)).rejects.toMatchObject({ kind: 'unreachable' });
    await database.server.start();
  });
});
