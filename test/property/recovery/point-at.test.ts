/** Another address is written into a connection, and nothing else of it changes. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Address, isAt, pointAt, speaksOf } from '../../../functions/recovery/database-restore/point-at.ts';

const hosts = fc.stringMatching(/^[a-z][a-z0-9-]{1,12}\.(rds|db)\.example$/);
const addresses: fc.Arbitrary<Address> = fc.record({ host: hosts, port: fc.integer({ min: 1024, max: 65_535 }) });
const words = fc.stringMatching(/^[A-Za-z0-9%+._~-]{1,16}$/);

/** A connection to an address, in each of the forms. */
const forms = fc.oneof(
  fc.constant(({ host, port }: Address) => `${host}:${port}`),
  fc.tuple(words, words, words).map(
    ([user, password, name]) =>
      ({ host, port }: Address) =>
        `postgres://${user}:${password}@${host}:${port}/${name}?sslmode=verify-full`,
  ),
  fc.tuple(words, fc.boolean()).map(
    ([password, asText]) =>
      ({ host, port }: Address) =>
        JSON.stringify({ username: 'shop', password, host, port: asText ? String(port) : port }),
  ),
  words.map(
    (password) =>
      ({ host, port }: Address) =>
        JSON.stringify({ DATABASE_URL: `postgresql://shop:${password}@${host}:${port}/shop`, other: 1 }),
  ),
);

describe('pointing a connection at another address', () => {
  it('changes the address and nothing else', () => {
    fc.assert(
      fc.property(forms, addresses, addresses, (form, from, to) => {
        expect(pointAt(form(from), from, to, 'new')).toBe(form(to));
      }),
    );
  });

  it('is refused beforehand where a part of it would be left', () => {
    const address = { host: 'old.example', port: 5432 };
    expect(isAt('{"host":"old.example"}', address)).toBe(true);
    expect(isAt('{"host":"old.example","PGHOST":"old.example"}', address)).toBe(false);
  });

  it('knows an address in whatever form it is there, and by its port where the host is shared', () => {
    const [old, other] = [
      { host: 'old.example', port: 5432 },
      { host: 'new.example', port: 5432 },
    ];
    expect(speaksOf('{"writer":{"host":"NEW.example"}}', other, old)).toBe(true);
    expect(speaksOf('postgres://old.example/shop', other, old)).toBe(false);
    expect(speaksOf('{"host":"old.example","port":7000}', { ...old, port: 7000 }, old)).toBe(true);
    expect(speaksOf('{"host":"old.example","port":5432}', { ...old, port: 7000 }, old)).toBe(false);
  });

  it('changes nothing that names another address', () => {
    fc.assert(
      fc.property(forms, addresses, addresses, addresses, (form, named, from, to) => {
        fc.pre(named.host !== from.host || named.port !== from.port);
        expect(pointAt(form(named), from, to, 'new')).toBeUndefined();
      }),
    );
  });

  it.each([
    ['old.example', 'new.example:6000'],
    ['postgres://shop:x@old.example/shop', 'postgres://shop:x@new.example:6000/shop'],
    [
      '{"host":"old.example","dbInstanceIdentifier":"old"}',
      '{"host":"new.example","dbInstanceIdentifier":"new","port":6000}',
    ],
    ['postgres://old.example:x@other.example/shop', undefined],
    ['postgres://shop:x@old.example.com/shop', undefined],
    ['{"host":"old.example","port":7000}', undefined],
    ['not-old.example', undefined],
    ['', undefined],
    ['[1]', undefined],
    // Half of what names it: some services would go on writing to the old one.
    ['{"host":"old.example","url":"postgres://shop:x@old.example/shop"}', undefined],
    ['{"DATABASE_URL":"postgres://old.example/shop","JDBC_URL":"jdbc:postgresql://Old.Example/shop"}', undefined],
    ['{"DATABASE_URL":"postgres://old.example/shop","PGHOST":"old.example"}', undefined],
    ['{"host":"old.example","writer":{"host":"old.example"}}', undefined],
    ['{"writer":{"host":"old.example"}}', undefined],
  ])('%s', (text, wanted) => {
    expect(pointAt(text, { host: 'old.example', port: 5432 }, { host: 'new.example', port: 6000 }, 'new')).toBe(wanted);
  });
});
