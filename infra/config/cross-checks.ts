/**
 * Faults that concern several fields. They are looked for in whatever could be read, so that a fault of form elsewhere
 * doesn't hide them.
 */

import type { RemediationManifest } from '../../functions/engine/manifest.ts';
import { MOST_TARGETS } from '../../functions/recovery/plan.ts';
import { archiveFaults } from './archive.ts';
import { certificateFaults } from './certificates.ts';
import { standbyFaults } from './checks.ts';
import { drillFaults } from './drills.ts';
import { endpointFaults } from './endpoints.ts';
import { calledChannels, escalationFaults } from './escalation.ts';
import { asGiven, type Fault, unknownName } from './faults.ts';
import { jobFaults } from './jobs.ts';
import { type LooseNotifications, notificationFaults } from './notifications.ts';
import { pairFaults } from './pairs.ts';
import { peopleFaults } from './people.ts';
import { reportFaults } from './reports.ts';
import type { DeploymentConfig } from './schema.ts';

type Loose<T> = { readonly [K in keyof T]?: T[K] | undefined };
/** A configuration of which any field may be unreadable. */
export type LooseConfig = Omit<
  Loose<DeploymentConfig>,
  'services' | 'databases' | 'endpoints' | 'certificates' | 'pairs' | 'runbooks' | 'channels'
> & {
  readonly services: Readonly<Record<string, Loose<DeploymentConfig['services'][string]>>>;
  readonly databases: Readonly<Record<string, Loose<DeploymentConfig['databases'][string]>>>;
  readonly endpoints: Readonly<Record<string, Loose<DeploymentConfig['endpoints'][string]>>>;
  readonly certificates: Readonly<Record<string, Loose<DeploymentConfig['certificates'][string]>>>;
  readonly pairs: Readonly<Record<string, Loose<DeploymentConfig['pairs'][string]>>>;
  /** There are others, or more of them, than could be read. */
  readonly hasUnreadPairs?: boolean;
  readonly runbooks: Readonly<Record<string, Loose<DeploymentConfig['runbooks'][string]>>>;
  readonly channels: LooseNotifications['channels'];
};

type Manifest = Pick<RemediationManifest, 'name' | 'risk' | 'defaults' | 'targetKind' | 'approval' | 'startsPlan'>;

/** Every cross-field fault of what could be read. `manifests`: the remediations that exist; `jobs`: the names of the scheduled jobs. */
export function crossFieldFaults(
  config: LooseConfig,
  manifests: readonly Manifest[],
  jobs: readonly string[],
): Fault[] {
  return [
    ...regionFaults(config),
    ...Object.entries(config.services).flatMap(([key, service]) => serviceFaults(key, service, config)),
    ...duplicateServiceFaults(config),
    ...Object.entries(config.databases).flatMap(([key, database]) => databaseFaults(key, database)),
    ...endpointFaults(config.endpoints, config.region),
    ...certificateFaults(config.certificates, config.region),
    ...networkFaults(config),
    ...runbookFaults(config, manifests),
    ...planByAlarmFaults(config, manifests),
    ...alarmFaults(config),
    ...requestAlarmFaults(config),
    ...windowFaults(config),
    ...contactFaults(config, manifests),
    ...peopleFaults(config, manifests),
    ...jobFaults(config, jobs),
    ...standbyFaults(config),
    ...reportFaults(config),
    ...planFaults(config),
    ...drillFaults(config),
    ...pairFaults(config),
    ...archiveFaults(config),
    ...escalationFaults(config.escalation, Object.keys(config.channels)),
    ...notificationFaults({
      ...config,
      routing: config.routing ?? [],
      targets: targetsOf(config),
      called: [...calledChannels(config.escalation), ...(config.reports?.channels ?? [])],
    }),
  ];
}

const fault = (path: string, given: unknown, expected: string): Fault => ({ path, given: asGiven(given), expected });

function regionFaults({ region, standbyRegion }: LooseConfig): Fault[] {
  if (region === undefined || region !== standbyRegion) return [];
  return [
    fault('standbyRegion', standbyRegion, `must differ from region ('${region}'): it takes over when that is lost`),
  ];
}

/** A rung would start nothing of a plan that isn't deployed, and no ladder has a rung for most plans. */
function planByAlarmFaults({ plans = [], plansByAlarm = [] }: LooseConfig, manifests: readonly Manifest[]): Fault[] {
  const started = manifests.flatMap(({ startsPlan }) => startsPlan ?? []);
  const allowed = plans.filter((plan) => started.includes(plan));
  return plansByAlarm.flatMap((plan, index) =>
    allowed.includes(plan)
      ? []
      : [
          fault(
            `plansByAlarm[${index}]`,
            plan,
            `one of \`plans\` that a ladder may start (${started.join(', ')}): ${unknownName(plan, allowed)}`,
          ),
        ],
  );
}

/** A plan that could only refuse would be found out in the outage. */
function planFaults({ plans = [], databases, services }: LooseConfig): Fault[] {
  const needs = { 'database-restore': 'restore', 'data-corruption': 'restore', 'secret-rotation': 'rotation' } as const;
  return Object.entries(needs).flatMap(([plan, field]) => {
    const at = plans.indexOf(plan);
    if (at < 0) return [];
    const prepared = Object.entries(databases).filter(([, database]) => database[field]);
    if (prepared.length === 0)
      return [fault(`plans[${at}]`, plan, `needs databases.<name>.${field}, of at least one database`)];
    // The database itself is a target, too.
    return prepared.flatMap(([name]) => {
      const depending = Object.values(services).filter(({ dependsOn = [] }) => dependsOn.includes(name)).length;
      if (depending < MOST_TARGETS) return [];
      const allowed = `allowed are at most ${MOST_TARGETS - 1} services that depend on ${name}: a run of ${plan} takes no more in hand`;
      return [fault(`databases.${name}.${field}`, `${depending} services`, allowed)];
    });
  });
}

function serviceFaults(key: string, service: LooseConfig['services'][string], config: LooseConfig): Fault[] {
  const at = `services.${key}`;
  const faults: Fault[] = [];
  const { minTasks, maxTasks } = service;
  if (minTasks !== undefined && maxTasks !== undefined && maxTasks < minTasks)
    faults.push(fault(`${at}.maxTasks`, maxTasks, `allowed is at least minTasks (${minTasks})`));
  for (const [index, database] of (service.dependsOn ?? []).entries())
    if (!Object.hasOwn(config.databases, database))
      faults.push(
        fault(
          `${at}.dependsOn[${index}]`,
          database,
          `as a database: ${unknownName(database, Object.keys(config.databases))}`,
        ),
      );
  const { cpuBelowPercent = 0, cpuAbovePercent, containerInsights } = service;
  if (cpuBelowPercent > 0 && containerInsights === false)
    faults.push(
      fault(`${at}.cpuBelowPercent`, cpuBelowPercent, 'needs containerInsights: true, which counts its tasks'),
    );
  if (cpuAbovePercent !== undefined && cpuBelowPercent > FAR_ENOUGH * cpuAbovePercent)
    faults.push(
      fault(
        `${at}.cpuBelowPercent`,
        cpuBelowPercent,
        `allowed is at most ${FAR_ENOUGH} of cpuAbovePercent (${cpuAbovePercent}), or it would be scaled in and out in turns`,
      ),
    );
  return faults;
}

/** Scaled in, a service may be at `cpuBelowPercent`: so far below the alarm that scales it out that the two don't take turns. */
const FAR_ENOUGH = 0.75;

function duplicateServiceFaults(config: LooseConfig): Fault[] {
  const first = new Map<string, string>();
  return Object.entries(config.services).flatMap(([key, service]) => {
    if (service.cluster === undefined) return [];
    const target = `${service.cluster}/${service.service ?? key}`;
    const earlier = first.get(target);
    if (earlier === undefined) {
      first.set(target, key);
      return [];
    }
    return [
      fault(`services.${key}`, target, `already protected as services.${earlier}; one entry for each ECS service`),
    ];
  });
}

function databaseFaults(key: string, database: LooseConfig['databases'][string]): Fault[] {
  const { connectionsAboveShare, releaseToShare, restore, backup } = database;
  const classes = (database.instanceClasses ?? []).map(({ name }) => name);
  const unproved =
    restore && !backup?.verify
      ? [
          fault(
            `databases.${key}.restore`,
            'an object',
            'needs backup.verify: what is restored is checked by what is configured there',
          ),
        ]
      : [];
  const twice = classes.flatMap((name, at) =>
    classes.indexOf(name) === at
      ? []
      : [fault(`databases.${key}.instanceClasses[${at}].name`, name, 'listed before: each class has one place')],
  );
  if (connectionsAboveShare === undefined || releaseToShare === undefined || releaseToShare < connectionsAboveShare)
    return [...unproved, ...twice];
  const expected = `allowed is less than connectionsAboveShare (${connectionsAboveShare}), or the alarm would stay`;
  return [...unproved, ...twice, fault(`databases.${key}.releaseToShare`, releaseToShare, expected)];
}

function networkFaults(config: LooseConfig): Fault[] {
  const databases = Object.keys(config.databases);
  if (databases.length === 0 || config.network !== undefined) return [];
  return [
    fault(
      'network',
      undefined,
      `needed to reach ${databases.join(', ')}: vpcId, subnetIds, routeTableIds, dynamoDbPrefixListId`,
    ),
  ];
}

function runbookFaults(config: LooseConfig, manifests: readonly Manifest[]): Fault[] {
  const known = manifests.map((manifest) => manifest.name);
  const unknown = Object.keys(config.runbooks)
    .filter((name) => !known.includes(name))
    .map((name) => fault(`runbooks.${name}`, config.runbooks[name], unknownName(name, known)));
  const isDeployed = {
    'ecs-service': Object.keys(config.services).length > 0,
    'rds-instance': Object.keys(config.databases).length > 0,
    'db-snapshot': Object.values(config.databases).some(({ backup }) => backup?.copy !== undefined),
    'dns-endpoint': Object.keys(config.endpoints).length > 0,
    certificate: Object.keys(config.certificates).length > 0,
    'aws-health': config.awsHealth,
    canary: false,
  };
  const unmarked = manifests
    .filter(({ targetKind }) => isDeployed[targetKind])
    .filter(({ startsPlan }) => startsPlan === undefined || (config.plansByAlarm ?? []).includes(startsPlan))
    .filter(({ name, risk }) => risk === 'high' && config.mode === 'auto' && config.runbooks[name]?.mode === undefined)
    .map(({ name }) =>
      fault(
        `runbooks.${name}.mode`,
        undefined,
        "high risk never follows mode 'auto' by itself: write its mode on its own line",
      ),
    );
  return [...unknown, ...unmarked, ...cooldownFaults(config, manifests)];
}

/** Before two periods have passed, the alarm can't show what a change did: the next one would be made on old figures. */
function cooldownFaults(config: LooseConfig, manifests: readonly Manifest[]): Fault[] {
  const least = 2 * (config.alarmPeriodSeconds ?? 0);
  return manifests.flatMap(({ name, defaults }) => {
    const cooldown = config.runbooks[name]?.cooldownSeconds ?? defaults.cooldownSeconds;
    if (cooldown >= least) return [];
    const expected = `allowed is at least two alarm periods (${least}), for before that the alarm can't show what a change did`;
    return [fault(`runbooks.${name}.cooldownSeconds`, cooldown, expected)];
  });
}

/** Keys of what is protected, as incidents name it. */
const targetsOf = ({ services, databases, endpoints, certificates }: LooseConfig): string[] => [
  ...Object.entries(services).map(([key, { cluster, service }]) => `ecs-service/${cluster}/${service ?? key}`),
  ...Object.keys(databases).map((key) => `rds-instance/${key}`),
  ...Object.keys(endpoints).map((key) => `dns-endpoint/${key}`),
  ...Object.keys(certificates).map((key) => `certificate/${key}`),
];

/** What acts by itself must be able to call somebody: every page and every backstop alarm goes to these addresses. */
function contactFaults(config: LooseConfig, manifests: readonly Manifest[]): Fault[] {
  if (config.contacts === undefined || config.contacts.pageEmails.length > 0) return [];
  const inMode = (mode: string) =>
    manifests.filter(({ name }) => (config.runbooks[name]?.mode ?? config.mode) === mode);
  const asking = inMode('approve').map(({ name }) => name);
  if (asking.length > 0) {
    const asks = `at least one address while ${asking.join(', ')} ${asking.length === 1 ? 'asks' : 'ask'} somebody (mode approve)`;
    return [fault('contacts.pageEmails', [], asks)];
  }
  const auto = inMode('auto').map(({ name }) => name);
  if (auto.length === 0) return [];
  const expected = `at least one address while ${auto.join(', ')} ${auto.length === 1 ? 'acts' : 'act'} by itself (mode auto)`;
  return [fault('contacts.pageEmails', [], expected)];
}

function windowFaults(config: LooseConfig): Fault[] {
  const kinds = [config.services, config.databases, config.endpoints, config.certificates];
  const known = kinds.flatMap(Object.keys);
  return (config.windows ?? []).flatMap((window, index) => {
    const at = `windows[${index}]`;
    const unknown = (window.for ?? []).flatMap((name, position) =>
      known.includes(name)
        ? []
        : [
            fault(
              `${at}.for[${position}]`,
              name,
              `as a service, database, endpoint or certificate: ${unknownName(name, known)}`,
            ),
          ],
    );
    const backwards =
      'begins' in window && Date.parse(window.ends) <= Date.parse(window.begins)
        ? [fault(`${at}.ends`, window.ends, `allowed is after begins (${window.begins})`)]
        : [];
    const ambiguous = (window.for ?? []).flatMap((name, position) =>
      kinds.filter((kind) => Object.hasOwn(kind, name)).length > 1
        ? [fault(`${at}.for[${position}]`, name, 'names two things of different kinds: give one of them another key')]
        : [],
    );
    return [...unknown, ...backwards, ...ambiguous];
  });
}

/** "PutMetricAlarm", Amazon CloudWatch API Reference: Period is 10, 20, 30 or a multiple of 60; at most a day below an hour's period. */
function alarmFaults(config: LooseConfig): Fault[] {
  const period = config.alarmPeriodSeconds;
  if (period === undefined) return [];
  if (![10, 20, 30].includes(period) && (period <= 0 || period % 60 !== 0))
    return [fault('alarmPeriodSeconds', period, 'allowed is 10, 20, 30 or a multiple of 60')];
  const longest = period < 3600 ? 86_400 : 604_800;
  const afterwards = (config.verifyWithinSeconds ?? 0) + (config.backstopMarginSeconds ?? 0);
  return evaluations(config).flatMap(({ path, forSeconds }) => {
    if (forSeconds % period !== 0)
      return [fault(path, forSeconds, `allowed is a multiple of alarmPeriodSeconds (${period})`)];
    const backstop = forSeconds + afterwards;
    return backstop <= longest
      ? []
      : [
          fault(
            path,
            forSeconds,
            `with verifyWithinSeconds and backstopMarginSeconds ${backstop} s; CloudWatch allows ${longest} s`,
          ),
        ];
  });
}

/** Without its load balancer nothing tells of a service's requests: alarms that are asked for and never made would look like protection. */
const requestAlarmFaults = ({ services }: LooseConfig): Fault[] =>
  Object.entries(services).flatMap(([key, { requestAlarms, balancedBy }]) =>
    requestAlarms && !balancedBy
      ? [fault(`services.${key}.requestAlarms`, requestAlarms, 'needs balancedBy: the load balancer and target group')]
      : [],
  );

const BALANCED = ['errorsForSeconds', 'latencyForSeconds', 'unhealthyForSeconds'] as const;

function evaluations(config: LooseConfig): { path: string; forSeconds: number }[] {
  const services = Object.entries(config.services).flatMap(([key, service]) => [
    { path: `services.${key}.cpuForSeconds`, forSeconds: service.cpuForSeconds },
    { path: `services.${key}.memoryForSeconds`, forSeconds: service.memoryForSeconds },
    ...(service.containerInsights
      ? [
          { path: `services.${key}.tasksForSeconds`, forSeconds: service.tasksForSeconds },
          ...(service.cpuBelowPercent
            ? [{ path: `services.${key}.idleForSeconds`, forSeconds: service.idleForSeconds }]
            : []),
        ]
      : []),
    ...BALANCED.map((field) => ({
      path: `services.${key}.requestAlarms.${field}`,
      forSeconds: service.requestAlarms?.[field],
    })),
  ]);
  const databases = Object.entries(config.databases).flatMap(([key, database]) =>
    (['connectionsForSeconds', 'resourcesForSeconds'] as const).map((field) => ({
      path: `databases.${key}.${field}`,
      forSeconds: database[field],
    })),
  );
  const endpoints = Object.entries(config.endpoints).map(([key, endpoint]) => ({
    path: `endpoints.${key}.unhealthyForSeconds`,
    forSeconds: endpoint.unhealthyForSeconds,
  }));
  return [...services, ...databases, ...endpoints].flatMap(({ path, forSeconds }) =>
    forSeconds === undefined ? [] : [{ path, forSeconds }],
  );
}
