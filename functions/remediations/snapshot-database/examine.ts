/** What would keep a snapshot from being taken. Pure. */
import type { DatabaseConfig } from '../../engine/config.ts';
import type { Finding } from '../../engine/remediation.ts';
import type { Observation } from './decide.ts';

/** So many should be free: one for each thing that may go wrong before somebody looks. */
const LEAST_FREE = 10;

export function examine({ name }: DatabaseConfig, observation: Observation): readonly Finding[] {
  if (observation.kind === 'missing')
    return [{ verdict: 'wrong', what: observation.why, todo: `create it, or take ${name} out of the configuration` }];
  const { used, max } = observation.quota;
  const what = `the account has ${used} of ${max} manual snapshots in this region`;
  if (max - used >= LEAST_FREE) return [{ verdict: 'ok', what }];
  return [{ verdict: 'wrong', what, todo: 'delete old ones, or have the quota raised (Service Quotas, Amazon RDS)' }];
}
