/** What the projections amount to. Pure. */
import type { Instance } from '../../databases/instance.ts';
import type { CapacityChecks, DatabaseConfig, ServiceConfig } from '../../engine/config.ts';
import type { Finding } from '../findings.ts';
import { type Days, type Projection, projectionOf, type Rule } from './projection.ts';

export interface DatabaseDays {
  /** Percent. */
  readonly cpu: Days;
  /** Bytes. */
  readonly freeMemory: Days;
  readonly connections: Days;
  /** Bytes. */
  readonly freeStorage: Days;
}

export interface ServiceDays {
  /** Percent of what its tasks have. */
  readonly cpu: Days;
  readonly memory: Days;
}

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
/** Of the storage that an instance has: it is never grown by less than 10 % ("ModifyDBInstance", Amazon RDS API Reference, AllocatedStorage). */
const FALL_SHARE = 0.05;

interface Resource extends Rule {
  readonly check: string;
  readonly days: Days;
  /** How a value is written, with its unit. */
  show(value: number): string;
}

const percent = (value: number): string => `${value.toFixed(1)} %`;

/**
 * Memory of the sizes that have little ("Hardware specifications for DB instance classes", Amazon RDS User Guide: db.t3 and db.t4g). All others have 8 GiB or more.
 */
const SMALL_GIB: Readonly<Record<string, number>> = { micro: 1, small: 2, medium: 4 };
/** A figure that fits large classes is reached on small ones in ordinary times. */
const LEAST_MEMORY_SHARE = 0.05;

/** How little may be free: what is configured, and no more than a share of what a small class has. @param instanceClass such as `db.t4g.micro`. */
function memoryFloorMib(instanceClass: string, { memoryFreeMib }: CapacityChecks): number {
  const gib = SMALL_GIB[instanceClass.split('.').at(-1) ?? ''];
  return gib === undefined ? memoryFreeMib : Math.min(memoryFreeMib, LEAST_MEMORY_SHARE * gib * 1024);
}

/** @param instance its class and storage as they are now. */
export function ofDatabase(
  { name, maxConnections, connectionsAboveShare }: DatabaseConfig,
  seen: DatabaseDays,
  { instanceClass, storageGib }: Pick<Instance, 'instanceClass' | 'storageGib'>,
  limits: CapacityChecks,
): Finding[] {
  const gib = (value: number) => `${value.toFixed(1)} of ${storageGib} GiB`;
  return findings(name, limits, [
    {
      ...{ check: 'storage', level: 'newest', show: gib, fallAbove: FALL_SHARE * storageGib },
      days: seen.freeStorage.map((free) => (free === undefined ? undefined : storageGib - free / GIB)),
      limit: (storageGib * limits.storagePercent) / 100,
    },
    { check: 'cpu', level: 'busiest', show: percent, days: seen.cpu, limit: limits.cpuPercent },
    {
      ...{ check: 'memory', level: 'busiest', show: (value: number) => `${(-value).toFixed(0)} MiB free` },
      days: seen.freeMemory.map((free) => (free === undefined ? undefined : -free / MIB)),
      limit: -memoryFloorMib(instanceClass, limits),
    },
    {
      ...{ check: 'connections', level: 'busiest', show: (value: number) => `${value.toFixed(0)} connections` },
      days: seen.connections,
      limit: maxConnections * connectionsAboveShare,
    },
  ]);
}

export const ofService = (
  { name, cpuAbovePercent, memoryAbovePercent }: ServiceConfig,
  seen: ServiceDays,
  limits: CapacityChecks,
): Finding[] =>
  findings(name, limits, [
    { check: 'cpu', level: 'busiest', show: percent, days: seen.cpu, limit: cpuAbovePercent },
    { check: 'memory', level: 'busiest', show: percent, days: seen.memory, limit: memoryAbovePercent },
  ]);

const findings = (subject: string, { withinDays }: CapacityChecks, resources: readonly Resource[]): Finding[] =>
  resources.map((resource) => {
    const projection = projectionOf(resource.days, resource);
    return {
      ...{ check: resource.check, subject, result: resultOf(projection, withinDays), says: says(resource, projection) },
      ...(projection.kind === 'grows' && { daysLeft: Math.floor(projection.daysLeft) }),
    };
  });

function resultOf(projection: Projection, withinDays: number): Finding['result'] {
  switch (projection.kind) {
    case 'reached':
      return 'failed';
    case 'grows':
      return projection.daysLeft < withinDays ? 'failed' : 'passed';
    // A young database, or a service that runs in office hours only, isn't in trouble: it is told with what is known. Whether it runs at all, check-health asks.
    case 'unknown':
    case 'too-little':
    case 'steady':
      return 'passed';
    default:
      return projection satisfies never;
  }
}

function says({ check, limit, show }: Resource, projection: Projection): string {
  if (projection.kind === 'unknown')
    return `${check}: CloudWatch tells of too few hours of the last days (12 make a day) for an outlook`;
  const now = `${check}: ${show(projection.now)}`;
  switch (projection.kind) {
    case 'reached':
      return `${now}, and ${show(limit)} is as far as it may go`;
    case 'too-little':
      return `${now}; ${projection.days} days are told of, too few for a projection`;
    case 'steady':
      return `${now}, and it does not grow`;
    case 'grows':
      return `${now}; at ${show(limit)} in ${Math.floor(projection.daysLeft)} days, if it goes on as in the last weeks`;
    default:
      return projection satisfies never;
  }
}
