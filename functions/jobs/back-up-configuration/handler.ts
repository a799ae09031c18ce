import { changesBetween, type ItemChange, type Side } from '../../configuration/diff.ts';
import { partsOf, taskLimitsOf } from '../../configuration/parts.ts';
import { ConfigurationReader, openClients } from '../../configuration/reading.ts';
import { backupsIn } from '../../configuration/runs.ts';
import {
  type Bucket,
  finishBackup,
  folderOf,
  readBackup,
  readParts,
  type Written,
  writePart,
} from '../../configuration/stored.ts';
import type { RuntimeConfig } from '../../engine/config.ts';
import { ActionFailedError, EngineError } from '../../engine/errors.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import { Pacer } from '../../engine/pacer.ts';
import { jobHandler } from '../handler.ts';
import { readRuns } from '../items.ts';
import type { Job, JobContext, Step } from '../job.ts';
import { ACCOUNT, readAccount } from './account.ts';
import { verdictOf } from './decide.ts';
import { manifest } from './manifest.ts';
import { type Between, callsOn } from './trail.ts';
import { lastCallOn, tellWho } from './who.ts';

const clients = openClients();
const DAY_MS = 86_400_000;
/** Runs that are looked through for the backup before. */
const RUNS_MOST = 30;

/** Parts that are written; which comes next follows from their number, and which those are from the configuration. */
export interface State {
  readonly [key: string]: readonly Written[];
  readonly written: readonly Written[];
}

/** One part a turn, each an object of its own, at last what is in no part; then the comparison, and the index last. */
export const job: Job<State> = {
  manifest,
  begin: () => ({ written: [] }),
  async step(context, { written }) {
    const { config, run, now } = context;
    const parts = [...partsOf(config), { kind: ACCOUNT, name: ACCOUNT } as const];
    // A configuration that was deployed meanwhile may have others: those of the same name aren't read twice.
    const next = parts.find(({ name }) => !written.some(({ part }) => part === name));
    const lockedUntil = new Date(Date.parse(run.scheduledAt) + lockDays(config) * DAY_MS);
    if (!next) return finish(context, written, new Date(Math.max(lockedUntil.getTime(), now() + DAY_MS)));
    const pacer = new Pacer({ perSecond: config.fleet.describesPerSecond });
    const side =
      next.kind === ACCOUNT
        ? await readAccount(pacer, config)
        : await new ConfigurationReader(clients, pacer, config).read(next);
    const done = await writePart(bucketOf(config), folderOf(run.scheduledAt), next.name, side, lockedUntil);
    return { kind: 'wait', seconds: 1, state: { written: [...written, done] }, note: `${next.name} is written` };
  },
};

function lockDays({ configurationBackup }: RuntimeConfig): number {
  if (!configurationBackup) throw new ActionFailedError('configurationBackup: not in the configuration any more');
  return configurationBackup.lockDays;
}

const bucketOf = ({ region }: RuntimeConfig): Bucket => ({
  name: requiredEnvironment('NIGHTSHIFT_ARCHIVE_BUCKET'),
  region,
});

async function finish(context: JobContext, written: readonly Written[], lockedUntil: Date): Promise<Step<State>> {
  const { config, run, store } = context;
  const bucket = bucketOf(config);
  const folder = folderOf(run.scheduledAt);
  const present = await readParts(bucket, written);
  const runs = await readRuns(store, run, RUNS_MOST);
  const [before] = backupsIn(runs.filter(({ scheduledAt }) => Date.parse(scheduledAt) < Date.parse(run.scheduledAt)));
  const old = before && (await oldBackup(bucket, before.folder));
  const changes = old?.side ? changesBetween(old.side, present, taskLimitsOf(config)) : [];
  const comparedWith = (old?.side && before?.folder) ?? null;
  const who = before
    ? await whoMade(changes, { from: new Date(before.scheduledAt), until: new Date(context.now()) })
    : [];
  const index = { version: 1 as const, deployment: config.name, scheduledAt: run.scheduledAt, comparedWith };
  await finishBackup(bucket, folder, { ...index, changes: changes.length, parts: [...written] }, changes, lockedUntil);
  return {
    kind: 'verdict',
    state: { written },
    verdict: verdictOf(present, changes, folder, comparedWith, old?.why, who),
  };
}

/** So many are asked about; the rest of a day with more is a deployment's. */
const ASKED_ABOUT = 50;

/** A backup is whole without it: why CloudTrail couldn't be asked, or asked for all, is said beside the names. */
async function whoMade(changes: readonly ItemChange[], between: Between): Promise<string[]> {
  const asked = changes.filter(({ kind }) => kind !== 'uncovered').slice(0, ASKED_ABOUT);
  if (asked.length === 0) return [];
  const { calls, left } = await callsOn(asked, between);
  // Of what it wasn't asked for, nothing is claimed.
  const known = left === undefined ? asked : asked.filter((change) => lastCallOn(change, calls));
  const names = known.map((change) => tellWho(change, calls));
  return left === undefined
    ? names
    : [`CloudTrail can't be asked${names.length > 0 ? ' for everything' : ''}: ${left}`, ...names];
}

/** One that can't be read any more keeps none from being taken: the next one is compared with this. @throws EngineError that may be gone the next time. */
async function oldBackup(bucket: Bucket, folder: string): Promise<{ readonly side?: Side; readonly why?: string }> {
  try {
    return { side: await readBackup(bucket, folder) };
  } catch (error) {
    if (!(error instanceof EngineError) || error.retryable) throw error;
    return { why: error.message };
  }
}

export const handler = jobHandler(job);
