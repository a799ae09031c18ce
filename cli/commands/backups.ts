/** `nightshift backups`, `verify`, `back-up` and `export`: what backups there are and which were proved; proving, taking and exporting one now. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BackupRunDocument, BackupsDocument, Proof, VerifyDocument } from '../../events/published/backups.ts';
import { readHeads } from '../../functions/engine/job-head.ts';
import type { Store } from '../../functions/engine/store.ts';
import { type RunItem, readRuns } from '../../functions/jobs/items.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command, CommandContext, Options } from '../command.ts';
import { deploymentOf } from '../deployment.ts';
import { table } from '../io.ts';
import { type Place, placeOf } from '../place.ts';
import type { Machines } from '../plans.ts';

const TAKING = 'back-up-database';
const PROVING = 'verify-backup';
const EXPORTING = 'export-backup';
/** What of the configuration a database needs for each. */
const NEEDS: Readonly<Record<string, string>> = {
  [TAKING]: 'backup',
  [PROVING]: 'backup.verify',
  [EXPORTING]: 'backup.export',
};
/** The state machine of all jobs: `nightshift-<deployment>-jobs`. */
const JOBS = 'jobs';
/** A run is asked for again and again for at most so long; it goes on without us. */
const FOLLOWED_MS = 8 * 3_600_000;

export interface BackupParts {
  readonly open: (place: Place) => Store;
  readonly machines: (place: Place) => Pick<Machines, 'start'>;
  readonly person: (place: Place) => Promise<string>;
  readonly now?: () => number;
  /** Between two looks, in milliseconds. */
  readonly everyMs?: number;
}

/** The backup isn't good, or that couldn't be shown: exit code 1. */
export class NotProved extends Error {
  override readonly name = 'NotProved';
}

export const backupCommands = (parts: BackupParts): Command[] => [
  {
    name: 'backups',
    usage: 'backups [database]',
    summary: 'Lists backups of databases, and what came of restoring them: time to restore, age of the data.',
    run: (words, options, context) => listBackups(parts, words, options, context),
  },
  {
    name: 'verify',
    usage: 'verify [database or backup]',
    summary:
      'Proves the newest backup of a database, or the one that is named: restores it aside, reads it, removes the copy.',
    run: (words, options, context) => verify(parts, words, options, context),
  },
  {
    name: 'back-up',
    usage: 'back-up [database] [--reason <why>]',
    summary:
      'Takes a backup now, such as before a risky change, and follows it; it is copied, proved and removed like those of the schedule.',
    run: (words, options, context) => backUp(parts, words, options, context),
  },
  {
    name: 'export',
    usage: 'export [database or backup]',
    summary:
      'Has RDS write the newest proved backup of a database, or the one that is named, to S3, and checks that every table is there.',
    run: (words, options, context) => exportBackup(parts, words, options, context),
  },
];

async function listBackups(
  parts: BackupParts,
  words: readonly string[],
  { json }: Options,
  { io, place }: CommandContext,
) {
  const [only, ...more] = words;
  if (more.length > 0) throw new UsageError(`backups takes one name, found "${words.join(' ')}"`);
  const where = await place();
  const store = parts.open(where);
  const subjects = (await subjectsOf(store, TAKING)).filter((subject) => only === undefined || subject === only);
  if (only !== undefined && subjects.length === 0)
    throw new UsageError(`no backup of "${only}" is known here: see "nightshift jobs ${TAKING}"`);
  const databases = await Promise.all(
    subjects.map(async (database) => {
      const [taken, proved] = await Promise.all(
        [TAKING, PROVING].map((job) => readRuns(store, { job, subject: database }, 100)),
      );
      return { database, backups: backupsOf(taken ?? [], proved ?? []) };
    }),
  );
  const document: BackupsDocument = { version: 1, place: placeOf(where), databases };
  if (json) return io.out(JSON.stringify(document));
  if (databases.length === 0)
    return io.out(
      'No database has backups here: give it "backup" in the configuration and deploy; the reconciler’s next run (5 min) makes it known.',
    );
  const rows = databases.flatMap(({ database, backups }) =>
    backups.map(({ name, takenAt, copiedTo, proof }) => [
      ...[database, name, takenAt, proof ? (proof.check ?? proof.verdict) : 'not proved'],
      ...[proof?.restoreSeconds, proof?.recoveryPointSeconds].map((seconds) =>
        seconds === undefined ? '-' : `${seconds} s`,
      ),
      copiedTo ?? '-',
    ]),
  );
  for (const line of table(
    [['database', 'backup', 'taken', 'proof', 'restored in', 'data was', 'copied to'], ...rows],
    (cell, column, row) => (row > 0 && column === 3 && cell !== 'passed' ? io.colours.red(cell) : cell),
  ))
    io.out(line);
}

const subjectsOf = async (store: Store, job: string): Promise<string[]> =>
  (await readHeads(store)).filter((head) => head.job === job).map(({ subject }) => subject);

/** Each backup that a run took, with the last proof of it. Pure. @param taken, proved runs, newest first. */
export function backupsOf(
  taken: readonly RunItem[],
  proved: readonly RunItem[],
): BackupsDocument['databases'][number]['backups'] {
  const proofs = new Map<string, Proof>();
  for (const run of proved) {
    const name = run.verdict?.report.snapshotId;
    const proof = proofOf(run);
    if (proof && typeof name === 'string' && !proofs.has(name)) proofs.set(name, proof);
  }
  return taken.flatMap(({ verdict }) => {
    const { snapshotId: name, takenAt, sizeGib, copiedTo } = verdict?.report ?? {};
    if (typeof name !== 'string' || typeof takenAt !== 'string') return [];
    const proof = proofs.get(name);
    return [
      {
        ...{ name, takenAt },
        ...(typeof sizeGib === 'number' && { sizeGib }),
        ...(typeof copiedTo === 'string' && { copiedTo }),
        ...(proof && { proof }),
      },
    ];
  });
}

function proofOf({ scheduledAt, verdict }: RunItem): Proof | undefined {
  if (!verdict) return undefined;
  const { restoreSeconds, recoveryPointSeconds } = verdict.report;
  return {
    ...{ scheduledAt, verdict: verdict.kind, summary: verdict.summary },
    ...(verdict.check && { check: verdict.check }),
    ...(typeof restoreSeconds === 'number' && { restoreSeconds }),
    ...(typeof recoveryPointSeconds === 'number' && { recoveryPointSeconds }),
  };
}

async function verify(parts: BackupParts, words: readonly string[], { json }: Options, context: CommandContext) {
  const { where, database, backup } = await named(parts, PROVING, words, context);
  await context.confirm(
    `restore ${backup ?? `the newest backup of ${database}`} into an instance of its own, and remove that again`,
  );
  const run = await follow(parts, where, { job: PROVING, subject: database, wanted: backup }, context);
  const proof = proofOf(run);
  if (!proof) throw new NotProved(`${database}: the run ended without a verdict`);
  const document: VerifyDocument = {
    ...{ version: 1, place: placeOf(where), database, proof, report: { ...run.verdict?.report } },
    ...(typeof run.verdict?.report.snapshotId === 'string' && { backup: run.verdict.report.snapshotId }),
  };
  if (json) context.io.out(JSON.stringify(document));
  else context.io.out(proof.summary);
  if (proof.verdict === 'failed') throw new NotProved(`${proof.check}: ${proof.summary}`);
}

/** Beside those of the schedule, of the same kind: proved and removed as they are. */
async function backUp(
  parts: BackupParts,
  words: readonly string[],
  { json, reason }: Options,
  context: CommandContext,
) {
  const { where, database, backup } = await named(parts, TAKING, words, context);
  if (backup) throw new UsageError(`back-up takes a database, found the backup ${backup}`);
  await context.confirm(`take a snapshot of ${database} (${reason?.trim() || 'no --reason given'})`);
  // Without a word it would be taken for a run of the schedule.
  const wanted = reason?.trim() || 'on demand';
  const run = await follow(parts, where, { job: TAKING, subject: database, wanted }, context);
  told(where, database, run, json, context);
}

async function exportBackup(parts: BackupParts, words: readonly string[], { json }: Options, context: CommandContext) {
  const { where, database, backup } = await named(parts, EXPORTING, words, context);
  await context.confirm(
    `have RDS write ${backup ?? `the newest proved backup of ${database}`} to S3, which may take hours`,
  );
  const run = await follow(parts, where, { job: EXPORTING, subject: database, wanted: backup }, context);
  told(where, database, run, json, context);
}

function told(where: Place, database: string, { verdict }: RunItem, json: boolean, { io }: CommandContext): void {
  if (!verdict) throw new NotProved(`${database}: the run ended without a verdict`);
  const { kind, summary, check, report } = verdict;
  const document: BackupRunDocument = {
    ...{ version: 1, place: placeOf(where), database, verdict: kind, summary, report: { ...report } },
    ...(check !== undefined && { check }),
  };
  io.out(json ? JSON.stringify(document) : summary);
  if (kind === 'failed') throw new NotProved(`${check}: ${summary}`);
}

/** What the words name, of the databases that the job runs for. @throws UsageError */
async function named(parts: BackupParts, job: string, words: readonly string[], { place }: CommandContext) {
  const [word, ...more] = words;
  if (more.length > 0) throw new UsageError(`one name is taken, found "${words.join(' ')}"`);
  const where = await place();
  const databases = await subjectsOf(parts.open(where), job);
  return { where, ...chosen(word, databases, deploymentOf(where), NEEDS[job]) };
}

/** Starts a run as the schedule does, and waits for its end. */
async function follow(
  parts: BackupParts,
  where: Place,
  { job, subject, wanted }: { readonly job: string; readonly subject: string; readonly wanted: string | undefined },
  { io }: CommandContext,
): Promise<RunItem> {
  const scheduledAt = new Date((parts.now ?? Date.now)()).toISOString();
  await parts.machines(where).start(JOBS, `${job}-${scheduledAt.replaceAll(/[-:.]/g, '')}`, {
    functionName: `nightshift-${deploymentOf(where)}-${job}`,
    ...{ job, subject, scheduledAt },
    startedBy: await parts.person(where),
    ...(wanted && { wanted }),
  });
  return ended(parts, parts.open(where), { job, subject, scheduledAt }, (line) => io.err(line));
}

/** A database, or a backup by its name, which begins with its database's. Pure. @throws UsageError naming the choices. */
export function chosen(
  word: string | undefined,
  databases: readonly string[],
  deployment: string,
  needs = 'backup.verify',
): { readonly database: string; readonly backup?: string } {
  const choices =
    databases.join(', ') ||
    `none: give a database "${needs}" in the configuration and deploy; the reconciler’s next run (5 min) makes it known`;
  if (word === undefined) {
    const [database, ...others] = databases;
    if (database === undefined || others.length > 0) throw new UsageError(`name a database; there are ${choices}`);
    return { database };
  }
  if (databases.includes(word)) return { database: word };
  // Of two databases whose names begin alike, the longer one is meant.
  const [database] = databases
    .filter((each) => word.startsWith(`nightshift-${deployment}-${each}-`))
    .sort((a, b) => b.length - a.length);
  if (database === undefined)
    throw new UsageError(`"${word}" is neither a database with "${needs}" (${choices}) nor a backup of one`);
  return { database, backup: word };
}

async function ended(
  { now = Date.now, everyMs = 5_000 }: BackupParts,
  store: Store,
  { job, subject, scheduledAt }: { readonly job: string; readonly subject: string; readonly scheduledAt: string },
  tell: (line: string) => void,
): Promise<RunItem> {
  let last = '';
  for (const until = now() + FOLLOWED_MS; now() < until; await sleep(everyMs)) {
    const run = (await readRuns(store, { job, subject })).find((each) => each.scheduledAt === scheduledAt);
    if (run?.phase === 'ended') return run;
    const note = run?.note ?? '';
    if (note !== last) tell(note);
    last = note;
  }
  throw new NotProved(`${subject}: not over after ${FOLLOWED_MS / 3_600_000} h; see "nightshift jobs ${job}"`);
}
