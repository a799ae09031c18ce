/** Hosted zones, records and health checks as Amazon Route 53 keeps them (data types of the Amazon Route 53 API Reference, as far as they are modelled). */

export interface AliasTarget {
  readonly zoneId: string;
  readonly dnsName: string;
  readonly evaluateTargetHealth: boolean;
}

/** ResourceRecordSet. Exactly one of `values` (with `ttlSeconds`) and `alias` says what is answered. */
export interface RecordSet {
  /** Lower case, with the dot at its end. */
  readonly name: string;
  readonly type: string;
  readonly ttlSeconds?: number;
  readonly values: readonly string[];
  readonly alias?: AliasTarget;
  /** Tells records of one name and type apart that have a routing policy. */
  readonly setIdentifier?: string;
  readonly weight?: number;
  readonly failover?: 'PRIMARY' | 'SECONDARY';
  readonly healthCheckId?: string;
}

export interface Zone {
  readonly id: string;
  /** Lower case, with the dot at its end. */
  readonly name: string;
  records: readonly RecordSet[];
}

/** HealthCheckConfig. */
export interface HealthCheckConfig {
  readonly type: 'HTTP' | 'HTTPS';
  readonly ipAddress?: string;
  readonly port: number;
  readonly resourcePath: string;
  /** Resolved by DNS before every check when there is no `ipAddress`. */
  readonly domainName?: string;
  readonly inverted: boolean;
  readonly disabled: boolean;
  /** Checks in a row that change a checker's mind. */
  readonly failureThreshold: number;
}

/** What one checker saw last. */
export interface CheckerReport {
  readonly region: string;
  readonly healthy: boolean;
  readonly status: string;
  readonly checkedAt: Date;
}

export interface HealthCheck {
  readonly id: string;
  readonly callerReference: string;
  /** Counts changes: `HealthCheckVersion`, which UpdateHealthCheck can compare. */
  version: number;
  config: HealthCheckConfig;
  /** By region; empty until they have checked. */
  readonly reports: Map<string, CheckerReport>;
}

export interface Route53State {
  readonly zones: Map<string, Zone>;
  readonly healthChecks: Map<string, HealthCheck>;
  /** Ids of changes, with when they are INSYNC (epoch milliseconds). */
  readonly changes: Map<string, { readonly submittedAt: Date; readonly inSyncAt: number }>;
}

/** Names compare without case and with the dot at their end ("DNS domain name format"). */
export const canonical = (name: string): string => `${name.toLowerCase().replace(/\.$/, '')}.`;

/**
 * "How Amazon Route 53 determines whether a health check is healthy": healthy when more than 18 % of its checkers say so; before any has checked, and
 * while it is disabled, it counts as healthy. Inverted is the opposite of that.
 */
export function isHealthy({ config, reports }: Pick<HealthCheck, 'config' | 'reports'>): boolean {
  if (config.disabled || reports.size === 0) return !config.inverted;
  const good = [...reports.values()].filter(({ healthy }) => healthy).length;
  return good / reports.size > 0.18 !== config.inverted;
}
