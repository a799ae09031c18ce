/** What would keep a service from being scaled out. Pure. */
import type { ServiceConfig } from '../../engine/config.ts';
import type { Finding } from '../../engine/remediation.ts';
import type { Observation } from './decide.ts';

export function examine(target: ServiceConfig, observation: Observation): readonly Finding[] {
  const where = `cluster "${target.cluster}" and service "${target.service}"`;
  if (observation.kind === 'missing')
    return [{ verdict: 'wrong', what: observation.why, todo: `create it, or correct ${where} in the configuration` }];
  const { desired, running, scalableTarget } = observation;
  const findings: Finding[] = [{ verdict: 'ok', what: `exists, ${running} of ${desired} tasks are running` }];
  if (desired >= target.maxTasks)
    findings.push({
      verdict: 'wrong',
      what: `${desired} tasks are wanted and maxTasks is ${target.maxTasks}: there is no room to scale out`,
      todo: 'raise maxTasks in the configuration',
    });
  if (scalableTarget && scalableTarget.max < target.maxTasks)
    findings.push({
      verdict: 'wrong',
      what: `its scalable target ends at ${scalableTarget.max} tasks, maxTasks is ${target.maxTasks}`,
      todo: "set maxTasks to the scalable target's maximum, or raise that",
    });
  return findings;
}
