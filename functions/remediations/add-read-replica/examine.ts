/** What would keep a database from getting a read replica. Pure. */
import type { DatabaseConfig } from '../../engine/config.ts';
import type { Finding } from '../../engine/remediation.ts';
import { namesFor, type Observation } from './decide.ts';

export function examine(target: DatabaseConfig, observation: Observation): readonly Finding[] {
  const { name, maxReadReplicas } = target;
  if (observation.kind === 'missing')
    return [{ verdict: 'wrong', what: observation.why, todo: `create it, or take ${name} out of the configuration` }];
  const { replicas, backupDays } = observation;
  const has = `it has ${replicas.length} read replicas`;
  if (maxReadReplicas === 0) return [{ verdict: 'ok', what: `${has}; none is ever added (maxReadReplicas isn't set)` }];
  if (backupDays === 0)
    return [{ verdict: 'wrong', what: 'it has no automated backups', todo: 'set its backup retention above 0' }];
  if (namesFor(target).length === 0)
    return [
      { verdict: 'wrong', what: 'its name is too long for names of read replicas', todo: 'set maxReadReplicas to 0' },
    ];
  return [{ verdict: 'ok', what: `${has} and may have ${maxReadReplicas}` }];
}
