import { expect, it } from '@jest/globals';
import { command } from '../../../events/command.ts';
import { signal } from '../../support/fixtures.ts';

it.each([
  [signal.at, true],
  ['2026-11-20T02:59:55.000Z, or so', false],
  ['', false],
])('an order whose signal happened at "%s" is taken: %s', (at, isTaken) => {
  const order = { nightshift: 1, command: 'signal', signal: { ...signal, at } };
  expect(command.safeParse(order).success).toBe(isTaken);
});
