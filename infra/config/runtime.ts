/** What functions are given: the configuration without what only deployment needs. */
import type {
  CertificateConfig,
  DatabaseConfig,
  EndpointConfig,
  PairConfig,
  RunbookLimits,
  RuntimeConfig,
  ServiceConfig,
} from '../../functions/engine/config.ts';
import type { RemediationManifest, TargetKind } from '../../functions/engine/manifest.ts';
import type { Ladder } from '../../functions/engine/runbook.ts';
import type { Window } from '../../functions/engine/windows.ts';
import { RUNBOOKS } from '../../runbooks/index.ts';
import { configurationBackupOf } from './configuration-backup.ts';
import { drillsConfigOf } from './drills.ts';
import { escalationOf } from './escalation.ts';
import { reportsConfigOf } from './reports.ts';
import type { DeploymentConfig } from './schema.ts';

/** Remediations that have something to protect; the others aren't deployed. */
export function deployedManifests<M extends Pick<RemediationManifest, 'targetKind' | 'startsPlan'>>(
  config: DeploymentConfig,
  manifests: readonly M[],
): M[] {
  const protectedKinds: Record<TargetKind, boolean> = {
    'ecs-service': Object.keys(config.services).length > 0,
    'aws-health': config.awsHealth,
    // Not a remediation that a configuration asks for.
    canary: false,
    'rds-instance': Object.keys(config.databases).length > 0,
    'db-snapshot': Object.values(config.databases).some(({ backup }) => backup?.copy !== undefined),
    'dns-endpoint': Object.keys(config.endpoints).length > 0,
    certificate: Object.keys(config.certificates).length > 0,
  };
  return manifests.filter(
    ({ targetKind, startsPlan }) =>
      protectedKinds[targetKind] && (startsPlan === undefined || config.plansByAlarm.includes(startsPlan)),
  );
}

/** The shape that `functions/engine/config.ts` reads from a function's asset. */
export function runtimeConfigOf(config: DeploymentConfig, manifests: readonly RemediationManifest[]): RuntimeConfig {
  const { name, region, standbyRegion, fleet, storm } = config;
  return {
    version: 1,
    name,
    region,
    standbyRegion,
    services: mapValues(config.services, (service, key): ServiceConfig => {
      const { cluster, minTasks, maxTasks, cpuAbovePercent, memoryAbovePercent, cpuBelowPercent } = service;
      const {
        stabiliseForSeconds,
        rollBackWithinSeconds,
        taskUnhealthyForSeconds,
        maxTaskCpuUnits,
        maxTaskMemoryMib,
        taskRoles,
        dependsOn,
        connectionsPerTask,
        balancedBy,
        severity,
      } = service;
      const limits = {
        minTasks,
        maxTasks,
        cpuAbovePercent,
        memoryAbovePercent,
        cpuBelowPercent,
        idleForSeconds: service.idleForSeconds,
        stabiliseForSeconds,
        rollBackWithinSeconds,
        taskUnhealthyForSeconds,
        maxTaskCpuUnits,
        maxTaskMemoryMib,
      };
      return {
        name: key,
        cluster,
        service: service.service ?? key,
        ...limits,
        taskRoles,
        dependsOn,
        connectionsPerTask,
        ...(balancedBy && { balancedBy }),
        severity,
      };
    }),
    databases: mapValues(config.databases, (database, key): DatabaseConfig => {
      const { resourceId, securityGroupId, createAlarms, connectionsForSeconds, ...rest } = database;
      const { storageFreeBelowGib, memoryFreeBelowMib, cpuAbovePercent, ...others } = rest;
      const { writeLatencyAboveSeconds, resourcesForSeconds, transactionIdsAbove, ...more } = others;
      const { replicaLagAboveSeconds, loadAbovePerVcpu, pageForDeadlocks, ...kept } = more;
      return { name: key, ...kept };
    }),
    endpoints: mapValues(config.endpoints, (endpoint, key): EndpointConfig => {
      const { createAlarms, unhealthyForSeconds, ...kept } = endpoint;
      return { name: key, ...kept };
    }),
    certificates: mapValues(
      config.certificates,
      ({ createAlarms, importFrom, ...kept }, key): CertificateConfig => ({
        ...{ name: key, ...kept },
        ...(importFrom && { importFrom: { secretArn: importFrom.secretArn } }),
      }),
    ),
    ...(Object.keys(config.pairs).length > 0 && {
      pairs: mapValues(config.pairs, (pair, key): PairConfig => ({ name: key, ...pair })),
    }),
    runbooks: Object.fromEntries(
      deployedManifests(config, manifests).map((manifest) => [manifest.name, limitsOf(manifest, config)]),
    ),
    ladders: laddersOf(config, manifests),
    fleet: {
      changesPerHour: fleet.changesPerHour,
      removalsPerHour: fleet.removalsPerHour,
      describesPerSecond: fleet.describesPerSecond,
    },
    storm: { targets: storm.targets, withinSeconds: storm.withinSeconds },
    people: mapValues(config.people, ({ identities }) => ({ identities })),
    approvals: { validForSeconds: config.approvals.validForSeconds },
    windows: config.windows.map((window) => windowOf(window, config)),
    escalation: escalationOf(config.escalation),
    ...(config.checks && { checks: config.checks }),
    ...(config.reports && { reports: reportsConfigOf(config) }),
    ...(Object.keys(config.drills).length > 0 && { drills: drillsConfigOf(config.drills) }),
    ...(config.configurationBackup && { configurationBackup: configurationBackupOf(config) }),
    firstEvaluationHoldSeconds: config.firstEvaluationHoldSeconds,
    handsOffSeconds: config.handsOffSeconds,
    staleAfterSeconds: config.staleAfterSeconds,
    reconcileEverySeconds: config.reconcileEverySeconds,
    verifyWithinSeconds: config.verifyWithinSeconds,
    alarmPeriodSeconds: config.alarmPeriodSeconds,
    metricPeriodSeconds: config.metricPeriodSeconds,
  };
}

/** Ladders as far as their remediations are deployed; one that is `off` is no rung, unless nothing else would be left to refuse the signal. */
function laddersOf(config: DeploymentConfig, manifests: readonly RemediationManifest[]): Record<string, Ladder> {
  const deployed = deployedManifests(config, manifests);
  const isDeployed = (name: string) => deployed.some((manifest) => manifest.name === name);
  const isOff = (name: string) => (config.runbooks[name]?.mode ?? config.mode) === 'off';
  return Object.fromEntries(
    RUNBOOKS.flatMap(({ name, startedBy, severity, guards, ...runbook }) => {
      const rungs = runbook.rungs.filter(isDeployed);
      const on = rungs.filter((rung) => !isOff(rung));
      return rungs.length > 0 ? [[name, { rungs: on.length > 0 ? on : rungs, startedBy, severity, guards }]] : [];
    }),
  );
}

function windowOf(
  { for: names, repeats: _repeats, ...window }: DeploymentConfig['windows'][number],
  config: DeploymentConfig,
): Window {
  if (!names) return window;
  return { ...window, targets: names.map((name) => targetKeyOf(name, config)) };
}

/** How the engine names the target behind a key of `services`, `databases`, `endpoints` or `certificates`. */
function targetKeyOf(name: string, { services, endpoints, certificates }: DeploymentConfig): string {
  const service = services[name];
  if (Object.hasOwn(endpoints, name)) return `dns-endpoint/${name}`;
  if (Object.hasOwn(certificates, name)) return `certificate/${name}`;
  return service ? `ecs-service/${service.cluster}/${service.service ?? name}` : `rds-instance/${name}`;
}

function limitsOf(manifest: RemediationManifest, config: DeploymentConfig): RunbookLimits {
  const own = config.runbooks[manifest.name];
  const { cooldownSeconds, perTargetPerHour, perRunbookPerHour, verifyWithinSeconds = 0 } = manifest.defaults;
  const within = own?.verifyWithinSeconds ?? Math.max(verifyWithinSeconds, config.verifyWithinSeconds);
  return {
    ...(within !== config.verifyWithinSeconds && { verifyWithinSeconds: within }),
    mode: own?.mode ?? config.mode,
    cooldownSeconds: own?.cooldownSeconds ?? cooldownSeconds,
    perTargetPerHour: own?.perTargetPerHour ?? perTargetPerHour,
    perRunbookPerHour: own?.perRunbookPerHour ?? perRunbookPerHour,
  };
}

/** Sorted by key, so that the same configuration always gives the same asset. */
function mapValues<T, U>(record: Readonly<Record<string, T>>, map: (value: T, key: string) => U): Record<string, U> {
  return Object.fromEntries(
    Object.entries(record)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => [key, map(value, key)]),
  );
}
