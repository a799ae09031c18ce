/** What decisions are made of, of a snapshot, and how ours are named. Pure. */

export interface Snapshot {
  readonly id: string;
  /** `creating`, `available`, `failed` ... */
  readonly status: string;
  readonly encrypted: boolean;
  readonly sizeGib: number;
  /** 0 to 100. */
  readonly progressPercent: number;
  /** When the data in it was taken (epoch milliseconds); absent until it was. */
  readonly takenAt: number | undefined;
}

/** A snapshot together with whose it is. */
export interface KeptSnapshot extends Snapshot {
  /** Made and removed by RDS itself, by its backup window. */
  readonly isAutomated: boolean;
  /** `DbiResourceId` of the instance that it was taken of: a name can be given to another instance, this can't. */
  readonly instanceResourceId: string | undefined;
  /** The Nightshift deployment that made it, by its tag; undefined when somebody else did, and of evidence. */
  readonly madeBy: string | undefined;
  readonly arn?: string | undefined;
  /** ARN of the snapshot that it is a copy of, when that is in another region. */
  readonly copyOf?: string | undefined;
  /** `DbiResourceId` of the instance that the original of our copy was taken of, as we noted it. */
  readonly copiedInstance?: string | undefined;
}

/** What `data-corruption` keeps for people: `nightshift-<deployment>-<instance>-evidence-<hash>`. */
export const evidenceIdOf = (deployment: string, instance: string, hash: string): string =>
  `nightshift-${deployment}-${instance}-evidence-${hash}`;

/**
 * Whose backup a snapshot is. Evidence is nobody's: it has damaged data, and is never removed. RDS copies an instance's tags to its snapshots (CopyTagsToSnapshot), so it may
 * carry a deployment's tag all the same.
 */
export const makerOf = (id: string, tag: string | undefined): string | undefined =>
  /-evidence-[0-9a-f]{12}$/.test(id) ? undefined : tag;

/** Of a copy: whose snapshot it is a copy of. That a copy in another region keeps the `DbiResourceId` isn't documented. */
export const INSTANCE_TAG = 'nightshift:instance-resource-id';

/** Taken by `snapshot-database`: the names of scheduled backups end with the minute, these with the second, and those that a person asked for with a word. */
export function isTakenInAnswer(id: string, deployment: string, instance: string): boolean {
  const begin = `nightshift-${deployment}-${instance}-`;
  return id.startsWith(begin) && /^\d{4}(-\d{2}){5}$/.test(id.slice(begin.length));
}

/**
 * `nightshift-<deployment>-<instance>-<time>`: permissions are given for names that begin so, and what begins so is ours to prune. RDS allows letters,
 * digits and single hyphens.
 * @param at ISO 8601. @param digits how much of it: 16 is to the minute, 19 to the second.
 */
export const snapshotIdOf = (deployment: string, instance: string, at: string, digits: 16 | 19): string =>
  `nightshift-${deployment}-${instance}-${new Date(at).toISOString().slice(0, digits).replaceAll(/[T:]/g, '-')}`;

const ASKED_FOR = 'on-demand';

/** Of one that a person asked for, to the second. It is copied by its own run, and isn't counted among those that `snapshot-database` took. @param at ISO 8601. */
export const askedSnapshotIdOf = (deployment: string, instance: string, at: string): string =>
  `${snapshotIdOf(deployment, instance, at, 19)}-${ASKED_FOR}`;

const TIME_AT_END = new RegExp(`-(\\d{4}-\\d\\d-\\d\\d)-(\\d\\d)-(\\d\\d)(?:-\\d\\d(?:-${ASKED_FOR})?)?$`);

/** The minute that one of ours is named by, in epoch milliseconds; undefined: it is named otherwise. */
export function timeOfSnapshotId(id: string): number | undefined {
  const [, day, hour, minute] = TIME_AT_END.exec(id) ?? [];
  const at = Date.parse(`${day}T${hour}:${minute}:00Z`);
  return Number.isNaN(at) ? undefined : at;
}
