/** What `region-fail-back` decides of the two databases: which one is set aside, what follows whom, and how far. Pure. */
import type { Instance, InstanceReading } from '../../databases/instance.ts';
import { notAvailable } from '../../databases/status.ts';
import type { Change } from '../../engine/remediation.ts';
import type { StepDecision, StepProof } from '../step.ts';
import type { Follower, ReplicationAnswer } from './helper/orders.ts';

/** What a rebuilt database gets of the one that it replaces. */
export type Like = Pick<
  Instance,
  'instanceClass' | 'multiAz' | 'backupDays' | 'settings' | 'subnetGroup' | 'parameterGroup' | 'isProtected'
>;
/** What `set-aside` and `retire` leave. */
export type SetAside = { readonly like: Like; readonly aside: string | null };

export interface Named {
  readonly name: string;
  readonly reading: InstanceReading;
}
export interface AsideSeen {
  /** By the name that is to be free. */
  readonly named: Named;
  /** By the name that it gets. */
  readonly aside: Named;
  /** Who takes writes; a replica of it is no old database. */
  readonly source: InstanceReading;
  /** What a person named instead. */
  readonly like?: Named | undefined;
}

const fail = (reason: string): StepDecision => ({ kind: 'fail', reason });
const wait = (detail: string, seconds: number): StepDecision => ({ kind: 'wait', detail, seconds });
const POLL_SECONDS = 5;
const LEAST_SLOWLY_SECONDS = 10;
const MOST_SLOWLY_SECONDS = 1_800;

/** A tenth of what has passed: a step has some hundred turns, and RDS takes hours. */
export const slowly = (now: number, since: number): number =>
  Math.min(MOST_SLOWLY_SECONDS, Math.max(LEAST_SLOWLY_SECONDS, Math.round((now - since) / 10_000)));

const likeOf = ({
  instanceClass,
  multiAz,
  backupDays,
  settings,
  subnetGroup,
  parameterGroup,
  isProtected,
}: Instance): Like => ({
  ...{ instanceClass, multiAz, backupDays, settings },
  ...(subnetGroup !== undefined && { subnetGroup }),
  ...(parameterGroup !== undefined && { parameterGroup }),
  ...(isProtected !== undefined && { isProtected }),
});

/** Of a database whose writers are stopped. Eight letters of the run, so that none of two runs takes the other's name. */
export const asideName = (name: string, letters: string): string => `${name}-old-${letters}`;

const follows = (reading: InstanceReading, source: InstanceReading): boolean =>
  reading.kind === 'instance' && source.kind === 'instance' && reading.replicaOf === source.arn;

/** Why it can't be set aside, for good; undefined: it can, or needn't, or can once it is `available`. */
export function whyNotAside({ name, reading }: Named, source: InstanceReading): string | undefined {
  if (reading.kind === 'missing' || follows(reading, source)) return undefined;
  if (reading.cluster !== undefined) return `${name} is a member of a cluster, which has operations of its own`;
  if (reading.replicaOf !== undefined) return `${name} is a read replica of ${reading.replicaOf}`;
  const busy = notAvailable(name, reading.status);
  return busy?.kind === 'escalate'
    ? `${busy.reason}, and RDS renames only what is available: start it, or rename or delete it by hand`
    : undefined;
}

export function decideAside({ named, aside, source, like }: AsideSeen): StepDecision {
  const { name, reading } = named;
  const why = whyNotAside(named, source);
  if (why !== undefined) return fail(why);
  if (reading.kind === 'missing') {
    const model = like?.reading.kind === 'instance' ? like.reading : undefined;
    return model
      ? { kind: 'done', detail: `there is no ${name}; it is to be like ${like?.name}`, result: asJson(model, null) }
      : fail(
          `${reading.why}: start again with like=<its name since an earlier run set it aside>, or make the replica by hand under that name`,
        );
  }
  if (follows(reading, source)) {
    // A replica has no backups of its own mostly, so it doesn't tell how long those of the old one were kept.
    const backupDays = like?.reading.kind === 'instance' ? like.reading.backupDays : reading.backupDays;
    const kept = Math.max(1, backupDays);
    return {
      kind: 'done',
      detail: `${name} follows already; its backups will be kept for ${kept} day${kept === 1 ? '' : 's'}${like ? ` as those of ${like.name}` : ': with like=<the old database as it was set aside> as long as that one’s'}`,
      result: asJson({ ...reading, backupDays }, null),
    };
  }
  if (reading.status !== 'available') return wait(`${name} is ${reading.status}`, POLL_SECONDS);
  return {
    kind: 'act',
    change: {
      summary: `set ${name} aside as ${aside.name}`,
      before: { name },
      after: { name: aside.name },
      undo: `rename ${aside.name} to ${name}, once that name is free`,
    },
  };
}

const asJson = (reading: Instance, aside: string | null) =>
  JSON.parse(JSON.stringify({ like: likeOf(reading), aside }));

/** Being renamed, it may have either name, or for a moment none. */
export function asideApplied({ named, aside }: Pick<AsideSeen, 'named' | 'aside'>): 'yes' | 'no' | 'unclear' {
  if (aside.reading.kind === 'instance') return named.reading.kind === 'missing' ? 'yes' : 'unclear';
  if (named.reading.kind === 'missing') return 'unclear';
  if (named.reading.status === 'available') return 'no';
  return ['renaming', 'modifying', 'rebooting'].includes(named.reading.status) ? 'yes' : 'unclear';
}

export function proveAside({ named, aside }: Pick<AsideSeen, 'named' | 'aside'>): StepProof {
  const { reading } = aside;
  if (reading.kind === 'instance' && named.reading.kind === 'instance')
    return { kind: 'bad', detail: `somebody made another ${named.name}` };
  if (reading.kind === 'instance' && reading.status === 'available')
    return { kind: 'good', detail: `it is kept as ${aside.name}`, result: asJson(reading, aside.name) };
  return { kind: 'not-yet', detail: `${named.name} is being renamed`, seconds: POLL_SECONDS * 2 };
}

export interface FollowSeen {
  readonly named: Named;
  readonly source: Named;
}

/** Why nothing can follow it; undefined: it can. "CreateDBInstanceReadReplica", Amazon RDS API Reference. */
export function whyNotFollowed({ name, reading }: Named): string | undefined {
  if (reading.kind === 'missing') return reading.why;
  if (reading.replicaOf !== undefined)
    return `${name} is a read replica of ${reading.replicaOf}: nobody failed over to it`;
  if (reading.backupDays === 0)
    return `${name} has no automated backups, without which RDS makes no replica: give it a BackupRetentionPeriod, which restarts it`;
  return undefined;
}

const replicaChange = (name: string, source: Named): Change => ({
  summary: `make ${name}, a read replica of ${source.name}`,
  before: { database: null },
  after: { database: name, replicaOf: source.reading.kind === 'instance' ? source.reading.arn : null },
  undo: `delete ${name}`,
});

/** @param rehearse what is in the way is still there then. */
export function decideRebuild({ named, source }: FollowSeen, rehearse: boolean): StepDecision {
  const change = replicaChange(named.name, source);
  if (rehearse) return { kind: 'act', change };
  const why = whyNotFollowed(source);
  if (why !== undefined) return fail(why);
  if (named.reading.kind === 'missing') {
    const isBusy = source.reading.kind === 'instance' && source.reading.status !== 'available';
    return isBusy ? wait(`${source.name} isn't available`, POLL_SECONDS) : { kind: 'act', change };
  }
  if (!follows(named.reading, source.reading)) return fail(`${named.name} is there and doesn't follow ${source.name}`);
  const busy = notAvailable(named.name, named.reading.status);
  if (busy?.kind === 'escalate') return fail(busy.reason);
  return busy
    ? wait(`${named.name} is ${named.reading.status}`, 60)
    : { kind: 'done', detail: `${named.name} follows` };
}

export function rebuildApplied({ named, source }: FollowSeen): 'yes' | 'no' | 'unclear' {
  if (named.reading.kind === 'missing') return 'no';
  return follows(named.reading, source.reading) ? 'yes' : 'unclear';
}

/** @param seconds until it is looked at again. */
export function proveRebuild({ named, source }: FollowSeen, seconds: number): StepProof {
  const { name, reading } = named;
  if (reading.kind === 'missing') return { kind: 'not-yet', detail: `${name} isn't to be seen yet`, seconds };
  if (!follows(reading, source.reading)) return { kind: 'bad', detail: `${name} doesn't follow ${source.name}` };
  const busy = notAvailable(name, reading.status);
  if (busy?.kind === 'escalate') return { kind: 'bad', detail: busy.reason };
  return busy
    ? { kind: 'not-yet', detail: `${name} is ${reading.status}`, seconds }
    : { kind: 'good', detail: `${name} is there, and follows ${source.name}` };
}

export interface LagSeen {
  readonly answer: ReplicationAnswer;
  /** Of the replica; undefined: it isn't there. */
  readonly resourceId: string | undefined;
  /** Newest datapoint of ReplicaLag; undefined: none, or RDS can't tell. */
  readonly lagSeconds: number | undefined;
}

/** The replica's, or why it isn't known. RDS names a replica's slot `rds_<region>_db_<resource id>`, in small letters. */
export function followerOf({ answer, resourceId }: Omit<LagSeen, 'lagSeconds'>): Follower | string {
  if (answer.kind === 'refused') return answer.why;
  if (answer.isReplica) return 'the database of the standby is a read replica';
  const ending = resourceId?.toLowerCase().replaceAll('-', '_');
  const found = ending === undefined ? undefined : answer.followers.find(({ slot }) => slot.endsWith(ending));
  return found ?? 'the database of the standby tells of no replica that is this one';
}

/** One segment of the log: what is written between two looks. */
const CLOSE_BYTES = 16 * 1024 * 1024;
const CLOSE_SECONDS = 60;

/** Near enough that the writers may be stopped: the rest comes while they stop. */
export function decideFollow(seen: LagSeen, seconds: number): StepDecision {
  const { answer, lagSeconds } = seen;
  if (answer.kind === 'refused' && !answer.passing)
    return fail(`${answer.why}: the login needs pg_read_all_stats, and to be let in`);
  const found = followerOf(seen);
  if (typeof found === 'string') return wait(found, seconds);
  const { state, behindBytes } = found;
  const told = `it is ${behindBytes} bytes behind (${state}); ReplicaLag: ${lagSeconds ?? 'unknown'} s`;
  // "Monitoring read replication": of a source that nobody writes to, ReplicaLag grows to five minutes.
  const isClose = state === 'streaming' && behindBytes <= CLOSE_BYTES;
  const isTold = lagSeconds !== undefined && (lagSeconds <= CLOSE_SECONDS || behindBytes === 0);
  return isClose && isTold ? { kind: 'done', detail: told } : wait(told, seconds);
}

/** Undefined: it has everything, and nobody adds to that. */
export function whyNotDrained(seen: Omit<LagSeen, 'lagSeconds'>): string | undefined {
  const found = followerOf(seen);
  if (typeof found === 'string') return found;
  if (found.state !== 'streaming' || found.behindBytes > 0)
    return `the replica is ${found.behindBytes} bytes behind (${found.state})`;
  const { writing } = seen.answer as Extract<ReplicationAnswer, { kind: 'read' }>;
  return writing > 0 ? `${writing} transactions of somebody else are writing` : undefined;
}

/** What is lost is nothing: the times that the report is made of are the same. */
export function decideDrain(seen: Omit<LagSeen, 'lagSeconds'>, now: number): StepDecision {
  const why = whyNotDrained(seen);
  return why === undefined
    ? {
        kind: 'done',
        detail: 'the replica has everything that was written',
        result: { recoveryPointAt: now, writtenUntil: now },
      }
    : wait(why, 2);
}
