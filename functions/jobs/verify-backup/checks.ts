/** What was read of a restored backup, judged. Pure. Each check has a name; docs/backups.md says what it can find, and what it can't. */
import type { VerifiedTable } from '../../engine/config.ts';
import type { Count, Overview } from './reading.ts';

/** `check` names what is wrong, or was looked at. */
export type Finding = { readonly check: string; readonly ok: boolean; readonly detail: string };

/** A backup as its snapshot describes itself. */
export type Chosen = {
  readonly id: string;
  /** When its data was taken (epoch milliseconds). */
  readonly takenAt: number;
  readonly instanceResourceId: string | null;
  /** Restored to exactly then from the log; unlike a snapshot, which writes go on into while it is made. */
  readonly isMoment?: boolean;
};

/** What is known of a backup that was verified before. */
export type Verified = {
  readonly snapshotId: string;
  readonly takenAt: number;
  /** Of the instance that it was taken of; null: its report doesn't say. */
  readonly instanceResourceId: string | null;
  readonly systemId: string;
  readonly majorVersion: number;
  readonly nextXid: string;
  /** Rows by table. */
  readonly rows: Readonly<Record<string, number>>;
};

/** A heartbeat is written every 10 s; so much may be missing at the end before the backup isn't from when it says. */
const HEARTBEAT_BEHIND_MS = 90_000;
/** `SnapshotCreateTime` is when the copy began; writes go on while it is made. */
const TAKEN_LATER_MS = 3_600_000;
/** The journal's note of when it was taken and the snapshot's own come from the same field. */
const SAME_TIME_MS = 1_000;

const good = (check: string, detail: string): Finding => ({ check, ok: true, detail });
const bad = (check: string, detail: string): Finding => ({ check, ok: false, detail });
const iso = (ms: number): string => new Date(ms).toISOString();

/**
 * Whether it is the right instance's, and from the time that the journal noted when it was made.
 * @param expected `DbiResourceId` of the instance as it is now; undefined: it doesn't exist. @param noted by the job that took it, if one did.
 */
export function checkOrigin(chosen: Chosen, expected: string | undefined, noted: number | undefined): Finding[] {
  const instance =
    expected === undefined || chosen.instanceResourceId === expected
      ? good('instance', `taken of ${chosen.instanceResourceId}`)
      : bad('instance', `it was taken of ${chosen.instanceResourceId}, and the database is ${expected}`);
  if (noted === undefined) return [instance];
  const time =
    Math.abs(noted - chosen.takenAt) <= SAME_TIME_MS
      ? good('time', `taken at ${iso(chosen.takenAt)}, as the journal says`)
      : bad('time', `the journal says that it was taken at ${iso(noted)}, and it says ${iso(chosen.takenAt)}`);
  return [instance, time];
}

/** The backup to compare with: another instance of the same name, such as one that production was restored into, is another server with other transaction ids. */
export const comparable = (before: Verified | undefined, { instanceResourceId }: Chosen): Verified | undefined =>
  !before || before.instanceResourceId === null || before.instanceResourceId === instanceResourceId
    ? before
    : undefined;

/** Whether the data is of the right server and from the right time, and whole in itself. */
export function checkOverview(seen: Overview, chosen: Chosen, before: Verified | undefined): Finding[] {
  return [
    ...checkServer(seen, before),
    ...checkOrder(seen, chosen, before),
    ...checkHeartbeat(seen, chosen),
    seen.invalidConstraints.length === 0
      ? good('constraints', 'every constraint is validated')
      : bad('constraints', `not validated: ${seen.invalidConstraints.join(', ')}`),
    seen.invalidIndexes.length === 0
      ? good('indexes-valid', 'every index is valid')
      : bad('indexes-valid', `not valid: ${seen.invalidIndexes.join(', ')}`),
  ];
}

/** An upgrade to another major version makes a new system identifier; nothing else does. */
function checkServer(seen: Overview, before: Verified | undefined): Finding[] {
  if (!before || before.majorVersion !== seen.majorVersion) return [];
  return [
    before.systemId === seen.systemId
      ? good('server', `system identifier ${seen.systemId}, as before`)
      : bad(
          'server',
          `its system identifier is ${seen.systemId}, and that of ${before.snapshotId} was ${before.systemId}`,
        ),
  ];
}

/** Transaction ids only grow: of two copies of one server the later one has the higher. */
function checkOrder(seen: Overview, chosen: Chosen, before: Verified | undefined): Finding[] {
  if (!before || before.systemId !== seen.systemId) return [];
  const [now, then] = [BigInt(seen.nextXid), BigInt(before.nextXid)];
  const isLater = chosen.takenAt >= before.takenAt;
  if (isLater ? now >= then : now <= then)
    return [good('order', `its next transaction is ${now}, that of ${before.snapshotId} was ${then}`)];
  return [
    bad(
      'order',
      `it says it was taken ${isLater ? 'after' : 'before'} ${before.snapshotId}, but its next transaction is ${now} and that one's was ${then}: other data is in its place`,
    ),
  ];
}

function checkHeartbeat({ heartbeatAt }: Overview, { takenAt, isMoment = false }: Chosen): Finding[] {
  if (heartbeatAt === null) return [];
  const [at, taken] = [iso(heartbeatAt), iso(takenAt)];
  if (heartbeatAt < takenAt - HEARTBEAT_BEHIND_MS)
    return [
      bad(
        'heartbeat',
        `its last heartbeat is from ${at}, and it was taken at ${taken}: it is older than it says, or nothing was written any more`,
      ),
    ];
  if (heartbeatAt > takenAt + (isMoment ? 0 : TAKEN_LATER_MS))
    return [
      bad(
        'heartbeat',
        `its last heartbeat is from ${at}, ${isMoment ? 'after the moment' : 'long after it was taken at'} ${taken}`,
      ),
    ];
  return [good('heartbeat', `its last heartbeat is from ${at}`)];
}

/** Whether a table has the rows that it should have, and they are as new as they should be. */
export function checkTable(
  table: VerifiedTable,
  { rows, newestAt }: Count,
  chosen: Chosen,
  before: Verified | undefined,
): Finding[] {
  const { name, minRows, shrinksAtMostShare, newest } = table;
  if (rows === null) return [bad('rows', `there is no table ${name}`)];
  if (rows < minRows) return [bad('rows', `${name} has ${rows} rows, at least ${minRows} are expected`)];
  const earlier = before && before.takenAt <= chosen.takenAt ? before.rows[name] : undefined;
  if (earlier !== undefined && rows < earlier * (1 - shrinksAtMostShare))
    return [bad('rows', `${name} has ${rows} rows, and ${before?.snapshotId} had ${earlier}`)];
  const counted = good('rows', `${name} has ${rows} rows`);
  if (!newest) return [counted];
  if (newestAt === null) return [counted, bad('newest', `${name}.${newest.column} has no value`)];
  const behindSeconds = Math.round((chosen.takenAt - newestAt) / 1000);
  return [
    counted,
    behindSeconds <= newest.withinSeconds
      ? good('newest', `the newest ${name}.${newest.column} is from ${iso(newestAt)}`)
      : bad(
          'newest',
          `the newest ${name}.${newest.column} is from ${iso(newestAt)}, ${behindSeconds} s before the backup; ${newest.withinSeconds} s are allowed`,
        ),
  ];
}
