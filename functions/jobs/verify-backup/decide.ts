/** What the proof of a backup needs next, and what it comes to. Pure. */
import type { KeptSnapshot } from '../../databases/snapshot-id.ts';
import type { BackupConfig, VerifyConfig } from '../../engine/config.ts';
import type { Step, Verdict } from '../job.ts';
import type { Scratch } from '../scratch-id.ts';
import {
  type Chosen,
  checkOrigin,
  checkOverview,
  checkTable,
  comparable,
  type Finding,
  type Verified,
} from './checks.ts';
import type { Answer, Ask, Overview, Position } from './reading.ts';

/** Kept between turns. */
export type State = {
  /** Follows from the run, so that it is restored once however often this is tried. */
  readonly scratchId: string;
  /** The backup that a person named; null: the newest. */
  readonly wanted: string | null;
  /** Since when it waits for a backup that is being made (epoch milliseconds). */
  readonly makingSince: number | null;
  readonly chosen: Chosen | null;
  /** The backup that was verified before. */
  readonly before: Verified | null;
  /** Epoch milliseconds. Written before it is asked for. */
  readonly restoreAskedAt: number | null;
  /** The restored instance was there once: one that is missing now was removed by somebody. */
  readonly wasThere: boolean;
  readonly unreachableSince: number | null;
  readonly answeredAt: number | null;
  readonly overview: Overview | null;
  /** Rows by table. */
  readonly rows: Readonly<Record<string, number>>;
  /** Questions that are answered, by name. */
  readonly answered: readonly string[];
  readonly fullRead: { readonly from: Position | null; readonly mib: number };
  readonly indexes: { readonly after: string | null; readonly checked: number };
  readonly findings: readonly Finding[];
};

export const newState = (scratchId: string, wanted: string | undefined): State => ({
  scratchId,
  wanted: wanted ?? null,
  makingSince: null,
  chosen: null,
  before: null,
  restoreAskedAt: null,
  wasThere: false,
  unreachableSince: null,
  answeredAt: null,
  overview: null,
  rows: {},
  answered: [],
  fullRead: { from: null, mib: 0 },
  indexes: { after: null, checked: 0 },
  findings: [],
});

/** What is known before anything is restored. */
export interface Known {
  readonly snapshots: readonly KeptSnapshot[];
  /** `DbiResourceId` of the database as it is now; undefined: it doesn't exist. */
  readonly instanceResourceId: string | undefined;
  /** When each backup was taken, as the journal noted it when it was made: epoch milliseconds by name. */
  readonly noted: ReadonlyMap<string, number>;
  readonly before: Verified | undefined;
  /** Where the full read of the run before stopped. */
  readonly readUpTo: Position | undefined;
}

const POLL_SECONDS = 30;
/** Between one question and the next, when the turn is over. */
const NEXT_SECONDS = 1;
/** An instance that is available and lets nobody in for so long isn't restored. */
const UNREACHABLE_MS = 600_000;
const DAY_SECONDS = 86_400;
/** The backup that is being made is waited for so long; then the newest of those that are there is proved. */
const MAKING_MS = 2 * 3_600_000;
/** A backup begins a little after its time, and takes a while. */
const AGE_SLACK_SECONDS = 3_600;

/** Chooses the backup and looks at what it says of itself. @param madeBy this deployment. @param now epoch milliseconds. */
export function choose(state: State, known: Known, backup: BackupConfig, madeBy: string, now: number): Step<State> {
  const { wanted } = state;
  // A deployment of the same name in another region may copy its backups here.
  const made = known.snapshots.filter((each) => each.madeBy === madeBy && !each.isAutomated && !each.copyOf);
  const making = made.find(({ status }) => status === 'creating');
  const since = state.makingSince ?? now;
  // Without its end the newest would be yesterday's, and look too old.
  if (wanted === null && making && now - since < MAKING_MS)
    return wait({ ...state, makingSince: since }, POLL_SECONDS, `${making.id} is being made`);
  const ours = made.filter(({ status }) => status === 'available').sort((a, b) => (b.takenAt ?? 0) - (a.takenAt ?? 0));
  const found = wanted === null ? ours[0] : ours.find(({ id }) => id === wanted);
  if (!found || found.takenAt === undefined) {
    const what = wanted === null ? 'there is no backup' : `there is no backup ${wanted}`;
    return failed(state, 'backup', `${what} of this deployment that is available`);
  }
  const chosen = { id: found.id, takenAt: found.takenAt, instanceResourceId: found.instanceResourceId ?? null };
  const findings = [
    ...(wanted === null ? [checkAge(chosen, backup, now)] : []),
    ...checkOrigin(chosen, known.instanceResourceId, known.noted.get(found.id)),
  ];
  const next = {
    ...state,
    chosen,
    before: comparable(known.before, chosen) ?? null,
    fullRead: { from: known.readUpTo ?? null, mib: 0 },
    restoreAskedAt: now,
    findings,
  };
  // What isn't this database's backup isn't restored to be asked more.
  if (findings.some(({ check, ok }) => !ok && check === 'instance')) return conclude(next);
  return wait(next, NEXT_SECONDS, `${found.id} is to be restored as ${state.scratchId}`);
}

function checkAge(
  { takenAt }: Chosen,
  { pointInTimeRecovery, recoveryPointSeconds }: BackupConfig,
  now: number,
): Finding {
  const age = Math.round((now - takenAt) / 1000);
  // With transaction logs a snapshot a day is enough; without them nothing else bounds what is lost.
  const allowed = (pointInTimeRecovery ? DAY_SECONDS : recoveryPointSeconds) + AGE_SLACK_SECONDS;
  return { check: 'age', ok: age <= allowed, detail: `the newest backup is ${age} s old; ${allowed} s are allowed` };
}

export type Next =
  | Step<State>
  /** The restore is to be asked for now. */
  | { readonly kind: 'restore' }
  /** The restored instance is to be asked this. */
  | { readonly kind: 'ask'; readonly ask: Ask; readonly host: string; readonly port: number };

/** Statuses in which a restored instance stays ("Viewing Amazon RDS DB instance status"): no server came of the backup. */
export const HOPELESS =
  /^(failed|incompatible-.*|restore-error|inaccessible-encryption-credentials.*|storage-full|insufficient-capacity)$/;

/** What to do with the restored instance. @param isOurs whether it carries this run's tags. */
export function nextStep(state: State, scratch: Scratch | undefined, isOurs: boolean, verify: VerifyConfig): Next {
  if (!scratch) {
    if (state.wasThere) return failed(state, 'scratch', `${state.scratchId} was removed before it was read`);
    return { kind: 'restore' };
  }
  if (!isOurs) return failed(state, 'scratch', `${scratch.id} exists and isn't this run's: it is left alone`);
  if (HOPELESS.test(scratch.status))
    return failed(state, 'start', `RDS made no running server of ${state.chosen?.id}: it is ${scratch.status}`);
  const there = { ...state, wasThere: true };
  if (scratch.status === 'deleting') return failed(there, 'scratch', `${scratch.id} is being removed by somebody`);
  if (scratch.status !== 'available' || !scratch.endpoint)
    return wait(there, POLL_SECONDS, `${scratch.id} is ${scratch.status}`);
  const ask = nextAsk(state, verify);
  return ask ? { kind: 'ask', ask, ...scratch.endpoint } : conclude(there);
}

export const nameOf = (ask: Ask): string =>
  ask.kind === 'count' ? `count:${ask.table}` : ask.kind === 'query' ? `query:${ask.name}` : ask.kind;

/** The next question; undefined when all are answered. */
export function nextAsk(state: State, { tables, queries, fullReadMib }: VerifyConfig): Ask | undefined {
  const { fullRead, indexes, overview } = state;
  const asks: Ask[] = [
    { kind: 'overview' },
    ...tables.map(({ name: table }): Ask => ({ kind: 'count', table })),
    ...Object.keys(queries).map((name): Ask => ({ kind: 'query', name })),
    ...(fullReadMib > 0 ? [{ kind: 'full-read', from: fullRead.from, mib: fullReadMib - fullRead.mib } as const] : []),
    ...(overview?.amcheck ? [{ kind: 'indexes', after: indexes.after } as const] : []),
  ];
  return asks.find((ask) => !state.answered.includes(nameOf(ask)));
}

/** Takes an answer in. @param now epoch milliseconds. */
export function afterAnswer(state: State, ask: Ask, answer: Answer, verify: VerifyConfig, now: number): Step<State> {
  if (answer.kind === 'no-connection') return notReached(state, answer, now);
  const seen = { ...state, wasThere: true, unreachableSince: null, answeredAt: state.answeredAt ?? now };
  const next = takeIn(seen, ask, answer, verify);
  // Without an overview nothing more can be asked.
  if (answer.kind === 'unreadable' && ask.kind === 'overview') return conclude(next);
  return nextAsk(next, verify)
    ? wait(next, NEXT_SECONDS, `${nameOf(ask)} of ${state.chosen?.id} is answered`)
    : conclude(next);
}

function notReached(state: State, { passing, why }: { passing: boolean; why: string }, now: number): Step<State> {
  const since = state.unreachableSince ?? now;
  if (!passing || now - since >= UNREACHABLE_MS) return failed({ ...state, wasThere: true }, 'login', why);
  return wait(
    { ...state, wasThere: true, unreachableSince: since },
    POLL_SECONDS,
    `${state.scratchId} lets nobody in yet`,
  );
}

function takeIn(
  state: State,
  ask: Ask,
  answer: Exclude<Answer, { kind: 'no-connection' }>,
  verify: VerifyConfig,
): State {
  const { chosen, before } = state;
  if (!chosen) throw new Error('a backup is read that nobody chose');
  const answered = [...state.answered, nameOf(ask)];
  const found = (...findings: readonly Finding[]): State => ({
    ...state,
    answered,
    findings: [...state.findings, ...findings],
  });
  switch (answer.kind) {
    case 'overview':
      return { ...found(...checkOverview(answer, chosen, before ?? undefined)), overview: answer };
    case 'count': {
      const table = verify.tables.find(({ name }) => name === answer.table);
      const next = found(...(table ? checkTable(table, answer, chosen, before ?? undefined) : []));
      return answer.rows === null ? next : { ...next, rows: { ...state.rows, [answer.table]: answer.rows } };
    }
    case 'query':
      return found({ check: nameOf(ask), ok: answer.good, detail: answer.why });
    case 'full-read':
      return fullReadGoesOn(state, answer, found, verify);
    case 'indexes': {
      const indexes = { after: answer.next, checked: state.indexes.checked + answer.checked };
      if (answer.next !== null) return { ...state, indexes };
      const detail = answer.damage ?? `${indexes.checked} indexes are in order`;
      return { ...found({ check: 'indexes', ok: answer.damage === null, detail }), indexes };
    }
    case 'unreadable': {
      // A page is damaged, whoever came upon it.
      const check = answer.damaged ? 'full-read' : nameOf(ask);
      return found({ check, ok: false, detail: answer.why });
    }
    // Only plans ask for these.
    case 'digest':
    case 'rows':
      return found();
    default:
      return answer satisfies never;
  }
}

function fullReadGoesOn(
  state: State,
  answer: Extract<Answer, { kind: 'full-read' }>,
  found: (...findings: readonly Finding[]) => State,
  { fullReadMib }: VerifyConfig,
): State {
  const mib = state.fullRead.mib + answer.mib;
  const fullRead = { from: answer.next, mib };
  if (answer.damage)
    return {
      ...found({ check: 'full-read', ok: false, detail: `${answer.damage.table}: ${answer.damage.why}` }),
      fullRead,
    };
  if (answer.next !== null && mib < fullReadMib) return { ...state, fullRead };
  const upTo = answer.next === null ? 'to the end' : `up to ${answer.next.table}`;
  return { ...found({ check: 'full-read', ok: true, detail: `${mib} MiB were read ${upTo}` }), fullRead };
}

const wait = (state: State, seconds: number, note: string): Step<State> => ({ kind: 'wait', seconds, state, note });

/** Ends the run with one more finding, which is what is wrong. */
export const failed = (state: State, check: string, detail: string): Step<State> =>
  conclude({ ...state, findings: [...state.findings, { check, ok: false, detail }] });

/** The verdict of all findings: the first bad one names the check. */
function conclude(state: State): Step<State> {
  const bad = state.findings.filter(({ ok }) => !ok);
  const [first] = bad;
  const report = reportOf(state);
  const id = state.chosen?.id ?? 'no backup';
  const verdict: Verdict = first
    ? { kind: 'failed', check: first.check, summary: `${id}: ${bad.map(({ detail }) => detail).join('; ')}`, report }
    : {
        kind: 'passed',
        summary: `${id} was restored in ${report.restoreSeconds} s and passed ${state.findings.length} checks; its data is ${report.recoveryPointSeconds} s old`,
        report,
      };
  return { kind: 'verdict', state, verdict };
}

const seconds = (from: number | null, to: number | null): number | null =>
  from === null || to === null ? null : Math.max(0, Math.round((to - from) / 1000));

/** What is kept of a run: `Verified` is read from it again. */
function reportOf(state: State): Verdict['report'] {
  const { chosen, overview, rows, findings, restoreAskedAt, answeredAt, fullRead, indexes } = state;
  const newest = overview?.heartbeatAt ?? chosen?.takenAt ?? null;
  return {
    snapshotId: chosen?.id ?? null,
    takenAt: chosen ? new Date(chosen.takenAt).toISOString() : null,
    instanceResourceId: chosen?.instanceResourceId ?? null,
    // How long it takes to have the data back, and how old it is then.
    restoreSeconds: seconds(restoreAskedAt, answeredAt),
    recoveryPointSeconds: seconds(newest, restoreAskedAt),
    systemId: overview?.systemId ?? null,
    majorVersion: overview?.majorVersion ?? null,
    nextXid: overview?.nextXid ?? null,
    checksums: overview?.checksums ?? null,
    rows,
    fullReadMib: fullRead.mib,
    fullReadNext: fullRead.from,
    indexesChecked: overview?.amcheck ? indexes.checked : null,
    findings,
  };
}
