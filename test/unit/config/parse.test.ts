import { describe, expect, it } from '@jest/globals';
import type { RemediationManifest } from '../../../functions/engine/manifest.ts';
import { manifest as releaseIdleConnections } from '../../../functions/remediations/release-idle-connections/manifest.ts';
import { manifest as scaleOutService } from '../../../functions/remediations/scale-out-service/manifest.ts';
import { ConfigurationError, type Fault } from '../../../infra/config/faults.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import type { ConfigInput } from '../../../infra/config/schema.ts';
import { discover } from '../../../infra/discover.ts';
import demo from '../../../local/demo.config.ts';
import example from '../../../nightshift.config.ts';

const manifests: readonly RemediationManifest[] = [releaseIdleConnections, scaleOutService];
const everything = (await discover()).remediations.map(({ manifest }) => manifest);
const highRisk: RemediationManifest = { ...scaleOutService, name: 'fail-over-region', risk: 'high' };

const valid = {
  region: 'eu-west-1',
  standbyRegion: 'eu-central-1',
  services: { backend: { cluster: 'orders', minTasks: 2, maxTasks: 10, dependsOn: ['orders-db'] } },
  databases: {
    'orders-db': {
      host: 'db.example.com',
      resourceId: 'db-ABC123',
      securityGroupId: 'sg-0abc',
      maxConnections: 100,
    },
  },
  contacts: { pageEmails: ['on-call@example.com'] },
  network: {
    vpcId: 'vpc-0abc',
    subnetIds: ['subnet-0abc'],
    routeTableIds: ['rtb-0abc'],
    dynamoDbPrefixListId: 'pl-0abc',
  },
} satisfies ConfigInput;

type Path = readonly (string | number)[];
/** The valid configuration with one value set (or, with `undefined`, taken out). */
function changed(path: Path, value: unknown): unknown {
  const copy: unknown = structuredClone(valid);
  const last = path.at(-1) ?? '';
  let holder = copy as Record<string | number, unknown>;
  for (const part of path.slice(0, -1)) {
    holder[part] ??= {};
    holder = holder[part] as Record<string | number, unknown>;
  }
  if (value === undefined) delete holder[last];
  else holder[last] = value;
  return copy;
}

function faultsOf(input: unknown, known = manifests): readonly Fault[] {
  try {
    parseConfig(input, known);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
  return [];
}

describe('a configuration without faults', () => {
  it('is the example, which only observes', () => {
    const { runtime } = parseConfig(example, everything);
    expect(new Set(Object.values(runtime.runbooks).map((limits) => limits.mode))).toEqual(new Set(['observe']));
  });

  it('is the demonstration, which acts', () => {
    const { runtime } = parseConfig(demo, everything);
    expect(runtime.runbooks['scale-out-service']?.mode).toBe('auto');
    expect(runtime.databases['orders-db']).toMatchObject({ idleForSeconds: 3, connectionsAboveShare: 0.8 });
  });

  it('observes when no mode is written', () => {
    expect(parseConfig(valid, manifests).config.mode).toBe('observe');
  });

  it('fills in every default, and takes the limits of a runbook from its manifest', () => {
    const { runtime } = parseConfig(valid, manifests);
    expect(runtime).toMatchObject({
      version: 1,
      name: 'main',
      services: {
        backend: {
          name: 'backend',
          service: 'backend',
          cpuAbovePercent: 80,
          memoryAbovePercent: 90,
          stabiliseForSeconds: 600,
        },
      },
      databases: {
        'orders-db': { name: 'orders-db', port: 5432, idleForSeconds: 600, releaseToShare: 0.7, pooler: 'none' },
      },
      runbooks: { 'scale-out-service': { mode: 'observe', ...scaleOutService.defaults } },
      fleet: { changesPerHour: 30, removalsPerHour: 10, describesPerSecond: 5 },
      reconcileEverySeconds: 300,
      verifyWithinSeconds: 600,
      alarmPeriodSeconds: 60,
      metricPeriodSeconds: 60,
    });
  });

  it('prefers a runbook own line to the manifest and to the mode of all', () => {
    const { runtime } = parseConfig(
      changed(['runbooks', 'scale-out-service'], { mode: 'observe', cooldownSeconds: 130 }),
      manifests,
    );
    expect(runtime.runbooks['scale-out-service']).toEqual({
      ...scaleOutService.defaults,
      mode: 'observe',
      cooldownSeconds: 130,
    });
    expect(runtime.runbooks['release-idle-connections']?.mode).toBe('observe');
  });

  it('deploys no remediation that has nothing to protect', () => {
    const { runtime } = parseConfig({ ...valid, services: {} }, manifests);
    expect(Object.keys(runtime.runbooks)).toEqual(['release-idle-connections']);
  });

  it('gives functions nothing that only the deployment needs', () => {
    const { runtime } = parseConfig(valid, manifests);
    expect(Object.keys(runtime.databases['orders-db'] ?? {})).not.toEqual(
      expect.arrayContaining(['securityGroupId', 'resourceId', 'maxConnections']),
    );
    expect(runtime.databases['orders-db']).not.toHaveProperty('securityGroupId');
    expect(runtime.databases['orders-db']).not.toHaveProperty('resourceId');
  });
});

describe('a fault', () => {
  const cases: readonly [what: string, path: Path, value: unknown, at: string, expected: RegExp][] = [
    ['a misspelt setting', ['regoin'], 'x', 'regoin', /did you mean 'region'/],
    [
      'a load balancer by its whole ARN',
      ['services', 'backend', 'balancedBy'],
      {
        loadBalancer: 'arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/orders/50dc6c495c0c9188',
        targetGroup: 'targetgroup/backend/73e2d6bc24d8a067',
      },
      'services.backend.balancedBy.loadBalancer',
      /the end of its ARN/,
    ],
    [
      'a misspelt setting of a service',
      ['services', 'backend', 'maxTask'],
      3,
      'services.backend.maxTask',
      /did you mean 'maxTasks'/,
    ],
    [
      'a misspelt setting of a section with defaults',
      ['fleet'],
      { changePerHour: 3 },
      'fleet.changePerHour',
      /did you mean 'changesPerHour'/,
    ],
    ['an unknown setting like no other', ['zzzzzzzzzz'], 1, 'zzzzzzzzzz', /unknown; known are alarmPeriodSeconds, /],
    ['a missing region', ['region'], undefined, 'region', /expected string/],
    ['a malformed region', ['region'], 'Europe', 'region', /a region such as eu-west-1/],
    ['one region twice', ['standbyRegion'], 'eu-west-1', 'standbyRegion', /must differ from region/],
    ['a name too long', ['name'], 'a'.repeat(21), 'name', /at most 20/],
    ['an unknown mode', ['mode'], 'automatic', 'mode', /one of off, observe, approve, auto/],
    [
      'fewer at most than at least',
      ['services', 'backend', 'maxTasks'],
      1,
      'services.backend.maxTasks',
      /at least minTasks \(2\)/,
    ],
    [
      'a negative duration',
      ['databases', 'orders-db', 'idleForSeconds'],
      -1,
      'databases.orders-db.idleForSeconds',
      /at least 1/,
    ],
    [
      'a duration of nothing',
      ['databases', 'orders-db', 'idleForSeconds'],
      0,
      'databases.orders-db.idleForSeconds',
      /at least 1/,
    ],
    ['half a task', ['services', 'backend', 'minTasks'], 1.5, 'services.backend.minTasks', /expected int/],
    [
      'a share above all',
      ['databases', 'orders-db', 'connectionsAboveShare'],
      1.1,
      'databases.orders-db.connectionsAboveShare',
      /at most 1/,
    ],
    [
      'a release to where the alarm is',
      ['databases', 'orders-db', 'releaseToShare'],
      0.8,
      'databases.orders-db.releaseToShare',
      /less than connectionsAboveShare \(0.8\)/,
    ],
    [
      'a dependency on nothing',
      ['services', 'backend', 'dependsOn'],
      ['order-db'],
      'services.backend.dependsOn[0]',
      /did you mean 'orders-db'/,
    ],
    [
      'a runbook that is not there',
      ['runbooks', 'scale-out-servce'],
      {},
      'runbooks.scale-out-servce',
      /did you mean 'scale-out-service'/,
    ],
    [
      'one ECS service twice',
      ['services', 'api'],
      { cluster: 'orders', service: 'backend', maxTasks: 3 },
      'services.api',
      /already protected as services.backend/,
    ],
    ['databases without a network', ['network'], undefined, 'network', /needed to reach orders-db/],
    [
      'a period CloudWatch does not have',
      ['alarmPeriodSeconds'],
      45,
      'alarmPeriodSeconds',
      /10, 20, 30 or a multiple of 60/,
    ],
    ['a period of nothing', ['alarmPeriodSeconds'], 0, 'alarmPeriodSeconds', /10, 20, 30 or a multiple of 60/],
    [
      'a duration between two periods',
      ['services', 'backend', 'cpuForSeconds'],
      90,
      'services.backend.cpuForSeconds',
      /multiple of alarmPeriodSeconds \(60\)/,
    ],
    [
      'a backstop beyond what CloudWatch looks back',
      ['services', 'backend', 'cpuForSeconds'],
      86_400,
      'services.backend.cpuForSeconds',
      /CloudWatch allows 86400 s/,
    ],
    [
      'request alarms of no load balancer',
      ['services', 'backend', 'requestAlarms'],
      {},
      'services.backend.requestAlarms',
      /needs balancedBy/,
    ],
    ['an address that is none', ['contacts'], { pageEmails: ['on-call'] }, 'contacts.pageEmails[0]', /email/],
    ['a wildcard in a name', ['services', 'backend', 'cluster'], '*', 'services.backend.cluster', /letters, digits/],
    [
      'a key that no resource can be named by',
      ['databases', 'Orders_DB'],
      valid.databases['orders-db'],
      'databases.Orders_DB',
      /lower-case/,
    ],
    ['half a minute between reconciliations', ['reconcileEverySeconds'], 90, 'reconcileEverySeconds', /multiple of 60/],
  ];

  it.each(cases)('is told for %s', (_what, path, value, at, expected) => {
    const faults = faultsOf(changed(path, value));
    expect(faults).toEqual(
      [{ path: at, given: expect.anything(), expected: expect.stringMatching(expected) }].map((fault) =>
        value === undefined ? { ...fault, given: undefined } : fault,
      ),
    );
  });

  it('of a misspelt name hides no other fault, and makes none up', () => {
    const backend = { cluster: 'orders', minTasks: 12, maxTasks: 10, dependsOn: ['order-db'], cpuForSecond: 900 };
    expect(faultsOf(changed(['services', 'backend'], backend)).map(({ path }) => path)).toEqual([
      'services.backend.cpuForSecond',
      'services.backend.maxTasks',
      'services.backend.dependsOn[0]',
    ]);
    const contacts = { pageEmails: ['a@b.example'], comander: 'x' };
    expect(faultsOf({ ...valid, mode: 'auto', contacts }).map(({ path }) => path)).toEqual(['contacts.comander']);
    expect(faultsOf(changed(['network', 'dynamoDBEndpoint'], 'exists')).map(({ path }) => path)).toEqual([
      'network.dynamoDBEndpoint',
    ]);
  });

  it('is told when a high-risk runbook would follow mode auto without a line of its own', () => {
    const all = [...manifests, highRisk];
    expect(faultsOf({ ...valid, mode: 'auto' }, all)).toEqual([
      { path: 'runbooks.fail-over-region.mode', given: undefined, expected: expect.stringMatching(/high risk/) },
    ]);
    expect(faultsOf({ ...valid, mode: 'auto', runbooks: { 'fail-over-region': { mode: 'auto' } } }, all)).toEqual([]);
    expect(faultsOf({ ...valid, mode: 'observe' }, all)).toEqual([]);
  });

  it('is not told of a high-risk runbook for which there is nothing to protect', () => {
    const forDatabases: RemediationManifest = { ...highRisk, targetKind: 'rds-instance' };
    const {
      databases: _databases,
      network: _network,
      ...rest
    } = changed(['services', 'backend', 'dependsOn'], []) as typeof valid;
    expect(faultsOf({ ...rest, mode: 'auto' }, [...manifests, forDatabases])).toEqual([]);
    expect(faultsOf({ ...valid, mode: 'auto' }, [...manifests, forDatabases])).toHaveLength(1);
  });

  it('hides no other: faults of form and between fields are told together', () => {
    const input = {
      ...valid,
      regoin: 'x',
      standbyRegion: 'eu-west-1',
      mode: 'automatic',
      services: {
        backend: {
          cluster: 'orders',
          minTasks: 5,
          maxTasks: 2,
          cpuAbovePercent: 'high',
          dependsOn: ['nothing-like-it'],
        },
      },
      databases: { 'orders-db': { ...valid.databases['orders-db'], host: 7, releaseToShare: 0.9 } },
      runbooks: { unheard: {} },
    };
    expect(
      faultsOf(input)
        .map((fault) => fault.path)
        .sort(),
    ).toEqual([
      'databases.orders-db.host',
      'databases.orders-db.releaseToShare',
      'mode',
      'regoin',
      'runbooks.unheard',
      'services.backend.cpuAbovePercent',
      'services.backend.dependsOn[0]',
      'services.backend.maxTasks',
      'standbyRegion',
    ]);
  });

  it('is written with path, value given and what is allowed, under the name of the file', () => {
    expect(() => parseConfig(changed(['services', 'backend', 'maxTasks'], 1), manifests, 'my.config.ts')).toThrow(
      'my.config.ts: 1 fault\n  services.backend.maxTasks: 1; allowed is at least minTasks (2)',
    );
  });

  it.each([undefined, null, 7, 'text', [], () => {}])('is told for %p instead of a configuration', (input) => {
    expect(faultsOf(input).length).toBeGreaterThan(0);
  });
});
