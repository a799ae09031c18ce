/** Whether a service is well, what of its configuration is put back, and the way back of a roll-back. Pure. */
import { type Missing, type PastDeployment, primaryOf, type RunningService, shortName } from '../../ecs/types.ts';
import type { ServiceConfig } from '../../engine/config.ts';
import type { Change } from '../../engine/remediation.ts';
import { type DefinitionSeen, whyUnfit } from '../../remediations/roll-back-deployment/decide.ts';
import { quarantined } from '../../remediations/roll-back-deployment/quarantine.ts';
import type { Health } from '../remediation-step.ts';
import { DEPLOYMENT_BEGINS } from '../rolling.ts';
import type { ServiceSeen } from '../service-health.ts';
import type { StepDecision, StepProof } from '../step.ts';

const POLL_SECONDS = 5;

/** As a service is configured: of what is told of it, the part that a change is about. */
export interface Configured {
  /** Absent where it stays: auto scaling may move it meanwhile. */
  readonly desired?: number;
  /** ARN; absent where it stays. */
  readonly taskDefinition?: string;
}

/** What the newest backup of the configuration from before the trouble has, and whether it may be gone back to. */
export type BackedUp =
  | { readonly kind: 'none'; readonly why: string }
  | { readonly kind: 'unfit'; readonly taskDefinition: string; readonly why: string }
  | { readonly kind: 'fit'; readonly taskDefinition: string; readonly folder: string };

/** So many tasks that failed one after another say that a deployment won't get complete by itself (ECS event SERVICE_TASK_START_IMPAIRED). */
const HOPELESS_AFTER = 3;

/**
 * Its number of tasks is brought up to its least, never down: a sick service needs what it has. Its task definition goes back to the one that a backup has, if it was steady with it; the rest of its
 * configuration is left to `restore-configuration`, which a person starts.
 */
export function decideRestore(
  { service }: Pick<ServiceSeen, 'service'>,
  { name, minTasks, maxTasks }: ServiceConfig,
  health: Health,
  backedUp: BackedUp,
): StepDecision {
  const leftOut = (detail: string): StepDecision => ({ kind: 'done', detail: `left out: ${detail}` });
  if (health.isUntold) return { kind: 'wait', seconds: POLL_SECONDS, detail: health.detail };
  if (health.healthy) return { kind: 'done', detail: `left out, nothing to do: ${health.detail}` };
  if (service.kind === 'missing') return { kind: 'fail', reason: service.why };
  const { desired, controller, rollsBackByItself } = service;
  if (controller !== 'ECS') return leftOut(`its deployments are controlled by ${controller}`);
  const primary = primaryOf(service);
  const isUnderWay = service.deployments.length > 1 || primary?.rolloutState === 'IN_PROGRESS';
  const isHopeless = !rollsBackByItself && (primary?.failedTasks ?? 0) >= HOPELESS_AFTER;
  const wanted = Math.max(desired, minTasks);
  const isMore = wanted !== desired;
  const present = primary?.taskDefinition;
  const back = backedUp.kind === 'fit' && present && backedUp.taskDefinition !== present ? backedUp : undefined;
  if (isUnderWay && !(isHopeless && back)) return leftOut('a deployment of it is under way');
  if (!isMore && !back) {
    const tasks =
      desired > maxTasks
        ? `${desired} tasks are more than maxTasks (${maxTasks}), which are not taken from a sick service`
        : `${desired} tasks are within its limits`;
    return leftOut(`${tasks}; ${ofBackup(backedUp)}`);
  }
  const said = [
    ...(isMore ? [`the number of tasks of ${name} from ${desired} to ${wanted}`] : []),
    ...(back
      ? [
          `the task definition of ${name} from ${shortName(present ?? '')} to ${shortName(back.taskDefinition)}, as in ${back.folder}`,
        ]
      : []),
  ].join(', and ');
  const before = { ...(isMore && { desired }), ...(back && present && { taskDefinition: present }) };
  return {
    kind: 'act',
    change: {
      summary: `set ${said}`,
      before,
      after: { ...(isMore && { desired: wanted }), ...(back && { taskDefinition: back.taskDefinition }) },
      ...(back && { echoes: DEPLOYMENT_BEGINS }),
      undo: `set ${name} to ${told(before)}`,
    },
  };
}

function ofBackup(backedUp: BackedUp): string {
  if (backedUp.kind === 'none') return backedUp.why;
  const name = shortName(backedUp.taskDefinition);
  return backedUp.kind === 'fit'
    ? `it runs ${name}, as in ${backedUp.folder}`
    : `not put back: ${name}, ${backedUp.why}`;
}

/** What is seen of the revision that a backup has. */
export interface Candidate {
  readonly folder: string;
  readonly taskDefinition: string;
  /** Of the service, newest first. */
  readonly history: readonly PastDeployment[];
  readonly definitions: Readonly<Record<string, DefinitionSeen>>;
}

/** Only what was steady before, isn't in quarantine and can't have become something else meanwhile: the rules of `roll-back-deployment`. */
export function judgeBackedUp(service: RunningService, target: ServiceConfig, candidate: Candidate): BackedUp {
  const { folder, taskDefinition, history, definitions } = candidate;
  const current = primaryOf(service)?.taskDefinition ?? '';
  if (current === taskDefinition) return { kind: 'fit', taskDefinition, folder };
  const unfit = (why: string): BackedUp => ({ kind: 'unfit', taskDefinition, why });
  const steady = history.find((past) => past.taskDefinition === taskDefinition && past.status === 'SUCCESSFUL');
  if (!steady) return unfit(`which ${folder} has: ECS doesn't know that it was ever steady with it`);
  if (steady.digests.some((digest) => quarantined(service.tags).includes(digest)))
    return unfit(`which ${folder} has: its image was rolled back before`);
  const why = whyUnfit({ definitions }, target, steady, taskDefinition, current);
  return why === undefined ? { kind: 'fit', taskDefinition, folder } : unfit(`which ${folder} has: ${why}`);
}

export type Side = 'before' | 'after';
export const configuredIn = (change: Pick<Change, Side>, side: Side): Configured =>
  change[side] as unknown as Configured;

export const told = ({ desired, taskDefinition }: Configured): string =>
  [
    ...(desired === undefined ? [] : [`${desired} tasks`]),
    ...(taskDefinition === undefined ? [] : [shortName(taskDefinition)]),
  ].join(' of ');

/** Whether it is configured like that, as far as a change is about it. */
export const isConfigured = (service: RunningService, { desired, taskDefinition }: Configured): boolean =>
  (desired === undefined || service.desired === desired) &&
  (taskDefinition === undefined || primaryOf(service)?.taskDefinition === taskDefinition);

export function restoreApplied(change: Change, { service }: Pick<ServiceSeen, 'service'>): 'yes' | 'no' | 'unclear' {
  if (service.kind === 'missing') return 'unclear';
  if (isConfigured(service, configuredIn(change, 'after'))) return 'yes';
  return isConfigured(service, configuredIn(change, 'before')) ? 'no' : 'unclear';
}

export function proveRestore({ healthy, isUntold = false, detail }: Health): StepProof {
  return healthy && !isUntold ? { kind: 'good', detail } : { kind: 'not-yet', detail, seconds: POLL_SECONDS };
}

/** Back only from what the run itself set: what somebody else set since is left alone, such as a number of tasks that auto scaling moved. */
export function decideRestoreBack({ service }: Pick<ServiceSeen, 'service'>, made: Change | undefined): StepDecision {
  if (!made) return { kind: 'done', detail: 'nothing was changed' };
  if (service.kind === 'missing') return { kind: 'fail', reason: service.why };
  const ours = (side: Side): Configured => {
    const { desired, taskDefinition } = configuredIn(made, side);
    const hasMoved = taskDefinition !== undefined && service.desired !== configuredIn(made, 'after').desired;
    return hasMoved || desired === undefined ? { ...(taskDefinition && { taskDefinition }) } : configuredIn(made, side);
  };
  const [from, to] = [ours('after'), ours('before')];
  if (isConfigured(service, to)) return { kind: 'done', detail: `it has ${told(to)}` };
  if (!isConfigured(service, from)) {
    const taskDefinition = to.taskDefinition === undefined ? undefined : primaryOf(service)?.taskDefinition;
    const desired = to.desired === undefined ? undefined : service.desired;
    const found = told({
      ...(desired !== undefined && { desired }),
      ...(taskDefinition !== undefined && { taskDefinition }),
    });
    return { kind: 'fail', reason: `it has ${found}, not the ${told(from)} that was set` };
  }
  return {
    kind: 'act',
    change: {
      summary: `set it back from ${told(from)} to ${told(to)}`,
      before: { ...from },
      after: { ...to },
      undo: `set it to ${told(from)}`,
      ...(to.taskDefinition !== undefined && { echoes: DEPLOYMENT_BEGINS }),
    },
  };
}

export const restoredBack = (change: Change, { service }: Pick<ServiceSeen, 'service'>): StepProof =>
  service.kind === 'service' && isConfigured(service, configuredIn(change, 'after'))
    ? { kind: 'good', detail: `${told(configuredIn(change, 'after'))} is wanted again` }
    : { kind: 'not-yet', detail: 'it is not set back yet', seconds: POLL_SECONDS };

/** Not before it is told of the time since the run's last change. */
export function prove({ healthy, isUntold = false, detail }: Health): StepDecision {
  if (!healthy || isUntold) return { kind: 'wait', seconds: POLL_SECONDS, detail };
  return { kind: 'done', detail };
}

/** What a roll-back wrote down. */
interface Rolled {
  readonly taskDefinition: string;
}
const rolled = (change: Pick<Change, 'before' | 'after'>, side: 'before' | 'after'): string =>
  (change[side] as unknown as Rolled).taskDefinition;

/** The way back of a roll-back. The quarantine stays: the images were not proved good by it. */
export function decideRollForward(service: Missing | RunningService, made: Change | undefined): StepDecision {
  if (!made) return { kind: 'done', detail: 'nothing was rolled back' };
  if (service.kind === 'missing') return { kind: 'fail', reason: service.why };
  const primary = primaryOf(service);
  const [before, after] = [rolled(made, 'before'), rolled(made, 'after')];
  if (primary?.taskDefinition === before) return { kind: 'done', detail: `it runs ${shortName(before)}` };
  if (primary?.taskDefinition !== after)
    return {
      kind: 'fail',
      reason: `it runs ${shortName(primary?.taskDefinition ?? 'nothing')}, which neither step set`,
    };
  return {
    kind: 'act',
    change: {
      summary: `set the task definition back from ${shortName(after)} to ${shortName(before)}`,
      before: { taskDefinition: after, deploymentId: primary.id },
      after: { taskDefinition: before },
      undo: `set the task definition to ${shortName(after)}`,
      echoes: DEPLOYMENT_BEGINS,
    },
  };
}

/** That the service is steady with it isn't asked: it wasn't before. */
export function rolledForward(change: Change, service: Missing | RunningService): StepProof {
  const wanted = rolled(change, 'after');
  const runs = service.kind === 'service' && primaryOf(service)?.taskDefinition === wanted;
  return runs
    ? { kind: 'good', detail: `it is to run ${shortName(wanted)} again` }
    : { kind: 'not-yet', detail: 'its task definition is not back yet', seconds: POLL_SECONDS };
}
