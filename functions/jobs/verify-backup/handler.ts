import { RDSClient, RestoreDBInstanceFromDBSnapshotCommand } from '@aws-sdk/client-rds';
import { describeInstance } from '../../databases/describe.ts';
import { readSnapshotsOf } from '../../databases/read-snapshots.ts';
import { changingClientDefaults } from '../../engine/clients.ts';
import type { BackupConfig, VerifyConfig } from '../../engine/config.ts';
import { ActionFailedError, classifyAwsError } from '../../engine/errors.ts';
import { jobHandler } from '../handler.ts';
import { readRuns } from '../items.ts';
import type { Job, JobContext, Step } from '../job.ts';
import { readScratch, removeScratch } from '../scratch.ts';
import { isScratchOf, scratchIdOf, scratchTags } from '../scratch-id.ts';
import { CLEANING_MS } from '../transitions.ts';
import { byFunction, type Reader } from './by-function.ts';
import { afterAnswer, choose, failed, type Known, newState, nextStep, type State } from './decide.ts';
import { readUpTo, takenTimes, verifiedBackups } from './history.ts';
import { manifest } from './manifest.ts';

const changing = new RDSClient(changingClientDefaults());
/** Runs of so many days and more tell what was verified, and when backups were taken. */
const RUNS = 100;
/** A sweeper may remove a scratch instance so long after its run must have ended. */
const LEASE_MARGIN_MS = 1_800_000;
/** Questions that are answered quickly are asked in one turn, for so long. */
const ASKING_MS = 10_000;

export const verifyBackup = (read: Reader): Job<State> => ({
  manifest,
  begin: (run, { name }, wanted) => newState(scratchIdOf(name, run), wanted),
  async step(context, state) {
    const { backup, verify } = settingsOf(context);
    if (!state.chosen) return choose(state, await known(context), backup, context.config.name, context.now());
    const scratch = await readScratch(state.scratchId);
    const isOurs = scratch !== undefined && isScratchOf(context.config.name, context.run, scratch);
    const next = nextStep(state, scratch, isOurs, verify);
    if (next.kind === 'restore') return restore(context, state, verify);
    if (next.kind !== 'ask') return next;
    return askOn(context, state, verify, read, next);
  },
  async cleanUp({ config, run }, { scratchId }) {
    const scratch = await readScratch(scratchId);
    if (scratch && !isScratchOf(config.name, run, scratch))
      return { kind: 'wait', seconds: 600, note: `${scratch.id} isn't this run's by its tags: it is left alone` };
    return removeScratch(scratch);
  },
});

function settingsOf({ run, config }: JobContext): { readonly backup: BackupConfig; readonly verify: VerifyConfig } {
  const backup = config.databases[run.subject]?.backup;
  if (!backup?.verify)
    throw new ActionFailedError(`databases.${run.subject}.backup.verify: not in the configuration any more`);
  return { backup, verify: backup.verify };
}

async function known({ run: { subject, job }, store }: JobContext): Promise<Known> {
  const [snapshots, instance, verifications, backups] = await Promise.all([
    readSnapshotsOf(subject),
    describeInstance(subject),
    readRuns(store, { job, subject }, RUNS),
    readRuns(store, { job: 'back-up-database', subject }, RUNS),
  ]);
  return {
    snapshots,
    instanceResourceId: instance?.DbiResourceId,
    noted: takenTimes(backups),
    before: verifiedBackups(verifications)[0],
    readUpTo: readUpTo(verifications),
  };
}

/** In a network of its own, without what would keep it or copy it ("RestoreDBInstanceFromDBSnapshot", Amazon RDS API Reference). */
async function restore({ run, config }: JobContext, state: State, verify: VerifyConfig): Promise<Step<State>> {
  const asked = state.restoreAskedAt ?? 0;
  const leaseUntil = asked + manifest.deadlineSeconds * 1000 + CLEANING_MS + LEASE_MARGIN_MS;
  const tags = scratchTags(config.name, run, leaseUntil);
  const waiting = (note: string): Step<State> => ({ kind: 'wait', seconds: 30, state, note });
  try {
    await changing.send(
      new RestoreDBInstanceFromDBSnapshotCommand({
        DBInstanceIdentifier: state.scratchId,
        DBSnapshotIdentifier: state.chosen?.id,
        DBSubnetGroupName: verify.subnetGroup,
        VpcSecurityGroupIds: [verify.securityGroupId],
        ...(verify.instanceClass && { DBInstanceClass: verify.instanceClass }),
        PubliclyAccessible: false,
        MultiAZ: false,
        DeletionProtection: false,
        BackupRetentionPeriod: 0,
        CopyTagsToSnapshot: false,
        EnableIAMDatabaseAuthentication: true,
        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      }),
    );
    return waiting(`${state.chosen?.id} is being restored`);
  } catch (error) {
    if (error instanceof Error && error.name === 'DBInstanceAlreadyExistsFault')
      return waiting(`${state.scratchId} was asked for already`);
    const what = classifyAwsError(`restore ${state.chosen?.id}`, error);
    if (what.retryable) throw what;
    return failed(state, 'restore', what.message);
  }
}

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

async function askOn(
  context: JobContext,
  state: State,
  verify: VerifyConfig,
  read: Reader,
  first: Extract<ReturnType<typeof nextStep>, { kind: 'ask' }>,
): Promise<Step<State>> {
  const { host, port }: Endpoint = first;
  const until = context.now() + ASKING_MS;
  let { ask } = first;
  let now = state;
  for (;;) {
    const answered = await read({ subject: context.run.subject, host, port, ask }, context.config.name);
    const step = afterAnswer(now, ask, answered, verify, context.now());
    if (step.kind !== 'wait' || answered.kind === 'no-connection' || context.now() >= until) return step;
    now = step.state;
    const next = nextStep(
      now,
      { id: now.scratchId, status: 'available', endpoint: { host, port }, tags: {} },
      true,
      verify,
    );
    if (next.kind !== 'ask') return step;
    ask = next.ask;
  }
}

export const job = verifyBackup(byFunction);
export const handler = jobHandler(job);
