/** Whether all tasks of a service can be replaced now, a few at a time, so that it goes on serving. Pure. */
import type { RuntimeConfig, ServiceConfig } from '../engine/config.ts';
import type { Decision } from '../engine/remediation.ts';
import { type Deployment, primaryOf, type RunningService } from './types.ts';

const RECHECK_SECONDS = 60;

/** The deployment that would be replaced, or what is decided instead. */
export type MayRoll =
  | { readonly kind: 'yes'; readonly primary: Deployment }
  | { readonly kind: 'no'; readonly decision: Decision };

/**
 * @param verb what isn't done to the target where its tasks can't be replaced: `restarted`.
 * @param missing whether tasks that don't run are waited for, or are the trouble itself.
 */
export function mayRoll(
  service: RunningService,
  target: ServiceConfig,
  config: Pick<RuntimeConfig, 'handsOffSeconds'>,
  verb: string,
  missing: 'wait' | 'go-on' = 'wait',
): MayRoll {
  const no = (decision: Decision): MayRoll => ({ kind: 'no', decision });
  const handsOff = (detail: string): MayRoll =>
    no({ kind: 'hold', reason: 'hands-off', detail, recheckAfterSeconds: config.handsOffSeconds });
  if (service.controller !== 'ECS') return handsOff(`its deployments belong to ${service.controller}`);
  if (service.desired === 0) return handsOff('it is scaled to zero tasks: somebody switched it off');
  const primary = primaryOf(service);
  if (!primary) return no({ kind: 'escalate', reason: `${target.name} has no deployment` });
  const busy = underWay(service, missing);
  if (busy) return no({ kind: 'hold', reason: 'change-under-way', detail: busy, recheckAfterSeconds: RECHECK_SECONDS });
  const wouldStop = tooFewLeft(service);
  if (wouldStop) return no({ kind: 'escalate', reason: `${target.name} isn't ${verb}: ${wouldStop}` });
  return { kind: 'yes', primary };
}

function underWay({ deployments, desired, running }: RunningService, missing: 'wait' | 'go-on'): string | undefined {
  if (deployments.length > 1 || deployments.some(({ rolloutState }) => rolloutState === 'IN_PROGRESS'))
    return 'a deployment is under way';
  if (running < desired && missing === 'wait')
    return `${running} of ${desired} tasks are running, the others are starting`;
  return undefined;
}

/** ECS keeps between the two limits while it replaces tasks: the lower is rounded up, the upper down (API page "DeploymentConfiguration"). */
function tooFewLeft({ desired, minimumHealthyPercent, maximumPercent }: RunningService): string | undefined {
  const lower = Math.ceil((desired * minimumHealthyPercent) / 100);
  const upper = Math.floor((desired * maximumPercent) / 100);
  if (lower === 0) return `with minimumHealthyPercent ${minimumHealthyPercent} all its tasks could be gone at once`;
  if (lower >= desired && upper <= desired)
    return `with minimumHealthyPercent ${minimumHealthyPercent} and maximumPercent ${maximumPercent} there is no room for a new task beside ${desired}`;
  return undefined;
}
