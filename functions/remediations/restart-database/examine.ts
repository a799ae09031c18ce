/** What would keep a database from being restarted. Pure. */
import type { DatabaseConfig } from '../../engine/config.ts';
import type { Finding } from '../../engine/remediation.ts';
import type { Observation } from './decide.ts';

export function examine({ name }: DatabaseConfig, observation: Observation): readonly Finding[] {
  if (observation.kind === 'missing')
    return [{ verdict: 'wrong', what: observation.why, todo: `create it, or take ${name} out of the configuration` }];
  if (observation.cluster)
    return [
      {
        verdict: 'wrong',
        what: `it is a member of cluster ${observation.cluster}`,
        todo: 'restart members of a cluster by hand, readers first',
      },
    ];
  if (observation.parametersPending)
    return [
      {
        verdict: 'wrong',
        what: 'parameter changes wait for a restart, so it is not restarted without being asked',
        todo: 'restart it in a maintenance window, or take the changes back',
      },
    ];
  return [{ verdict: 'ok', what: `it is ${observation.status}, nothing waits for a restart` }];
}
