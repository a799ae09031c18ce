/** What would keep a database from failing over. Pure. */
import type { DatabaseConfig } from '../../engine/config.ts';
import type { Finding } from '../../engine/remediation.ts';
import type { Observation } from './decide.ts';

export function examine({ name }: DatabaseConfig, observation: Observation): readonly Finding[] {
  if (observation.kind === 'missing')
    return [{ verdict: 'wrong', what: observation.why, todo: `create it, or take ${name} out of the configuration` }];
  const { cluster, multiAz, zone, secondaryZone } = observation;
  if (cluster)
    return [
      {
        verdict: 'wrong',
        what: `it is a member of cluster ${cluster}, which fails over as a whole`,
        todo: "set the runbook fail-over-database to 'off' here; Aurora fails over by itself",
      },
    ];
  // A choice, not a fault: what the runbook does then is call a person.
  if (!multiAz)
    return [
      { verdict: 'ok', what: `it is in ${zone} alone: with nothing to fail over to, a person is called instead` },
    ];
  return [
    { verdict: 'ok', what: `it is in ${zone}, its standby in ${secondaryZone ?? 'a zone that RDS does not name yet'}` },
  ];
}
