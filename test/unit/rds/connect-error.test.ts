import { describe, expect, it } from '@jest/globals';
import { connectErrorOf } from '../../../functions/databases/connect.ts';

const target = { host: 'db.example.com', port: 5432, database: 'orders', user: 'nightshift', region: 'us-east-1' };
const failure = (message: string, code?: string) =>
  Object.assign(new Error(message), code === undefined ? {} : { code });

describe('why a connection failed', () => {
  it.each([
    ['no-slot', failure('sorry, too many clients already', '53300')],
    ['auth', failure('PAM authentication failed for user "nightshift"', '28000')],
    ['auth', failure('password authentication failed for user "nightshift"', '28P01')],
    ['unreachable', failure('connect ECONNREFUSED 10.0.0.1:5432', 'ECONNREFUSED')],
    ['unreachable', failure('getaddrinfo ENOTFOUND db.example.com', 'ENOTFOUND')],
    ['unreachable', failure('the database system is starting up', '57P03')],
    ['unreachable', failure('the database system is shutting down', '57P01')],
    ['unreachable', failure('timeout expired')],
    ['unreachable', failure('Connection terminated due to connection timeout')],
    ['unreachable', failure('Connection terminated unexpectedly')],
    ['other', failure('database "orders" does not exist', '3D000')],
    ['other', failure('self-signed certificate in certificate chain', 'SELF_SIGNED_CERT_IN_CHAIN')],
    ['other', failure('The server does not support SSL connections')],
  ])('is %s for %s', (kind, error) => {
    const sorted = connectErrorOf(target, error);
    expect(sorted.kind).toBe(kind);
    expect(sorted.cause).toBe(error);
    expect(sorted.message).toContain('nightshift at db.example.com:5432');
    expect(sorted.message).toContain(error.message);
  });

  it('is told for what is no Error too', () => {
    expect(connectErrorOf(target, undefined)).toMatchObject({ kind: 'other' });
  });
});
