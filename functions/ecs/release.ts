/** Which release a trouble may come from. Pure. */
import type { PastDeployment } from './types.ts';

export interface Rollout {
  /** The deployment that first brought what runs now. */
  readonly first: PastDeployment;
  /** What was deployed before it; newest first. */
  readonly earlier: readonly PastDeployment[];
}

/**
 * Deployments of the same definition one after another are restarts of it: the oldest of them is the one that brought it.
 * @param history newest first. @returns undefined when ECS has no record of it.
 */
export function rolloutOfCurrent(history: readonly PastDeployment[], current: string): Rollout | undefined {
  const other = history.findIndex(({ taskDefinition }) => taskDefinition !== current);
  const first = history[other === -1 ? history.length - 1 : other - 1];
  return first && { first, earlier: other === -1 ? [] : history.slice(other) };
}

/** How long a rollout had been finished, or under way, at that moment; negative before it began. */
export const ageSecondsOf = ({ createdAtMs, finishedAtMs }: PastDeployment, atMs: number): number =>
  Math.round((atMs - (atMs < createdAtMs ? createdAtMs : (finishedAtMs ?? createdAtMs))) / 1000);

export interface Release {
  readonly ageSeconds: number;
  /** The revision that was steady before, by ARN. */
  readonly before: string;
}

/**
 * A release that was rolled out shortly before the trouble, over a revision that was steady: it is likelier to blame than the load. One that went back to what
 * had proved itself before is no new release.
 */
export function recentRelease(
  history: readonly PastDeployment[],
  current: string,
  atMs: number,
  withinSeconds: number,
): Release | undefined {
  const rollout = rolloutOfCurrent(history, current);
  if (!rollout || hadProvedItself(rollout.earlier, current, withinSeconds)) return undefined;
  const ageSeconds = ageSecondsOf(rollout.first, atMs);
  if (atMs < rollout.first.createdAtMs || ageSeconds > withinSeconds) return undefined;
  const before = rollout.earlier.find(
    ({ status, taskDefinition }) => status === STEADY && taskDefinition !== current,
  )?.taskDefinition;
  return before === undefined ? undefined : { ageSeconds, before };
}

const STEADY = 'SUCCESSFUL';

/** Whether the revision was steady once before, for longer than a release is blamed: a bad one that was taken back soon is as bad the second time. */
function hadProvedItself(earlier: readonly PastDeployment[], current: string, withinSeconds: number): boolean {
  let endedAtMs = 0;
  return earlier.some((past) => {
    if (past.taskDefinition !== current) endedAtMs = past.createdAtMs;
    return past.taskDefinition === current && past.status === STEADY && ageSecondsOf(past, endedAtMs) > withinSeconds;
  });
}
