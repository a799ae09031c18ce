/** What would keep idle connections from being released: the login's slot and rights, and what the configuration says of the server. Pure. */
import { loginFindings, noConnectionFinding } from '../../databases/login.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import type { Finding } from '../../engine/remediation.ts';
import type { Observation } from './decide.ts';

export function examine(target: DatabaseConfig, observation: Observation): readonly Finding[] {
  if (observation.kind === 'no-connection') return [noConnectionFinding(target, observation)];
  const { reading } = observation;
  const { user } = target;
  return loginFindings(target, [
    [
      !reading.reservedSlot,
      `login ${user} has no reserved slot (reserved_connections is ${reading.reservedConnections}): it can't get in when every connection is taken`,
      `set the parameter reserved_connections above 0 and grant pg_use_reserved_connections to ${user} (PostgreSQL 16 and later)`,
    ],
    [!reading.canReadStats, `login ${user} can't see other sessions' states`, `grant pg_read_all_stats to ${user}`],
    [!reading.canSignal, `login ${user} may not end sessions`, `grant pg_signal_backend to ${user}`],
    [
      reading.maxConnections !== target.maxConnections,
      `max_connections is ${reading.maxConnections}, the configuration says ${target.maxConnections}`,
      `set maxConnections to ${reading.maxConnections}: the alarm's threshold is made of it`,
    ],
    [
      reading.rdsProxy && target.pooler !== 'rds-proxy',
      'RDS Proxy owns sessions here, the configuration does not say so',
      "set pooler to 'rds-proxy'",
    ],
  ]);
}
