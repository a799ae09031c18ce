import { Signer } from '@aws-sdk/rds-signer';
import { describe, expect, it } from '@jest/globals';
import { refusalOf, type TokenExpectation } from '../../../local/stand-ins/rds/iam-token.ts';

const MINUTE_MS = 60_000;
const credentials = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'test' };
const sign = (more: object = {}) =>
  new Signer({
    hostname: 'localhost',
    port: 5432,
    region: 'us-east-1',
    username: 'nightshift',
    credentials,
    ...more,
  }).getAuthToken();
const expected = (change: Partial<TokenExpectation> = {}): TokenExpectation => ({
  region: 'us-east-1',
  hosts: ['localhost', '127.0.0.1'],
  port: 5432,
  user: 'nightshift',
  now: new Date(),
  secretAccessKey: 'test',
  ...change,
});
const inMinutes = (minutes: number) => new Date(Date.now() + minutes * MINUTE_MS);

describe('an IAM authentication token made by the SDK', () => {
  it('is accepted, for whatever access key, with and without a session token', async () => {
    expect(await refusalOf(await sign(), expected())).toBeUndefined();
    const session = { credentials: { accessKeyId: 'ASIA', secretAccessKey: 'test', sessionToken: 'a/b+c==' } };
    expect(await refusalOf(await sign(session), expected())).toBeUndefined();
    expect(await refusalOf(await sign({ hostname: '127.0.0.1' }), expected())).toBeUndefined();
  });

  it('is good for a quarter of an hour and no longer', async () => {
    const token = await sign();
    expect(await refusalOf(token, expected({ now: inMinutes(14) }))).toBeUndefined();
    expect(await refusalOf(token, expected({ now: inMinutes(16) }))).toMatch(/expired/);
    expect(await refusalOf(token, expected({ now: inMinutes(-10) }))).toMatch(/future/);
  });

  it.each<[string, object, RegExp]>([
    ['another user', { username: 'other' }, /another user/],
    ['another region', { region: 'eu-west-1' }, /rds-db in us-east-1/],
    ['another host', { hostname: 'other' }, /another host/],
    ['another port', { port: 5433 }, /another port/],
    ['a key of somebody else', { credentials: { ...credentials, secretAccessKey: 'guess' } }, /signature is wrong/],
  ])('is refused when it was signed for %s', async (_what, change, why) => {
    expect(await refusalOf(await sign(change), expected())).toMatch(why);
  });

  it.each<[string, (token: string) => string, RegExp]>([
    ['a longer life', (token) => token.replace('X-Amz-Expires=900', 'X-Amz-Expires=86400'), /X-Amz-Expires/],
    ['no end', (token) => token.replace('X-Amz-Expires=900', 'X-Amz-Expires=0'), /X-Amz-Expires/],
    ['a shorter life', (token) => token.replace('X-Amz-Expires=900', 'X-Amz-Expires=899'), /signature is wrong/],
    ['another access key', (token) => token.replace('AKIAEXAMPLE', 'AKIAOTHER'), /signature is wrong/],
    ['another parameter', (token) => `${token}&More=1`, /signature is wrong/],
    ['a second user', (token) => `${token}&DBUser=root`, /twice/],
    ['another action', (token) => token.replace('Action=connect', 'Action=admin'), /Action=connect/],
    ['another path', (token) => token.replace('/?', '/x?'), /Action=connect/],
    ['no signature', (token) => token.replace(/X-Amz-Signature=\w+/, ''), /signature is wrong/],
    ['no date', (token) => token.replace(/X-Amz-Date=\w+/, ''), /rds-db/],
  ])('is refused when somebody gave it %s', async (_what, change, why) => {
    expect(await refusalOf(change(await sign()), expected())).toMatch(why);
  });

  it.each(['', 'secret', '::', 'localhost:5432', 'localhost:5432/?', '%'])('is not %j', async (text) => {
    expect(await refusalOf(text, expected())).toEqual(expect.any(String));
  });
});
