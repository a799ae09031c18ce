/** What would keep long statements from being ended. Pure. */
import type { DatabaseConfig } from '../../engine/config.ts';
import type { Finding } from '../../engine/remediation.ts';
import type { Observation } from './decide.ts';

export function examine({ user }: DatabaseConfig, observation: Observation): readonly Finding[] {
  if (observation.kind === 'no-connection')
    return [
      {
        verdict: observation.failure === 'auth' || observation.failure === 'no-slot' ? 'wrong' : 'unknown',
        what: observation.why,
        todo: 'see what doctor says of release-idle-connections, which uses the same login',
      },
    ];
  const { canSignal, canReadStats } = observation.reading;
  const wrong: [boolean, string, string][] = [
    [!canReadStats, `login ${user} can't see other sessions' statements`, `grant pg_read_all_stats to ${user}`],
    [!canSignal, `login ${user} may not end statements`, `grant pg_signal_backend to ${user}`],
  ];
  const findings = wrong.filter(([is]) => is).map(([, what, todo]): Finding => ({ verdict: 'wrong', what, todo }));
  return [{ verdict: 'ok', what: `login ${user} gets in` }, ...findings];
}
