import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../infra/config/parse.ts';
import { discover } from '../../../infra/discover.ts';
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

const { remediations } = await discover();

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

describe('plans that alarms start', () => {
  const manifests = remediations.map(({ manifest }) => manifest);
  const given = (plans: string[], plansByAlarm: string[]) =>
    parseConfig({ ...example, plans, plansByAlarm } as typeof example, manifests, 'test', []);

  it('are those of `plans` that a ladder has a rung for', () => {
    expect(() => given([], ['service-recovery'])).toThrow(/plansByAlarm\[0\].*one of `plans`/s);
    expect(() => given(['service-recovery'], ['drill'])).toThrow(/plansByAlarm\[0\].*service-recovery/s);
  });

  it('have their rung, last of the ladder, where the configuration says so, and nowhere else', () => {
    const of = (plansByAlarm: string[]) => given(['service-recovery'], plansByAlarm).runtime;
    expect(of([]).ladders['restart-service']?.rungs).toEqual(['restart-service']);
    expect(of([]).ladders['recover-service']).toBeUndefined();
    expect(of([]).runbooks['recover-service']).toBeUndefined();
    const { ladders, runbooks } = of(['service-recovery']);
    expect(ladders['restart-service']?.rungs).toEqual(['restart-service', 'recover-service']);
    expect(runbooks['recover-service']).toMatchObject({ verifyWithinSeconds: 2100 });
  });
});
