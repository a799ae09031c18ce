/** A healthy standby of a primary that is lost: what tests of `region-failover` start from and change one thing of. */
import type { InstanceReading } from '../../functions/databases/instance.ts';
import type { PairConfig } from '../../functions/engine/config.ts';
import type { Outlook, SeenService } from '../../functions/recovery/region-failover/decide.ts';
import { NOW, service } from './fixtures.ts';

export const GOOD = { healthy: 3, all: 3 };
export const BAD = { healthy: 0, all: 3, lastFailure: 'ECONNRESET' };

export const pair: PairConfig = {
  name: 'checkout',
  replica: 'checkout-db',
  tasks: { backend: 4 },
  primaryProbeUrl: 'https://east.example.com/health',
  standbyHealthUrl: 'https://west.example.com/health',
  standbyProbeUrl: 'https://west.example.com/orders',
  userUrl: 'https://www.example.com/orders',
  outageAlarms: ['silent', 'canary'],
  unhealthyForSeconds: 60,
  recoveryPointSeconds: 300,
  ttlSeconds: 60,
  settleSeconds: 300,
  fencing: { by: 'attested' },
  switch: { bucket: 'failover', key: 'checkout' },
};

export const replicaWith = (change: object = {}): InstanceReading => ({
  ...{ kind: 'instance', arn: 'arn:aws:rds:us-west-2:111122223333:db:checkout-db', status: 'available' },
  ...{ engine: 'postgres', multiAz: false, zone: 'us-west-2a', instanceClass: 'db.t4g.micro', storageGib: 20 },
  ...{ backupDays: 0, replicaOf: 'arn:aws:rds:us-east-1:111122223333:db:checkout-db', replicas: [], pending: [] },
  ...{ settings: { securityGroups: [], isPublic: false, hasIamLogins: true } },
  ...{ wasAvailable: true, parametersPending: false },
  ...change,
});

export const running = (desired: number, has = desired, tasks = 4): SeenService => ({
  target: service,
  tasks,
  seen: {
    service: {
      ...{ kind: 'service', arn: '', desired, running: has, pending: 0, controller: 'ECS' },
      ...{ minimumHealthyPercent: 100, maximumPercent: 200, rollsBackByItself: false, fargate: true, tags: {} },
      deployments: [
        {
          ...{ id: 'ecs-svc/1', primary: true, taskDefinition: 'backend:1', rolloutState: 'COMPLETED', reason: '' },
          ...{ failedTasks: 0, running: has, createdAtMs: NOW - 3_600_000 },
        },
      ],
    },
    unhealthyTasks: 0,
    guards: {},
  },
});

export const outlook = (change: Partial<Outlook> = {}): Outlook => ({
  primary: BAD,
  standby: GOOD,
  alarms: pair.outageAlarms.map((name) => ({ name, state: 'ALARM', since: NOW - 90_000 })),
  replica: replicaWith(),
  services: [running(1)],
  ...change,
});
