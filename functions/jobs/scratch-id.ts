/** Instances that a run restores for itself, to be thrown away: how they are named, and told from everything else. Pure. */
import { createHash } from 'node:crypto';
import { DEPLOYMENT_TAG } from '../engine/manifest.ts';
import type { RunIdentity } from './job.ts';

/** Tags of a scratch instance besides `nightshift:deployment`. All of them must be right before anything of it is removed. */
const JOB_TAG = 'nightshift:job';
const SUBJECT_TAG = 'nightshift:subject';
const SCHEDULED_TAG = 'nightshift:scheduled-at';
const LEASE_TAG = 'nightshift:lease-until';

export interface Scratch {
  readonly id: string;
  readonly status: string;
  /** Where it listens; undefined until it does. */
  readonly endpoint: { readonly host: string; readonly port: number } | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

/** What all scratch instances of a deployment are called like: permissions are given for names that begin so. */
export const scratchPrefix = (deployment: string): string => `nightshift-${deployment}-scratch-`;

/** Follows from the run, so that it is made once however often that is tried. 16 of 63 characters that RDS allows tell runs apart. */
export const scratchIdOf = (deployment: string, run: RunIdentity): string =>
  `${scratchPrefix(deployment)}${createHash('sha256')
    .update(`${run.job}\n${run.subject}\n${run.scheduledAt}`)
    .digest('hex')
    .slice(0, 16)}`;

/** @param leaseUntil epoch milliseconds: after that nobody uses it, and it may be removed by whoever finds it. */
export const scratchTags = (deployment: string, run: RunIdentity, leaseUntil: number): Record<string, string> => ({
  [DEPLOYMENT_TAG]: deployment,
  [JOB_TAG]: run.job,
  [SUBJECT_TAG]: run.subject,
  [SCHEDULED_TAG]: run.scheduledAt,
  [LEASE_TAG]: new Date(leaseUntil).toISOString(),
});

export interface Claim {
  readonly run: RunIdentity;
  /** Epoch milliseconds. */
  readonly leaseUntil: number;
}

/** Whose scratch instance it is by its name and tags; undefined when it isn't one of this deployment's: then it is nobody's to remove. */
export function claimOf(deployment: string, { id, tags }: Pick<Scratch, 'id' | 'tags'>): Claim | undefined {
  const { [JOB_TAG]: job, [SUBJECT_TAG]: subject, [SCHEDULED_TAG]: scheduledAt, [LEASE_TAG]: until } = tags;
  if (tags[DEPLOYMENT_TAG] !== deployment || !job || !subject || !scheduledAt || !until) return undefined;
  const run = { job, subject, scheduledAt };
  const leaseUntil = Date.parse(until);
  if (id !== scratchIdOf(deployment, run) || Number.isNaN(leaseUntil)) return undefined;
  return { run, leaseUntil };
}

/** Whether it is the scratch instance of that very run. */
export const isScratchOf = (deployment: string, run: RunIdentity, scratch: Pick<Scratch, 'id' | 'tags'>): boolean =>
  scratch.id === scratchIdOf(deployment, run) && claimOf(deployment, scratch) !== undefined;
