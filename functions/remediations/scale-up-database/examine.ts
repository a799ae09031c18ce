/** What would keep a database from getting a larger class. Pure. */
import type { DatabaseConfig } from '../../engine/config.ts';
import type { Finding } from '../../engine/remediation.ts';
import type { Observation } from './decide.ts';

export function examine({ name, instanceClasses }: DatabaseConfig, observation: Observation): readonly Finding[] {
  if (observation.kind === 'missing')
    return [{ verdict: 'wrong', what: observation.why, todo: `create it, or take ${name} out of the configuration` }];
  const { instanceClass } = observation;
  if (instanceClasses.length === 0)
    return [
      { verdict: 'ok', what: `it is a ${instanceClass}; its class is never changed (instanceClasses isn't set)` },
    ];
  const at = instanceClasses.findIndex((each) => each.name === instanceClass);
  const next = instanceClasses[at + 1]?.name;
  if (at < 0 || next === undefined)
    return [
      {
        verdict: 'wrong',
        what: `it is a ${instanceClass}, ${at < 0 ? "which isn't one of" : 'the largest of'} its instanceClasses`,
        todo: 'let instanceClasses hold its class and a larger one behind it',
      },
    ];
  return [{ verdict: 'ok', what: `it is a ${instanceClass} and may become a ${next}` }];
}
