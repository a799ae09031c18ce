import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../infra/config/parse.ts';
import example from '../../../nightshift.config.ts';

const SECRET = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:orders-AbCdEf';
const parsed = (databases: object) =>
  parseConfig(
    { ...example, plans: ['service-recovery', 'database-restore'], databases } as typeof example,
    [],
    'test',
    [],
  );
const [name = '', database] = Object.entries(example.databases ?? {})[0] ?? [];

describe('the plan database-restore', () => {
  it('is refused where no database can be restored by it', () => {
    expect(() => parsed({ [name]: database })).toThrow(/plans\[1\].*needs databases\.<name>\.restore/s);
  });

  it('is refused where so many services depend on a database that no run could take them in hand', () => {
    const of = (count: number) => {
      const [service] = Object.values(example.services ?? {});
      const services = Object.fromEntries(
        Array.from({ length: count }, (_, at) => [`s${at}`, { ...service, service: `s${at}`, dependsOn: [name] }]),
      );
      const restore = { connectionSecretArn: SECRET };
      const databases = { [name]: { ...database, restore } };
      const given = { ...example, services, plans: ['database-restore'], databases } as typeof example;
      try {
        parseConfig(given, [], 'test', []);
      } catch (error) {
        return String(error);
      }
      return 'taken';
    };
    const tooMany = /restore.*48 services.*at most 47 services that depend on/s;
    expect([of(47), of(48)].map((said) => tooMany.test(said))).toEqual([false, true]);
  });

  it('is taken where one can', () => {
    const restore = { connectionSecretArn: SECRET };
    const { config } = parsed({
      [name]: {
        ...database,
        backup: {
          verify: {
            subnetGroup: 'checked',
            securityGroupId: 'sg-0fedcba9876543210',
            tables: [{ name: 'public.orders' }],
          },
        },
        restore,
      },
    });
    expect(config.plans).toContain('database-restore');
  });
});
