/** What would keep long statements from being ended. Pure. */
import { loginFindings, noConnectionFinding } from '../../databases/login.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import type { Finding } from '../../engine/remediation.ts';
import type { Observation } from './decide.ts';

export function examine(target: DatabaseConfig, observation: Observation): readonly Finding[] {
  if (observation.kind === 'no-connection') return [noConnectionFinding(target, observation)];
  const { canSignal, canReadStats } = observation.reading;
  const { user } = target;
  return loginFindings(target, [
    [!canReadStats, `login ${user} can't see other sessions' statements`, `grant pg_read_all_stats to ${user}`],
    [!canSignal, `login ${user} may not end statements`, `grant pg_signal_backend to ${user}`],
  ]);
}
