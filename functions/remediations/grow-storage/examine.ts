/** What would keep a database's storage from growing. Pure. */
import type { DatabaseConfig } from '../../engine/config.ts';
import type { Finding } from '../../engine/remediation.ts';
import type { Observation } from './decide.ts';

export function examine({ name, maxStorageGib }: DatabaseConfig, observation: Observation): readonly Finding[] {
  if (observation.kind === 'missing')
    return [{ verdict: 'wrong', what: observation.why, todo: `create it, or take ${name} out of the configuration` }];
  const { storageGib, autoscalingUpToGib } = observation;
  if (autoscalingUpToGib !== undefined)
    return [{ verdict: 'ok', what: `it has ${storageGib} GiB, RDS grows it up to ${autoscalingUpToGib}` }];
  if (maxStorageGib < Math.ceil(storageGib * 1.1))
    return [
      {
        verdict: 'wrong',
        what: `it has ${storageGib} GiB and maxStorageGib is ${maxStorageGib}: there is no room to grow`,
        todo: "set maxStorageGib to at least a tenth more, or turn RDS's storage autoscaling on",
      },
    ];
  return [{ verdict: 'ok', what: `it has ${storageGib} GiB and may have ${maxStorageGib}` }];
}
