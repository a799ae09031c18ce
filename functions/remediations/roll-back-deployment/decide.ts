/** Whether a service is put back to what was steady before its last deployment. Pure. */

import { ageSecondsOf, rolloutOfCurrent } from '../../ecs/release.ts';
import {
  type Missing,
  type PastDeployment,
  primaryOf,
  type RunningService,
  shortName,
  stackOf,
} from '../../ecs/types.ts';
import type { ServiceConfig } from '../../engine/config.ts';
import type { Change, DecideInput, Decision, Verification } from '../../engine/remediation.ts';
import { quarantined, quarantineOf } from './quarantine.ts';

export interface TaskEnd {
  readonly deploymentId: string;
  readonly stoppedAtMs: number;
}

/** What rolling back needs to know of a task definition. */
export interface DefinitionSeen {
  readonly active: boolean;
  /** Value of its tag `nightshift:schema`: which schema of its databases it was made for. */
  readonly schema?: string;
}

export type Observation =
  | Missing
  | (RunningService & {
      /** Newest first. */
      readonly history: readonly PastDeployment[];
      /** Of the present task definition and of the one to go back to, by ARN. */
      readonly definitions: Readonly<Record<string, DefinitionSeen>>;
      /** Tasks that ended by themselves after they had run. */
      readonly ended: readonly TaskEnd[];
    });
type Seen = Exclude<Observation, Missing>;

/** The state that the change is made of. */
export interface Rollout {
  readonly taskDefinition: string;
  readonly deploymentId?: string;
  /** Value of the quarantine's tag. */
  readonly quarantine?: string;
}
export const rolloutOf = (change: Pick<Change, 'before' | 'after'>, side: 'before' | 'after'): Rollout =>
  change[side] as unknown as Rollout;

const RECHECK_SECONDS = 60;
/** ECS calls the start of tasks impaired after as many failures (event SERVICE_TASK_START_IMPAIRED). */
const FAILED_TASKS = 3;
/** More than three restarts within 15 minutes are a crash loop (runbook 002, lines 99 to 101). */
const CRASHES = 3;
const CRASHES_WITHIN_MS = 15 * 60_000;
const STOP_FOR_SECONDS = 3_600;

export function decide({ signal, target, observation, config }: DecideInput<ServiceConfig, Observation>): Decision {
  if (observation.kind === 'missing') return { kind: 'escalate', reason: observation.why };
  const hold = (detail: string, recheckAfterSeconds = config.handsOffSeconds): Decision => ({
    ...{ kind: 'hold', reason: 'hands-off', detail, recheckAfterSeconds },
  });
  if (observation.controller !== 'ECS') return hold(`its deployments belong to ${observation.controller}`);
  const primary = primaryOf(observation);
  if (!primary) return { kind: 'escalate', reason: `${target.name} has no deployment` };
  if (signal.name === 'SERVICE_DEPLOYMENT_IN_PROGRESS') return watchReturn(observation, primary.taskDefinition, target);
  if (observation.desired === 0) return hold('it is scaled to zero tasks: somebody switched it off');
  const at = Date.parse(signal.at);
  const underWay = waitFor(observation, at);
  if (underWay)
    return { kind: 'hold', reason: 'change-under-way', detail: underWay, recheckAfterSeconds: RECHECK_SECONDS };
  if (rolledBackByItself(observation)) {
    const reason = `ECS has rolled it back to ${shortName(primary.taskDefinition)} by itself`;
    return signal.source === 'cloudwatch-alarm'
      ? { kind: 'escalate', reason: `${reason}, and that didn't help` }
      : { kind: 'fine', reason };
  }
  // An event has no level: one that is looked at again may be about what was replaced meanwhile.
  if (signal.source !== 'cloudwatch-alarm' && at < primary.createdAtMs)
    return { kind: 'fine', reason: `${shortName(primary.taskDefinition)} was deployed after that` };
  const calm = signal.source === 'ecs-task' && !crashLoop(observation, at);
  if (calm) return { kind: 'fine', reason: 'a task ended, and ECS replaces it: that is no crash loop' };
  const blame = notTheDeployment(observation, target, signal.at);
  if (blame) return { kind: 'escalate', reason: blame };
  return rollBack(observation, target);
}

/** An image that was rolled back and is deployed again: a person has to know, even before anything is wrong. */
function watchReturn(seen: Seen, taskDefinition: string, { name }: ServiceConfig): Decision {
  const digests = digestsOf(seen, taskDefinition).filter((digest) => quarantined(seen.tags).includes(digest));
  return digests.length === 0
    ? { kind: 'fine', reason: `${shortName(taskDefinition)} has no image that was rolled back before` }
    : {
        kind: 'escalate',
        reason: `${shortName(taskDefinition)} brings ${digests.join(', ')} back to ${name}, which was rolled back before`,
      };
}

/** What is under way and has to end by itself first; undefined when nothing is, or what is can't end well. */
function waitFor(seen: Seen, at: number): string | undefined {
  const primary = primaryOf(seen);
  const newest = seen.history[0]?.status ?? '';
  if (newest === 'PENDING') return 'a deployment is about to begin';
  if (['ROLLBACK_REQUESTED', 'ROLLBACK_IN_PROGRESS', 'STOP_REQUESTED'].includes(newest))
    return 'ECS is rolling its deployment back by itself';
  if (primary?.rolloutState !== 'IN_PROGRESS') return undefined;
  if (seen.rollsBackByItself) return 'a deployment is under way, and its circuit breaker will decide';
  // Tasks that run for a moment and end aren't counted as failed, and the deployment is never complete.
  const hopeless = primary.failedTasks >= FAILED_TASKS || crashLoop(seen, at);
  return hopeless ? undefined : 'a deployment is under way';
}

const rolledBackByItself = ({ history }: Seen): boolean => history[0]?.status === 'ROLLBACK_SUCCESSFUL';

function crashLoop(seen: Seen, at: number): boolean {
  const primary = primaryOf(seen);
  const recent = seen.ended.filter(
    ({ deploymentId, stoppedAtMs }) => deploymentId === primary?.id && stoppedAtMs > at - CRASHES_WITHIN_MS,
  );
  return recent.length >= CRASHES;
}

/** Why the last deployment isn't to blame, or can't be taken back because it was itself a step back. */
function notTheDeployment(seen: Seen, target: ServiceConfig, signalAt: string): string | undefined {
  const current = primaryOf(seen)?.taskDefinition ?? '';
  const name = shortName(current);
  const rollout = rolloutOfCurrent(seen.history, current);
  if (!rollout) return `${target.name} runs ${name}, and ECS has no record of its deployment`;
  if (rollout.earlier.some(({ taskDefinition }) => taskDefinition === current))
    return `${target.name} went back to ${name} already: nothing before it is known to be better`;
  const at = Date.parse(signalAt);
  if (at < rollout.first.createdAtMs) return `the trouble began before ${name} was deployed`;
  const ageSeconds = ageSecondsOf(rollout.first, at);
  if (ageSeconds > target.rollBackWithinSeconds)
    return `${name} had run for ${ageSeconds} s when the trouble began: with rollBackWithinSeconds ${target.rollBackWithinSeconds} its deployment isn't blamed`;
  return undefined;
}

/** The newest revision that was steady, is another one than now, and isn't in quarantine. Also tells `observe` what to look up. */
export function steadyBefore(seen: Pick<Seen, 'history' | 'tags' | 'deployments'>): PastDeployment | undefined {
  const current = seen.deployments.find(({ primary }) => primary)?.taskDefinition;
  return seen.history.find(
    ({ status, taskDefinition, digests }) =>
      status === 'SUCCESSFUL' &&
      taskDefinition !== undefined &&
      taskDefinition !== current &&
      !digests.some((digest) => quarantined(seen.tags).includes(digest)),
  );
}

function rollBack(seen: Seen, target: ServiceConfig): Decision {
  const primary = primaryOf(seen);
  const current = primary?.taskDefinition ?? '';
  const steady = steadyBefore(seen);
  const back = steady?.taskDefinition;
  if (!steady || !back)
    return {
      kind: 'escalate',
      reason: `${target.name} was never steady with another revision than ${shortName(current)}`,
    };
  const why = whyUnfit(seen, target, steady, back, current);
  if (why) return { kind: 'escalate', reason: `${target.name} isn't rolled back to ${shortName(back)}: ${why}` };
  const bad = digestsOf(seen, current).filter((digest) => !steady.digests.includes(digest));
  const stack = stackOf(seen);
  const drift = stack ? `; CloudFormation stack ${stack} still says ${shortName(current)} and must be told` : '';
  const quarantine = quarantineOf(seen.tags, bad);
  return {
    kind: 'act',
    change: {
      summary: `roll ${target.name} back from ${shortName(current)} to ${shortName(back)}${drift}`,
      before: { taskDefinition: current, deploymentId: primary?.id ?? '' },
      after: { taskDefinition: back, ...(bad.length > 0 && { quarantine }) },
      // It begins a deployment itself; which one can't be known before.
      echoes: [{ source: 'ecs-deployment', what: 'SERVICE_DEPLOYMENT_IN_PROGRESS' }],
      undo: `set the task definition of ${target.cluster}/${target.service} to ${shortName(current)} again, and remove its tag nightshift:quarantined`,
    },
  };
}

/** Why that revision can't be gone back to. @param steady the deployment by which it was steady. @param current what runs now; both are ARNs. */
export function whyUnfit(
  seen: Pick<Seen, 'definitions'>,
  target: ServiceConfig,
  steady: PastDeployment,
  back: string,
  current: string,
): string | undefined {
  const [now, then] = [seen.definitions[current], seen.definitions[back]];
  if (!now || !then) return 'its task definition could not be read';
  if (!then.active) return 'its task definition was deregistered';
  const loose = steady.images.find((image) => !/@sha256:[0-9a-f]{64}$/.test(image));
  if (steady.images.length === 0 || loose !== undefined)
    return `image ${loose ?? 'unknown'} isn't named by its digest, so it may be another one by now`;
  if (now.schema !== then.schema)
    return `its tag nightshift:schema is ${then.schema ?? 'missing'}, now it is ${now.schema ?? 'missing'}: the databases may have changed`;
  if (now.schema === undefined && target.dependsOn.length > 0)
    return `it has no tag nightshift:schema, and ${target.dependsOn.join(', ')} may have changed`;
  return undefined;
}

const digestsOf = ({ history }: Seen, taskDefinition: string): readonly string[] =>
  history.find((each) => each.taskDefinition === taskDefinition)?.digests ?? [];

export function alreadyApplied(change: Change, observation: Observation): 'yes' | 'no' | 'unclear' {
  const live = observation.kind === 'missing' ? undefined : primaryOf(observation)?.taskDefinition;
  if (live === rolloutOf(change, 'after').taskDefinition) return 'yes';
  return live !== undefined && live === rolloutOf(change, 'before').taskDefinition ? 'no' : 'unclear';
}

export function verify({ change, observation }: { change: Change; observation: Observation }): Verification {
  if (observation.kind === 'missing') return { kind: 'not-yet', detail: observation.why };
  const primary = primaryOf(observation);
  const wanted = rolloutOf(change, 'after').taskDefinition;
  const bad = rolloutOf(change, 'before').taskDefinition;
  if (primary?.taskDefinition === bad)
    return {
      kind: 'bad',
      detail: `${shortName(bad)} is back, which was rolled back`,
      stopForSeconds: STOP_FOR_SECONDS,
    };
  if (primary?.taskDefinition !== wanted)
    return {
      kind: 'not-yet',
      detail: `it runs ${shortName(primary?.taskDefinition ?? 'nothing')}, no longer ${shortName(wanted)}`,
    };
  const { running, desired } = observation;
  const detail = `${shortName(wanted)} is ${primary.rolloutState}, ${running} of ${desired} tasks are running`;
  if (primary.rolloutState === 'FAILED') return { kind: 'bad', detail, stopForSeconds: STOP_FOR_SECONDS };
  const done = primary.rolloutState === 'COMPLETED' && running === desired;
  return { kind: done ? 'good' : 'not-yet', detail };
}
