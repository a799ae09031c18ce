/** Which backup, what the new instance is like, and whether it may be removed. Pure. The services' part is in services.ts, the secret's in connection.ts. */
import { createHash } from 'node:crypto';
import type { KeptSnapshot } from '../../databases/snapshot-id.ts';
import { ChangedBySomeoneElseError } from '../../engine/errors.ts';
import type { Change, Json } from '../../engine/remediation.ts';
import { checkOrigin, comparable, type Verified } from '../../jobs/verify-backup/checks.ts';
import { HOPELESS } from '../../jobs/verify-backup/decide.ts';
import type { Proofs } from '../../jobs/verify-backup/history.ts';
import type { StepDecision, StepProof } from '../step.ts';
import type { Address } from './point-at.ts';

/** Of the instance that a run makes. Both must be right before it is removed. */
export const RUN_TAG = 'nightshift:run';

export type Input = {
  readonly database: string;
  readonly snapshot?: string | undefined;
  /** A moment (ISO 8601) instead of a snapshot: by RDS's own backups. */
  readonly at?: string | undefined;
  readonly reason?: string | undefined;
};

/** The old instance, as far as the new one has to be like it. */
export type Old = {
  readonly address: Address;
  readonly engine: string;
  readonly cluster: string | null;
  readonly resourceId: string;
  readonly encrypted: boolean;
  readonly instanceClass: string;
  readonly multiAz: boolean;
  readonly isPublic: boolean;
  readonly securityGroups: readonly string[];
  readonly subnetGroup: string | null;
  readonly parameterGroup: string | null;
  readonly optionGroup: string | null;
  readonly storageType: string | null;
  readonly iops: number | null;
  readonly throughputMibPerSecond: number | null;
  readonly backupDays: number;
  readonly copyTagsToSnapshot: boolean;
  readonly deletionProtection: boolean;
  /** Without those that AWS makes itself. */
  readonly tags: Readonly<Record<string, string>>;
};

/** What `choose` leaves for the later steps. */
export type Chosen = {
  /** Of the snapshot; null: the old instance as it was at `takenAt`, by RDS's own backups. */
  readonly snapshotId: string | null;
  /** Epoch milliseconds. */
  readonly takenAt: number;
  /** `DbiResourceId` of the instance that the data is of. */
  readonly snapshotResourceId: string | null;
  readonly newId: string;
  readonly old: Old;
  /** The backup that was proved before: what the new instance is compared with. */
  readonly before: Verified | null;
};

export interface ChooseSeen {
  /** Undefined: it doesn't exist. */
  readonly old: Old | undefined;
  readonly snapshots: readonly KeptSnapshot[];
  readonly proofs: Proofs;
  readonly before: Verified | undefined;
  /** When each backup was taken, as the journal noted it when it was made: epoch milliseconds by name. */
  readonly noted: ReadonlyMap<string, number>;
  /** The secret's current version names the old instance, and nothing of it would be left when it is pointed elsewhere. */
  readonly isConnected: boolean;
  /** When that version was made (epoch milliseconds): a database from before it may know neither its user nor its password. */
  readonly connectionMadeAt?: number | undefined;
  /** Services that can't be rolled, a sentence each. */
  readonly unrollable: readonly string[];
  /** Between which moments RDS can restore the old instance; undefined: it can't, or nobody asked. */
  readonly window?: RestoreWindow | undefined;
}

/** Epoch milliseconds. */
export interface RestoreWindow {
  readonly earliest: number;
  readonly latest: number;
}

/** What is restored, in words. */
export const sourceOf = ({ snapshotId, takenAt, old }: Pick<Chosen, 'snapshotId' | 'takenAt' | 'old'>): string =>
  snapshotId ?? `${old.resourceId} as of ${new Date(takenAt).toISOString()}`;

/** RDS restores a moment of whatever has the name by then, and since `choose` hours may be over. @param resourceId of the instance that has it now. @throws ChangedBySomeoneElseError when that isn't the one that was chosen. */
export function assertSource({ snapshotId, old }: Chosen, database: string, resourceId: string | undefined): void {
  if (snapshotId === null && resourceId !== old.resourceId)
    throw new ChangedBySomeoneElseError(`DB instance ${database}`, old.resourceId, resourceId ?? 'none of that name');
}

/** RDS allows 63 characters ("CreateDBInstance"). */
const LONGEST_ID = 63;

/** Follows from the run, so that it is made once however often that is tried. */
export function idOf(
  run: string,
  { database }: Input,
  { rehearse, deployment }: { readonly rehearse: boolean; readonly deployment: string },
): string {
  const hash = createHash('sha256').update(run).digest('hex').slice(0, 12);
  return rehearse ? `nightshift-${deployment}-rehearsal-${hash}` : `${database}-restored-${hash}`;
}

/** Not the tag of a deployment: RDS copies an instance's tags to its snapshots, and a person's would then be taken for this deployment's backups. */
export const tagsOf = (deployment: string, run: string): Readonly<Record<string, string>> => ({
  [RUN_TAG]: `${deployment}/${run}`,
});

/** Plain data: interfaces among it have no index signature, so TypeScript doesn't see that. */
const asJson = (value: object): Json => value as Json;

const fail = (reason: string): StepDecision => ({ kind: 'fail', reason });

export interface ChooseSettings {
  readonly deployment: string;
  readonly newId: string;
  /** Epoch milliseconds. */
  readonly now: number;
  /** At most so much is lost with a backup that nobody named. */
  readonly dataLossSeconds: number;
}

/** Everything that can be known beforehand is found wrong here, before anything is made. */
export function choose(seen: ChooseSeen, input: Input, settings: ChooseSettings): StepDecision {
  const { old, isConnected, unrollable } = seen;
  const { database } = input;
  const { newId } = settings;
  if (!old) return fail(`DB instance ${database} doesn't exist, so what the new one has to be like isn't known`);
  if (old.cluster)
    return fail(`DB instance ${database} is a member of the cluster ${old.cluster}, which is restored as a whole`);
  if (old.engine !== 'postgres') return fail(`DB instance ${database} is ${old.engine}, and only postgres is known`);
  if (newId.length > LONGEST_ID) return fail(`${newId} is longer than the ${LONGEST_ID} characters that RDS allows`);
  if (!isConnected)
    return fail(
      `the current version of the secret doesn't name ${old.address.host}:${old.address.port}, or names it in a place that isn't understood: all of it has to be a host, a URL, or JSON with host and port or with URLs`,
    );
  if (unrollable.length > 0) return fail(unrollable.join('; '));
  return input.at === undefined
    ? chooseSnapshot(old, seen, input, settings)
    : chooseMoment(old, seen, { database, at: Date.parse(input.at) }, newId);
}

function chooseSnapshot(
  old: Old,
  { snapshots, proofs, before, noted, connectionMadeAt }: ChooseSeen,
  { database, snapshot: wanted }: Input,
  { deployment, newId, now, dataLossSeconds }: ChooseSettings,
): StepDecision {
  const ours = snapshots
    .filter(({ isAutomated, madeBy, status }) => !isAutomated && madeBy === deployment && status === 'available')
    .sort((a, b) => (b.takenAt ?? 0) - (a.takenAt ?? 0));
  const found =
    wanted === undefined ? ours.find(({ id }) => proofs.verified.has(id)) : ours.find(({ id }) => id === wanted);
  if (!found || found.takenAt === undefined)
    return fail(
      wanted === undefined
        ? `there is no backup of ${database} by this deployment that verify-backup proved; name one (snapshot) to restore one that it didn't`
        : `there is no backup ${wanted} of ${database} by this deployment that is available`,
    );
  if (proofs.failed.has(found.id)) return fail(`${found.id} failed when verify-backup looked at it last`);
  if (old.encrypted && !found.encrypted) return fail(`${found.id} isn't encrypted, and ${database} is`);
  const { id, takenAt } = found;
  const origin = { instanceResourceId: found.instanceResourceId ?? null };
  const doubts = [
    ...checkOrigin({ id, takenAt, ...origin }, old.resourceId, noted.get(id)).flatMap(({ ok, detail }) =>
      ok ? [] : [detail],
    ),
    ...tooOld(takenAt, now, dataLossSeconds),
    ...beforeLogin(takenAt, connectionMadeAt),
  ];
  if (wanted === undefined && doubts.length > 0)
    return fail(
      `${id} is the newest proved backup, and ${doubts.join('; ')}. To restore it all the same, name it: snapshot=${id}`,
    );
  const chosen: Chosen = {
    ...{ snapshotId: id, takenAt, snapshotResourceId: origin.instanceResourceId, newId, old },
    before: comparable(before, { ...origin, id, takenAt }) ?? null,
  };
  const proved = proofs.verified.has(id) ? 'proved' : 'not proved before';
  const detail = `${id} of ${iso(takenAt)}, ${proved}, is to become ${newId}`;
  return { kind: 'done', detail: [detail, ...doubts].join('; '), result: asJson(chosen) };
}

/** A moment is a person's choice: nothing has proved it, and `check` reads what comes of it. */
function chooseMoment(
  old: Old,
  { before, window, connectionMadeAt }: ChooseSeen,
  { database, at }: { readonly database: string; readonly at: number },
  newId: string,
): StepDecision {
  if (!window)
    return fail(
      `RDS has no backups of its own of ${database} (BackupRetentionPeriod) to restore it to a moment; leave out "at" to restore a backup`,
    );
  const { earliest, latest } = window;
  // "RestoreDBInstanceToPointInTime": before LatestRestorableTime; NaN is in no window.
  if (!(at >= earliest && at <= latest))
    return fail(
      `at: ${Number.isNaN(at) ? 'that is no time' : `${iso(at)} can't be restored`}; RDS can restore ${database} to any moment from ${iso(earliest)} to ${iso(latest)}`,
    );
  const chosen: Chosen = {
    ...{ snapshotId: null, takenAt: at, snapshotResourceId: old.resourceId, newId, old },
    before: comparable(before, { id: database, takenAt: at, instanceResourceId: old.resourceId }) ?? null,
  };
  const detail = `${database} as of ${iso(at)}, which nothing proved before, is to become ${newId}`;
  return { kind: 'done', detail: [detail, ...beforeLogin(at, connectionMadeAt)].join('; '), result: asJson(chosen) };
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** Users and passwords are in a backup as they were: also one that was shut out since. */
function beforeLogin(takenAt: number, madeAt: number | undefined): string[] {
  if (madeAt === undefined || madeAt <= takenAt) return [];
  return [
    `the current version of the secret was made after it (${new Date(madeAt).toISOString()}), so the login in it may not be that of the backup`,
  ];
}

function tooOld(takenAt: number, now: number, allowedSeconds: number): string[] {
  const age = Math.round((now - takenAt) / 1000);
  return age > allowedSeconds ? [`it is ${age} s old; ${allowedSeconds} s are allowed to be lost`] : [];
}

/** The new instance, as it is seen. */
export interface NewInstance {
  readonly id: string;
  readonly status: string;
  /** Undefined until it has one. */
  readonly address: Address | undefined;
  readonly resourceId: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Sorted. */
  readonly securityGroups: readonly string[];
  readonly hasPending: boolean;
  /** From deletion. */
  readonly isProtected: boolean;
}

export interface RestoreSeen {
  readonly instance: NewInstance | undefined;
  /** Why services may have written to it; undefined: nobody could. */
  readonly use: string | undefined;
}

/** @param isMade the secret has a version of this run. @param isNamed its current version names the new instance, whoever wrote it. @param checkedBy the security group of the check. */
export function useOf(
  instance: Pick<NewInstance, 'securityGroups'> | undefined,
  { isMade, isNamed, checkedBy }: { readonly isMade: boolean; readonly isNamed: boolean; readonly checkedBy: string },
): string | undefined {
  if (isMade) return 'services were pointed at it';
  if (isNamed) return 'the secret names it';
  const others = instance?.securityGroups.filter((group) => group !== checkedBy) ?? [];
  return others.length > 0 ? `it can be reached by the security groups ${others.join(', ')}` : undefined;
}

/** @param owner what `tagsOf` says. */
export const isOf = ({ tags }: Pick<NewInstance, 'tags'>, owner: Readonly<Record<string, string>>): boolean =>
  Object.entries(owner).every(([key, value]) => tags[key] === value);

const GROUPS = (groups: readonly string[]): string => [...groups].sort().join(',');

/** The instance as it was checked. */
export interface Checkable {
  readonly newId: string;
  readonly owner: Readonly<Record<string, string>>;
  readonly address: Address;
  readonly resourceId: string;
  readonly securityGroups: readonly string[];
}

/** Statuses in which it serves ("Viewing Amazon RDS DB instance status"). */
const SERVING = /^(available|backing-up|storage-optimization)$/;
/** And those that pass into them. */
const PASSING = /^(modifying|rebooting|starting|maintenance|configuring-.*)$/;

/** Why services can't be pointed at it: hours may be between its check and that. Undefined: they can. */
export function unfit(
  instance: NewInstance | undefined,
  { newId, owner, address, resourceId, securityGroups }: Checkable,
): { readonly passing: boolean; readonly why: string } | undefined {
  const no = (why: string) => ({ passing: false, why: `${newId} ${why}, so services aren't pointed at it` });
  if (!instance) return no('is gone');
  if (!isOf(instance, owner)) return no("isn't this run's by its tags");
  if (instance.resourceId !== resourceId) return no(`is ${instance.resourceId}, and ${resourceId} was checked`);
  const passing = PASSING.test(instance.status) || instance.hasPending;
  if (!passing && !SERVING.test(instance.status)) return no(`is ${instance.status}`);
  if (passing) return { passing, why: `${newId} is ${instance.status}, with changes under way` };
  const { host, port } = instance.address ?? {};
  if (host !== address.host || port !== address.port)
    return no(`is at ${host}:${port}, and was checked at ${address.host}:${address.port}`);
  const [groups, wanted] = [GROUPS(instance.securityGroups), GROUPS(securityGroups)];
  return groups === wanted ? undefined : no(`has the security groups ${groups}, not ${wanted}`);
}

export function decideRestore({ instance }: RestoreSeen, chosen: Chosen): StepDecision {
  const { newId, snapshotId, takenAt } = chosen;
  if (instance) return fail(`DB instance ${newId} exists already, and this run didn't make it`);
  return {
    kind: 'act',
    change: {
      summary: `restore ${sourceOf(chosen)} as ${newId}`,
      before: { instance: null },
      after: { instance: newId, ...(snapshotId === null ? { at: iso(takenAt) } : { snapshot: snapshotId }) },
      undo: `delete DB instance ${newId}`,
    },
  };
}

export function restoreApplied(
  { instance }: RestoreSeen,
  owner: Readonly<Record<string, string>>,
): 'yes' | 'no' | 'unclear' {
  if (!instance) return 'no';
  return isOf(instance, owner) ? 'yes' : 'unclear';
}

/** @param pollSeconds until it is looked at again. */
export function proveRestore({ instance }: RestoreSeen, { newId }: Chosen, pollSeconds: number): StepProof {
  if (!instance) return { kind: 'not-yet', detail: `RDS doesn't show ${newId} yet`, seconds: pollSeconds };
  const { status, address, resourceId } = instance;
  if (HOPELESS.test(status)) return { kind: 'bad', detail: `RDS made no running server of it: ${newId} is ${status}` };
  if (status === 'deleting') return { kind: 'bad', detail: `${newId} is being removed by somebody` };
  if (status !== 'available' || !address)
    return { kind: 'not-yet', detail: `${newId} is ${status}`, seconds: pollSeconds };
  return { kind: 'good', detail: `${newId} is available`, result: { ...address, resourceId } };
}

/** Removed is what carries this run's tags, and what nobody could ever write to: else rows that are nowhere else would be gone. Whether there are any only a person can say. */
export function decideRemoval(
  { instance, use }: RestoreSeen,
  newId: string,
  owner: Readonly<Record<string, string>>,
  pollSeconds: number,
): StepDecision {
  if (!instance) return { kind: 'done', detail: `${newId} is gone` };
  if (!isOf(instance, owner)) return fail(`${newId} isn't this run's by its tags: it is left alone`);
  if (use !== undefined)
    return fail(`${newId} is kept, because ${use}: copy what services wrote to it before you delete it`);
  const { status } = instance;
  if (status === 'deleting') return { kind: 'wait', seconds: pollSeconds, detail: `${newId} is being removed` };
  // "DeleteDBInstance": refused while it is being made or changed.
  if (/^(creating|modifying|rebooting|backing-up|configuring-.*)$/.test(status))
    return { kind: 'wait', seconds: pollSeconds, detail: `${newId} is ${status} and can't be removed yet` };
  return {
    kind: 'act',
    change: {
      summary: `remove ${newId}, which this run made`,
      before: { instance: newId },
      after: { instance: null },
      undo: 'none: it is a copy of a backup',
    },
  };
}

export const removalApplied = ({ instance }: RestoreSeen): 'yes' | 'no' =>
  !instance || instance.status === 'deleting' ? 'yes' : 'no';

export const proveRemoval = ({ instance }: RestoreSeen, newId: string, seconds: number): StepProof =>
  instance
    ? { kind: 'not-yet', detail: `${newId} is ${instance.status}`, seconds }
    : { kind: 'good', detail: `${newId} is gone` };

export function decideAdmission({ instance }: RestoreSeen, { newId, old }: Chosen, checkedBy: string): StepDecision {
  const wanted = GROUPS(old.securityGroups);
  const present = instance ? GROUPS(instance.securityGroups) : undefined;
  if (present === wanted) return { kind: 'done', detail: `${newId} has the security groups ${wanted}` };
  if (present === checkedBy && (instance?.status !== 'available' || instance.hasPending))
    return { kind: 'wait', seconds: 5, detail: `${newId} is ${instance?.status}` };
  if (present !== checkedBy)
    return fail(`${newId} has the security groups ${present ?? '(it is gone)'}, not ${checkedBy} as it was made with`);
  return {
    kind: 'act',
    change: {
      summary: `set the security groups of ${newId} to ${wanted}`,
      before: { securityGroups: checkedBy },
      after: { securityGroups: wanted },
      undo: `set them to ${checkedBy}`,
    },
  };
}

/** At the end: protected as the old one is. Before, this run had to be able to remove it. */
export const protection = ({ instance }: RestoreSeen, { newId, old }: Chosen): Change | undefined =>
  !old.deletionProtection || !instance || instance.isProtected
    ? undefined
    : {
        summary: `protect ${newId} from deletion, as the old one is`,
        before: { deletionProtection: false },
        after: { deletionProtection: true },
        undo: 'none: the recovery is proved',
      };

const wantedGroups = ({ after }: Change): string => (after as { securityGroups: string }).securityGroups;

export function admissionApplied(change: Change, { instance }: RestoreSeen): 'yes' | 'no' | 'unclear' {
  const present = instance ? GROUPS(instance.securityGroups) : undefined;
  if (present === wantedGroups(change)) return 'yes';
  return present === (change.before as { securityGroups: string }).securityGroups ? 'no' : 'unclear';
}

export function proveAdmission(change: Change, { instance }: RestoreSeen, seconds: number): StepProof {
  const isDone = admissionApplied(change, { instance, use: undefined }) === 'yes';
  if (isDone && instance?.status === 'available' && !instance.hasPending)
    return { kind: 'good', detail: `${instance.id} has the security groups ${wantedGroups(change)}` };
  return { kind: 'not-yet', detail: `its security groups are being changed (${instance?.status ?? 'gone'})`, seconds };
}
