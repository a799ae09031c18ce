import { expect, it } from '@jest/globals';
import { checkAuthority, databaseTarget } from '../../../functions/engine/authority.ts';
import { config, database, NOW } from '../../support/fixtures.ts';

const databases = { orders: { ...database, name: 'orders', authority: true }, other: { ...database, name: 'other' } };
const check = (target: string) => checkAuthority('journal', { ...config, databases }, target, NOW);

it('a change of a database that writes by a lease is admitted only within it, for as long as the action may take', () => {
  const [only, ...more] = check(databaseTarget('orders'));
  expect(more).toEqual([]);
  expect(only).toMatchObject({
    label: 'authority',
    item: {
      ConditionCheck: {
        Key: { pk: { S: 'AUTHORITY#rds-instance/orders' }, sk: { S: 'AUTHORITY' } },
        ConditionExpression: '#until > :lease',
        ExpressionAttributeValues: { ':lease': { N: String(NOW) } },
      },
    },
  });
});

it.each(['rds-instance/other', 'rds-instance/unknown', 'ecs-service/orders/orders'])('%s needs none', (target) => {
  expect(check(target)).toEqual([]);
});
