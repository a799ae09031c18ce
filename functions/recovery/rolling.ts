/** Rolling the services that depend on a database, and what their secret's versions say: for plans that point services elsewhere by a secret. Pure. */
import { primaryOf } from '../ecs/types.ts';
import type { ServiceConfig } from '../engine/config.ts';
import type { Change } from '../engine/remediation.ts';
import { healthSince, type ServiceSeen } from './service-health.ts';
import type { StepDecision, StepProof } from './step.ts';

export interface SeenService {
  readonly target: ServiceConfig;
  readonly seen: ServiceSeen;
}

const POLL_SECONDS = 5;

export const nameOf = ({ cluster, service }: Pick<ServiceConfig, 'cluster' | 'service'>): string =>
  `${cluster}/${service}`;

/** Why a service can't be rolled, a sentence each. */
export const unrollable = (services: readonly SeenService[]): string[] =>
  services.flatMap(({ target, seen: { service } }) => {
    if (service.kind === 'missing') return [service.why];
    return service.controller === 'ECS'
      ? []
      : [`${nameOf(target)}: its deployments are controlled by ${service.controller}, so it can't be rolled`];
  });

/** Those with tasks: what isn't running reads the secret when it starts. */
const running = (services: readonly SeenService[]): SeenService[] =>
  services.filter(({ seen: { service } }) => service.kind === 'service' && service.desired > 0);

/** The present deployment of each, by name. */
export const deploymentsOf = (services: readonly SeenService[]): Record<string, string> =>
  Object.fromEntries(
    running(services).map(({ target, seen: { service } }) => [
      nameOf(target),
      (service.kind === 'service' && primaryOf(service)?.id) || '',
    ]),
  );

/** What a roll wrote down: the deployments that are to be replaced. */
export const rolledFrom = ({ before }: Pick<Change, 'before'>): Readonly<Record<string, string>> =>
  (before as { deployments: Record<string, string> }).deployments;

/** Of every change that makes ECS begin a deployment. */
export const DEPLOYMENT_BEGINS = [{ source: 'ecs-deployment', what: 'SERVICE_DEPLOYMENT_IN_PROGRESS' }] as const;

export function decideRoll(services: readonly SeenService[]): StepDecision {
  const [wrong] = unrollable(services);
  if (wrong !== undefined) return { kind: 'fail', reason: wrong };
  const busy = running(services).find(({ seen: { service } }) => isRolling(service));
  if (busy)
    return { kind: 'wait', seconds: POLL_SECONDS, detail: `a deployment of ${nameOf(busy.target)} is under way` };
  const deployments = deploymentsOf(services);
  const names = Object.keys(deployments).join(', ');
  if (names === '') return { kind: 'done', detail: 'none of the services has tasks' };
  return {
    kind: 'act',
    change: {
      summary: `replace the tasks of ${names}`,
      before: { deployments },
      after: { deployments: 'new ones' },
      undo: 'the same again, once the secret is put back',
      echoes: DEPLOYMENT_BEGINS,
    },
  };
}

const isRolling = (service: ServiceSeen['service']): boolean =>
  service.kind === 'service' && (service.deployments.length > 1 || primaryOf(service)?.rolloutState === 'IN_PROGRESS');

/** Names of the services that still have the deployment that is to be replaced. */
export const unrolled = (from: Readonly<Record<string, string>>, services: readonly SeenService[]): string[] => {
  const present = deploymentsOf(services);
  return Object.entries(from).flatMap(([name, id]) => (present[name] === id ? [name] : []));
};

export const rollApplied = (change: Pick<Change, 'before'>, services: readonly SeenService[]): 'yes' | 'no' =>
  unrolled(rolledFrom(change), services).length === 0 ? 'yes' : 'no';

export function proveRoll(change: Pick<Change, 'before'>, services: readonly SeenService[]): StepProof {
  const from = rolledFrom(change);
  const old = unrolled(from, services);
  if (old.length > 0)
    return { kind: 'not-yet', detail: `no new deployment of ${old.join(', ')} is to be seen`, seconds: POLL_SECONDS };
  for (const { target, seen } of services.filter(({ target }) => nameOf(target) in from)) {
    const { service } = seen;
    const primary = service.kind === 'service' ? primaryOf(service) : undefined;
    if (primary?.rolloutState === 'FAILED')
      return { kind: 'bad', detail: `the deployment of ${nameOf(target)} failed: ${primary.reason}` };
    if (service.kind === 'missing') return { kind: 'bad', detail: service.why };
    if (isRolling(service) || service.running !== service.desired)
      return {
        kind: 'not-yet',
        detail: `${nameOf(target)}: ${service.running} of ${service.desired} tasks, and its deployment is ${primary?.rolloutState}`,
        seconds: POLL_SECONDS,
      };
  }
  return { kind: 'good', detail: `${Object.keys(from).join(', ')} run new tasks` };
}

/** All of them well, judged by what is told of the time since the last change. */
export function proveServices(
  services: readonly SeenService[],
  since: { readonly lastChangeAt: number; readonly now: number; readonly periodSeconds: number },
): StepDecision {
  const looks = running(services).map(({ target, seen }) => ({ target, health: healthSince(seen, target, since) }));
  const sick = looks.find(({ health }) => !health.healthy || health.isUntold);
  if (sick) return { kind: 'wait', seconds: POLL_SECONDS, detail: `${nameOf(sick.target)}: ${sick.health.detail}` };
  const detail = looks.map(({ target, health }) => `${nameOf(target)}: ${health.detail}`).join('; ');
  return { kind: 'done', detail: detail || 'none of the services has tasks' };
}

/** The versions of the secret, as far as the switch looks at them. */
export interface Versions {
  /** Id of the one with the label AWSCURRENT. */
  readonly current: string | undefined;
  /** The one that this run makes exists. */
  readonly isMade: boolean;
  /** Secrets Manager rotates the secret itself. */
  readonly rotatesItself?: boolean | undefined;
  /** When the secret was last changed in any way, its labels too (epoch milliseconds). */
  readonly changedAt?: number | undefined;
}

export interface SwitchSeen {
  readonly versions: Versions;
  readonly services: readonly SeenService[];
  /** Why services can't be pointed at the new instance, if they can't. */
  readonly unfit?: { readonly passing: boolean; readonly why: string } | undefined;
}

const versionOf = (change: Pick<Change, 'before' | 'after'>, side: 'before' | 'after'): string =>
  (change[side] as { version: string }).version;

/** @param own id of the version that this run makes. @param to what it points the services at, in words. */
export function decideSwitch({ versions: { current }, unfit }: SwitchSeen, own: string, to: string): StepDecision {
  if (unfit?.passing) return { kind: 'wait', seconds: POLL_SECONDS, detail: unfit.why };
  if (unfit) return { kind: 'fail', reason: unfit.why };
  if (current === undefined) return { kind: 'fail', reason: 'the secret has no current version' };
  return {
    kind: 'act',
    change: {
      summary: `point the services at ${to}`,
      before: { version: current },
      after: { version: own },
      undo: `make the version ${current} of the secret the current one`,
    },
  };
}

export function switchApplied(change: Change, { versions: { current } }: SwitchSeen): 'yes' | 'no' | 'unclear' {
  if (current === versionOf(change, 'after')) return 'yes';
  return current === versionOf(change, 'before') ? 'no' : 'unclear';
}

export const proveSwitch = (change: Change, seen: SwitchSeen): StepProof =>
  switchApplied(change, seen) === 'yes'
    ? { kind: 'good', detail: 'the version of this run is the current one of the secret' }
    : { kind: 'bad', detail: 'somebody made another version of the secret the current one' };

/** Only from what the run itself made current: what somebody else did since is left alone. Where a person moved the label back, tasks still use what they read before. */
export function decideSwitchBack(
  { versions: { current, isMade }, services }: SwitchSeen,
  made: Change | undefined,
): StepDecision {
  if (!made) return { kind: 'done', detail: 'nothing was switched' };
  const [earlier, own] = [versionOf(made, 'before'), versionOf(made, 'after')];
  if (current === earlier && !isMade)
    return { kind: 'done', detail: 'the secret is as this run found it: it pointed nobody elsewhere' };
  if (current !== own && current !== earlier)
    return { kind: 'fail', reason: 'the current version of the secret is one that this run neither found nor made' };
  return {
    kind: 'act',
    change: {
      summary: 'make the earlier version of the secret the current one again, and replace the tasks of the services',
      before: { version: own, deployments: deploymentsOf(services) },
      after: { version: earlier },
      undo: `make the version ${own} of the secret the current one`,
      echoes: DEPLOYMENT_BEGINS,
    },
  };
}

/**
 * Names of the services whose tasks may have read the run's own version: with a deployment that was there when the way back was written down, or one that began
 * before the label came back. `LastChangedDate` ("DescribeSecret") is never earlier than that.
 */
export const toReplace = (
  change: Pick<Change, 'before'>,
  { versions: { changedAt = 0 }, services }: SwitchSeen,
): string[] => {
  const early = running(services).filter(
    ({ seen: { service } }) => service.kind === 'service' && (primaryOf(service)?.createdAtMs ?? 0) < changedAt,
  );
  return [...new Set([...unrolled(rolledFrom(change), services), ...early.map(({ target }) => nameOf(target))])];
};

export function switchBackApplied(change: Change, seen: SwitchSeen): 'yes' | 'no' | 'unclear' {
  const applied = switchApplied(change, seen);
  return applied === 'yes' && toReplace(change, seen).length > 0 ? 'no' : applied;
}

export function proveSwitchBack(change: Change, seen: SwitchSeen): StepProof {
  if (switchApplied(change, seen) !== 'yes')
    return { kind: 'bad', detail: 'somebody made another version of the secret the current one' };
  return proveRoll(change, seen.services);
}

export const versionsOf = (change: Pick<Change, 'before' | 'after'>) => ({
  from: versionOf(change, 'before'),
  to: versionOf(change, 'after'),
});
