/** What would keep tables from being vacuumed. Pure. */
import { loginFindings, noConnectionFinding } from '../../databases/login.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import type { Finding } from '../../engine/remediation.ts';
import { nameOf, type Observation } from './decide.ts';

export function examine(target: DatabaseConfig, observation: Observation): readonly Finding[] {
  if (observation.kind === 'no-connection') return [noConnectionFinding(target, observation)];
  const { due, mayMaintain } = observation.reading;
  const tooLarge = due.find(({ mib }) => mib !== null && mib > target.vacuumTablesUpToMib);
  return loginFindings(target, [
    [
      !mayMaintain,
      `login ${target.user} may not vacuum other users' tables`,
      `grant pg_maintain to ${target.user} (PostgreSQL 17 and later; MAINTENANCE_GRANTS in functions/databases/sql.ts)`,
    ],
    [
      tooLarge !== undefined,
      `${tooLarge && nameOf(tooLarge)} is due and larger than vacuumTablesUpToMib (${target.vacuumTablesUpToMib})`,
      'vacuum it by hand, or let autovacuum come earlier by the table’s autovacuum_vacuum_scale_factor',
    ],
  ]);
}
