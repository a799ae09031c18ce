/**
 * DB parameter groups, as far as PostgreSQL's settings matter here. AWS: "Working with parameters on your RDS for PostgreSQL DB instance" and
 * "DB parameter groups" (a static parameter takes effect at the next reboot, a dynamic one at once).
 * Unlike AWS, the defaults are small numbers, not formulas over the instance's memory, so that a demonstration reaches its limits.
 */
import type { Settings } from '../../postgres/server.ts';
import { AwsFault } from '../../world/types.ts';

export interface Parameter {
  readonly name: string;
  readonly defaultValue: string;
  readonly applyType: 'static' | 'dynamic';
  readonly dataType: 'integer' | 'boolean';
  readonly min: number;
  readonly max: number;
  readonly description: string;
}

const integer = (
  name: string,
  defaultValue: string,
  applyType: 'static' | 'dynamic',
  [min, max]: readonly [number, number],
  description: string,
): Parameter => ({ name, defaultValue, applyType, dataType: 'integer', min, max, description });

/** Every parameter the local world knows; others are refused rather than ignored. */
export const PARAMETERS: readonly Parameter[] = [
  integer('max_connections', '60', 'static', [6, 8388607], 'Sets the maximum number of concurrent connections.'),
  integer(
    'superuser_reserved_connections',
    '3',
    'static',
    [0, 8388607],
    'Sets the number of connection slots reserved for superusers.',
  ),
  integer(
    'reserved_connections',
    '0',
    'static',
    [0, 8388607],
    'Sets the number of connection slots reserved for roles with privileges of pg_use_reserved_connections.',
  ),
  integer(
    'idle_in_transaction_session_timeout',
    '86400000',
    'dynamic',
    [0, 2147483647],
    '(ms) Sets the maximum allowed idle time between queries, when in a transaction.',
  ),
  integer(
    'idle_session_timeout',
    '0',
    'dynamic',
    [0, 2147483647],
    '(ms) Sets the maximum allowed idle time between queries, when not in a transaction.',
  ),
  integer(
    'statement_timeout',
    '0',
    'dynamic',
    [0, 2147483647],
    '(ms) Sets the maximum allowed duration of any statement.',
  ),
  {
    name: 'rds.force_ssl',
    defaultValue: '1',
    applyType: 'dynamic',
    dataType: 'boolean',
    min: 0,
    max: 1,
    description: 'Force SSL connections.',
  },
];

export interface ParameterGroup {
  readonly name: string;
  readonly region: string;
  readonly family: string;
  readonly description: string;
  /** Values that differ from the default. */
  readonly values: Map<string, string>;
}

/** What a local server always runs with: it must start fast, share two cores, and need not survive a power cut (setting `fsync`). */
const LOCAL_SETTINGS: Settings = {
  fsync: false,
  full_page_writes: false,
  synchronous_commit: false,
  shared_buffers: '16MB',
  max_wal_size: '64MB',
  min_wal_size: '4MB',
  io_method: 'sync',
  jit: false,
  max_parallel_workers_per_gather: 0,
  autovacuum_naptime: '60s',
  // RDS loads it unless a parameter group says otherwise; a database has its views once somebody creates the extension there.
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.max': 500,
};

/** The server's settings for a group; `overrides` (such as `fsync`) come from whoever set up the world. */
export function settingsOf(group: ParameterGroup, overrides: Settings): Settings {
  const fromGroup = PARAMETERS.filter(({ name }) => !name.startsWith('rds.')).map(({ name, defaultValue }) => [
    name,
    group.values.get(name) ?? defaultValue,
  ]);
  return { ...LOCAL_SETTINGS, ...overrides, ...Object.fromEntries(fromGroup) };
}

/** A parameter's value in a group. */
export function valueIn(group: ParameterGroup, name: string): string {
  return group.values.get(name) ?? parameter(name).defaultValue;
}

/** @throws AwsFault InvalidParameterValue when the local world doesn't know the parameter. */
export function parameter(name: string): Parameter {
  const found = PARAMETERS.find((candidate) => candidate.name === name);
  if (found) return found;
  const known = PARAMETERS.map((candidate) => candidate.name).join(', ');
  throw new AwsFault(
    'InvalidParameterValue',
    `Could not find parameter with name: ${name} (the local world has: ${known})`,
  );
}

/** Checks one modification. @throws AwsFault as AWS: out of range, or `immediate` for a static parameter. */
export function checkModification(name: string, value: string, applyMethod: string): Parameter {
  const known = parameter(name);
  const number = Number(value);
  if (!Number.isInteger(number) || number < known.min || number > known.max)
    throw new AwsFault(
      'InvalidParameterValue',
      `Value: ${value} is outside of range: ${known.min}-${known.max} for parameter: ${name}`,
    );
  if (known.applyType === 'static' && applyMethod === 'immediate')
    throw new AwsFault(
      'InvalidParameterCombination',
      `cannot use immediate apply method for static parameter: ${name}`,
    );
  return known;
}
