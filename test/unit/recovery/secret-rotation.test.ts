/** What `secret-rotation` decides, and the pure parts that it is made of. */
import { describe, expect, it } from '@jest/globals';
import type { RunningService } from '../../../functions/ecs/types.ts';
import type { RotationConfig } from '../../../functions/engine/config.ts';
import type { Change } from '../../../functions/engine/remediation.ts';
import { type AskLogins, askSealed } from '../../../functions/recovery/secret-rotation/by-function.ts';
import { credentialOf, withCredential } from '../../../functions/recovery/secret-rotation/credential.ts';
import {
  decideCreate,
  decideCut,
  decideReadmit,
  decideRetire,
  decideSet,
  decideTest,
  decideUnset,
  type Looked,
  type LookSeen,
  loginApplied,
  look,
  proveCreate,
  proveLogin,
  type UsersSeen,
} from '../../../functions/recovery/secret-rotation/decide.ts';
import { code, targetsOf } from '../../../functions/recovery/secret-rotation/handler.ts';
import type { User } from '../../../functions/recovery/secret-rotation/helper/orders.ts';
import { verifierOf } from '../../../functions/recovery/secret-rotation/helper/scram.ts';
import { newReceiver, seal } from '../../../functions/recovery/secret-rotation/sealed.ts';
import { staleLabels } from '../../../functions/recovery/secret-versions.ts';
import type { StepDecision } from '../../../functions/recovery/step.ts';
import { config, database, service } from '../../support/fixtures.ts';

const DB = 'orders-db';
const rotation: RotationConfig = {
  secretArn: 'arn:aws:secretsmanager:us-east-1:000000000000:secret:orders-AbCdEf',
  users: ['app', 'app_b'],
  login: 'nightshift_rotation',
};
const ADDRESS = { host: 'db.example', port: 5432 };
const SETTINGS = { users: rotation.users, login: rotation.login, address: ADDRESS, databaseName: 'orders' };
const looked: Looked = { from: 'v1', oldUser: 'app', newUser: 'app_b', couldLogin: false };

const user = (name: string, more: Partial<User> = {}): User => ({
  ...{ name, canLogin: true, sessions: 0, mayAlter: true, mayEnd: true, lacks: 0 },
  ...more,
});
const users = (...given: User[]): UsersSeen => ({ kind: 'users', users: given });
const shop: RunningService = {
  ...{ kind: 'service', status: 'ACTIVE', controller: 'ECS', desired: 1, running: 1, pending: 0 },
  deployments: [],
} as unknown as RunningService;
const seen: LookSeen = {
  versions: { current: 'v1', isMade: false },
  services: [{ target: service, seen: { service: shop, unhealthyTasks: 0, guards: {} } }] as LookSeen['services'],
  logins: users(user('app', { sessions: 4 }), user('app_b', { canLogin: false })),
  credential: { username: 'app', ...ADDRESS },
  rotatesItself: false,
};
const changeOf = (decision: StepDecision): Change => {
  if (decision.kind !== 'act') throw new Error(`expected a change, but it is ${decision.kind}`);
  return decision.change;
};

describe('looking before a rotation', () => {
  it('chooses the user that the secret doesn’t name', () => {
    expect(look(seen, SETTINGS)).toMatchObject({ kind: 'done', result: looked });
    const other = { ...seen, credential: { username: 'app_b', ...ADDRESS }, logins: users(user('app'), user('app_b')) };
    expect(look(other, SETTINGS)).toMatchObject({
      kind: 'done',
      result: { oldUser: 'app_b', newUser: 'app', couldLogin: true },
    });
  });

  it('takes a secret that names no address', () => {
    const credential = { username: 'app', host: undefined, port: undefined };
    expect(look({ ...seen, credential }, SETTINGS).kind).toBe('done');
  });

  it.each<[string, Partial<LookSeen>, RegExp]>([
    ['Secrets Manager rotates it', { rotatesItself: true }, /RotationEnabled/],
    ['there is no current version', { versions: { current: undefined, isMade: false } }, /no current version/],
    ['it isn’t such JSON', { credential: undefined }, /isn’t JSON with username and password/],
    ['it names another instance', { credential: { username: 'app', host: 'other', port: 5432 } }, /another instance/],
    ['it names another port', { credential: { username: 'app', host: 'db.example', port: 5433 } }, /another instance/],
    ['its user is another one', { credential: { username: 'root', ...ADDRESS } }, /none of rotation\.users/],
    ['the other user isn’t there', { logins: users(user('app')) }, /app_b isn't a user of the database/],
    [
      'it may not be changed',
      { logins: users(user('app'), user('app_b', { mayAlter: false })) },
      /may not change app_b/,
    ],
    ['it names another database', { credential: { username: 'app', ...ADDRESS, dbname: 'x' } }, /another database/],
    [
      'sessions may not be ended',
      { logins: users(user('app', { mayEnd: false }), user('app_b')) },
      /may not end sessions of app: grant it pg_signal_backend/,
    ],
    [
      'the old one may not be shut out',
      { logins: users(user('app', { mayAlter: false }), user('app_b')) },
      /may not change app:/,
    ],
    [
      'somebody uses it',
      { logins: users(user('app'), user('app_b', { sessions: 2 })) },
      /2 sessions are logged in as app_b/,
    ],
    ['it may do less', { logins: users(user('app'), user('app_b', { lacks: 3 })) }, /lacks 3 of the rights/],
    [
      'the login isn’t let in',
      { logins: { kind: 'refused', passing: false, why: 'no' } },
      /nightshift_rotation can't look: no/,
    ],
  ])('is refused where %s', (_why, more, reason) => {
    expect(look({ ...seen, ...more }, SETTINGS)).toEqual({ kind: 'fail', reason: expect.stringMatching(reason) });
  });

  it('waits for a server that lets nobody in yet', () => {
    const logins: UsersSeen = { kind: 'refused', passing: true, why: 'starting up' };
    expect(look({ ...seen, logins }, SETTINGS)).toMatchObject({ kind: 'wait' });
  });
});

describe('the steps of a rotation', () => {
  it('make the version once', () => {
    expect(decideCreate({ versions: { current: 'v1', isMade: false }, services: [] }, 'v2', looked).kind).toBe('act');
    expect(decideCreate({ versions: { current: 'v1', isMade: true }, services: [] }, 'v2', looked).kind).toBe('done');
    expect(proveCreate({ versions: { current: 'v1', isMade: false }, services: [] }).kind).toBe('not-yet');
  });

  it('are proved by whether the user may log in', () => {
    const change = changeOf(decideSet(users(), looked));
    expect(proveLogin(change, users(user('app_b')), 'app_b').kind).toBe('good');
    expect(proveLogin(change, users(user('app_b', { canLogin: false })), 'app_b').kind).toBe('bad');
    expect(proveLogin(change, users(), 'app_b')).toEqual({ kind: 'bad', detail: 'app_b is gone' });
    expect(proveLogin(change, { kind: 'refused', passing: true, why: 'x' }, 'app_b').kind).toBe('not-yet');
    expect(proveLogin(change, { kind: 'refused', passing: false, why: 'x' }, 'app_b').kind).toBe('bad');
    expect(loginApplied(change, users(user('app_b')), 'app_b')).toBe('yes');
    expect(loginApplied(change, users(), 'app_b')).toBe('no');
  });

  it('lock out nobody who uses the other user by now', () => {
    const inUse = users(user('app_b', { canLogin: false, sessions: 1 }));
    expect(decideSet(inUse, looked)).toMatchObject({
      kind: 'fail',
      reason: expect.stringMatching(/logged in as app_b/),
    });
  });

  it('have shut nobody out whose sessions are still there', () => {
    const change = changeOf(decideCut({ database: DB, emergency: true }, looked));
    const still = users(user('app', { canLogin: false, sessions: 1 }));
    expect(proveLogin(change, still, 'app').kind).toBe('not-yet');
    expect(loginApplied(change, still, 'app')).toBe('no');
    expect(decideRetire(still, looked).kind).toBe('wait');
    expect(loginApplied(change, users(user('app', { canLogin: false })), 'app')).toBe('yes');
  });

  it('shut the new user out again only where it was before', () => {
    expect(decideUnset(changeOf(decideSet(users(), looked)), looked).kind).toBe('act');
    const could = { ...looked, couldLogin: true };
    expect(decideUnset(changeOf(decideSet(users(), could)), could).kind).toBe('done');
    expect(decideUnset(undefined, looked).kind).toBe('done');
  });

  it('fail when the new version doesn’t let anybody in, and wait for what passes', () => {
    expect(decideTest({ kind: 'got-in' }, looked).kind).toBe('done');
    expect(decideTest({ kind: 'refused', passing: true, why: 'x' }, looked).kind).toBe('wait');
    expect(decideTest({ kind: 'refused', passing: false, why: 'x' }, looked).kind).toBe('fail');
  });

  it('cut the earlier user off in an emergency only', () => {
    expect(decideCut({ database: DB }, looked).kind).toBe('done');
    expect(changeOf(decideCut({ database: DB, emergency: true }, looked))).toMatchObject({ after: { login: false } });
  });

  it('retire the earlier user once nobody is logged in as it', () => {
    expect(decideRetire(users(user('app', { sessions: 1 })), looked).kind).toBe('wait');
    expect(changeOf(decideRetire(users(user('app')), looked)).after).toEqual({ login: false });
    expect(decideRetire(users(user('app', { canLogin: false })), looked).kind).toBe('done');
    expect(decideRetire(users(), looked).kind).toBe('fail');
    expect(decideRetire({ kind: 'refused', passing: true, why: 'x' }, looked).kind).toBe('wait');
    expect(decideRetire({ kind: 'refused', passing: false, why: 'x' }, looked).kind).toBe('fail');
    expect(decideReadmit(undefined, looked).kind).toBe('done');
    expect(changeOf(decideReadmit(changeOf(decideRetire(users(user('app')), looked)), looked)).after).toEqual({
      login: true,
    });
  });
});

describe('the credential in a secret', () => {
  const text = JSON.stringify({ engine: 'postgres', ...ADDRESS, username: 'app', password: 'old', dbname: 'orders' });

  it('is replaced, and nothing else', () => {
    expect(JSON.parse(withCredential(text, 'app_b', 'new') ?? '')).toEqual({
      ...{ engine: 'postgres', ...ADDRESS, username: 'app_b', password: 'new', dbname: 'orders' },
    });
  });

  it.each([
    'postgres://app:old@db/orders',
    '[]',
    'null',
    JSON.stringify({ username: 'app' }),
    JSON.stringify({ username: 'app', password: '' }),
    // The password is in another place, too: services that read it there would be left behind.
    JSON.stringify({ username: 'app', password: 'old', url: 'postgres://app:old@db/orders' }),
    JSON.stringify({ username: 'app', password: 'o/d', url: 'postgres://db/orders?user=app&password=o%2Fd' }),
    JSON.stringify({ username: 'app', password: 'old', url: 'postgres://app:another@db/orders' }),
    JSON.stringify({ username: 'app', password: 'old', url: 'postgres://app@db/orders' }),
  ])('isn’t understood as %s', (other) => {
    expect(credentialOf(other)).toBeUndefined();
    expect(withCredential(other, 'app_b', 'new')).toBeUndefined();
  });
});

describe('the labels of versions', () => {
  const stages = (runs: number) =>
    Object.fromEntries([
      ['v0', ['AWSCURRENT']],
      ['v1', ['AWSPREVIOUS', 'theirs', 'nightshift-other']],
      ...Array.from({ length: runs }, (_, n) => [`r${n}`, [`nightshift-r${n}`]]),
    ]);

  it('are given back by earlier runs before a secret has as many as it may have', () => {
    expect(staleLabels(stages(7), 'r0')).toEqual([]);
    const stale = staleLabels(stages(16), 'r0');
    expect(stale).toHaveLength(15);
    expect(stale).toContainEqual({ version: 'r15', label: 'nightshift-r15' });
    expect(stale.map(({ version }) => version)).not.toContain('r0');
  });
});

describe('a sealed secret', () => {
  it('is opened by its receiver alone, and not when it was changed', () => {
    const [one, other] = [newReceiver(), newReceiver()];
    const message = seal(one.key, 'a password');
    expect(JSON.stringify(message)).not.toContain('a password');
    expect(one.open(message)).toBe('a password');
    expect(other.open(message)).toBeUndefined();
    const forged = Buffer.from(message.text, 'base64');
    forged[0] = (forged[0] ?? 0) ^ 1;
    expect(() => one.open({ ...message, text: forged.toString('base64') })).toThrow();
    expect(() => other.open({ ...message, to: other.key })).toThrow();
  });

  it('is sealed anew for the copy of the function that answers, and given up when it is another each time', async () => {
    const copies = [newReceiver(), newReceiver()];
    const opened: (string | undefined)[] = [];
    let calls = 0;
    const ask: AskLogins = async (order) => {
      const copy = copies[Math.min(calls++, 1)];
      if (!copy) throw new Error('no copy');
      if (order.ask !== 'try') return { kind: 'key', key: copy.key };
      opened.push(copy.open(order.password));
      return opened.at(-1) === undefined ? { kind: 'other-key', key: copy.key } : { kind: 'done', detail: 'in' };
    };
    const order = (password: ReturnType<typeof seal>) => ({
      ask: 'try' as const,
      database: DB,
      user: 'app_b',
      password,
    });
    expect(await askSealed(ask, order, 'p', 'test')).toEqual({ kind: 'done', detail: 'in' });
    expect(opened).toEqual([undefined, 'p']);
    const everOther: AskLogins = async ({ ask: what }) => ({
      ...{ kind: what === 'key' ? 'key' : 'other-key', key: newReceiver().key },
    });
    await expect(askSealed(everOther, order, 'p', 'test')).rejects.toThrow(/another copy of it/);
  });
});

describe('a password as PostgreSQL keeps it', () => {
  it('is the one of RFC 7677', () => {
    // RFC 7677, section 3: password "pencil", that salt, 4096 iterations. The keys were made by PostgreSQL 18 from it.
    const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
    expect(verifierOf('pencil', salt)).toBe(
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    );
  });

  it('is another one each time, and only of printable ASCII', () => {
    expect(verifierOf('p')).not.toBe(verifierOf('p'));
    expect(() => verifierOf('pässword')).toThrow(RangeError);
  });
});

describe('the plan secret-rotation', () => {
  const rotated = { ...config, databases: { [DB]: { ...database, name: DB, rotation } } };

  it('takes the database and its services in hand', () => {
    const services = { shop: { ...service, name: 'shop', dependsOn: [DB] } };
    expect(targetsOf({ database: DB }, { ...rotated, services })).toEqual({
      kind: 'targets',
      targets: [`rds-instance/${DB}`, `ecs-service/${service.cluster}/${service.service}`],
    });
    expect(targetsOf({ database: DB }, { ...rotated, services: {} })).toEqual({
      kind: 'refused',
      why: expect.stringMatching(/no service depends on orders-db/),
    });
    expect(targetsOf({ database: 'other' }, rotated)).toEqual({
      kind: 'refused',
      why: expect.stringMatching(/has no "rotation".*these have: orders-db/),
    });
  });

  it('reads emergency as the command line and the console give it', () => {
    const emergencyOf = (emergency: unknown) => {
      const read = code.readInput({ database: DB, emergency });
      return read.ok ? read.input.emergency : read.faults;
    };
    expect([emergencyOf(true), emergencyOf('true'), emergencyOf('false')]).toEqual([true, true, false]);
    expect(emergencyOf('perhaps')).toMatch(/emergency/);
    expect(code.readInput({ database: DB, password: 'x' }).ok).toBe(false);
  });
});
