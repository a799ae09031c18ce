/**
 * Sessions for scenarios and tests: clients that hold connections as applications do, through the instance's endpoint, and that remember how they ended.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

export interface SessionTarget {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** PEM of the world's authority (`<world.dir>/ca.pem`). */
  readonly ca: string;
}

/** `stubborn` is active with a statement that goes on when it is cancelled. */
export type SessionState = 'idle' | 'active' | 'stubborn' | 'idle in transaction' | 'replication';

export interface SessionsReport {
  readonly opened: number;
  /** Refused when opened, by SQLSTATE or network code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Still connected when the report was made. */
  readonly alive: number;
  /** Ended by the server (or the network), not by us. */
  readonly ended: number;
  /** Of those, with a statement sent and not yet answered: somebody's work was lost. */
  readonly endedInStatement: number;
  /** Process ids of sessions that ended, in that order. */
  readonly endedPids: readonly number[];
  /** Process ids of sessions whose statement was cancelled; they are alive. */
  readonly cancelledPids: readonly number[];
}

export interface Sessions {
  /** Process ids of the sessions that are alive. */
  pids(): number[];
  report(): SessionsReport;
  /**
   * Closes what is alive; returns the report from before closing. A session in a statement has its connection cut: nothing is cancelled, and the server
   * notices when the statement ends or looks.
   */
  close(): Promise<SessionsReport>;
}

interface Session {
  readonly client: pg.Client;
  readonly pid: number;
  inStatement: boolean;
  alive: boolean;
}

const codeOf = (error: unknown): string => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'unknown';
};

/** PostgreSQL documentation, "PostgreSQL Error Codes". */
const QUERY_CANCELED = '57014';

/** Keeps the books about a set of sessions. */
class Ledger implements Sessions {
  readonly all: Session[] = [];
  readonly #refused: Record<string, number> = {};
  readonly #endedPids: number[] = [];
  readonly #cancelledPids: number[] = [];
  #endedInStatement = 0;
  closing = false;

  refuse(error: unknown): void {
    const code = codeOf(error);
    this.#refused[code] = (this.#refused[code] ?? 0) + 1;
  }

  async open(target: SessionTarget, application: string, replication: boolean): Promise<Session> {
    const config = {
      host: target.host,
      port: target.port,
      database: target.database,
      user: target.user,
      password: target.password,
      application_name: application,
      ssl: { ca: target.ca, servername: target.host },
      // Known to pg, not to its types.
      ...(replication && { replication: 'database' }),
    };
    const client = new pg.Client(config);
    const pending: { session?: Session } = {};
    // The server's farewell, or a broken connection: `end` follows and is counted.
    client.on('error', () => {});
    client.on('end', () => pending.session && this.#ended(pending.session));
    await client.connect();
    const pid = (client as unknown as { processID: number }).processID;
    const session: Session = { client, pid, inStatement: false, alive: true };
    pending.session = session;
    this.all.push(session);
    return session;
  }

  /** Runs a statement; a session that is ended meanwhile is counted as ended in a statement. @throws the driver's error. */
  async run(session: Session, sql: string): Promise<void> {
    session.inStatement = true;
    try {
      await session.client.query(sql);
    } catch (error) {
      if (codeOf(error) !== QUERY_CANCELED) throw error;
      this.#cancelledPids.push(session.pid);
    }
    session.inStatement = false;
  }

  #ended(session: Session): void {
    if (!session.alive) return;
    session.alive = false;
    if (this.closing) return;
    this.#endedPids.push(session.pid);
    if (session.inStatement) this.#endedInStatement += 1;
  }

  pids(): number[] {
    return this.all.filter(({ alive }) => alive).map(({ pid }) => pid);
  }

  report(): SessionsReport {
    return {
      opened: this.all.length,
      refused: { ...this.#refused },
      alive: this.pids().length,
      ended: this.#endedPids.length,
      endedInStatement: this.#endedInStatement,
      endedPids: [...this.#endedPids],
      cancelledPids: [...this.#cancelledPids],
    };
  }

  async close(): Promise<SessionsReport> {
    const report = this.report();
    this.closing = true;
    await Promise.all(this.all.filter(({ alive }) => alive).map((session) => leave(session)));
    return report;
  }
}

/** A session in a statement doesn't hear the goodbye: its connection is cut instead. */
async function leave({ client, inStatement }: Session): Promise<void> {
  if (!inStatement) return client.end();
  const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
  const gone = new Promise<void>((ended) => client.once('end', () => ended()));
  stream.destroy();
  await gone;
}

export interface OpenSessionsOptions {
  readonly count: number;
  readonly application: string;
  readonly state: SessionState;
}

/**
 * Opens sessions one after another and leaves them in the given state until `close`. A session that is refused is counted, not thrown.
 * `active` and `stubborn` run one statement that lasts a day; `replication` needs a login with the REPLICATION attribute.
 */
export async function openSessions(target: SessionTarget, options: OpenSessionsOptions): Promise<Sessions> {
  const ledger = new Ledger();
  for (let index = 0; index < options.count; index += 1) {
    try {
      const session = await ledger.open(target, options.application, options.state === 'replication');
      await settle(ledger, session, options.state);
    } catch (error) {
      ledger.refuse(error);
    }
  }
  return ledger;
}

/** PL/pgSQL catches a cancellation only by name (PostgreSQL documentation, "PL/pgSQL", Trapping Errors). */
const STUBBORN = `DO $$ BEGIN LOOP
  BEGIN PERFORM pg_sleep(86400); EXCEPTION WHEN query_canceled THEN NULL; END;
END LOOP; END $$`;

async function settle(ledger: Ledger, session: Session, state: SessionState): Promise<void> {
  if (state === 'active' || state === 'stubborn') {
    // Not awaited: it lasts. Its failure is the end of the session, which is counted.
    ledger.run(session, state === 'active' ? 'SELECT pg_sleep(86400)' : STUBBORN).catch(() => {});
    return;
  }
  if (state === 'idle in transaction') await ledger.run(session, 'BEGIN');
  else if (state === 'idle') await ledger.run(session, 'SELECT 1');
}

/** Milliseconds, drawn evenly from `[least, most]`. */
type Range = readonly [least: number, most: number];

export interface ChurnOptions {
  readonly sessions: number;
  readonly application: string;
  /** How long a session rests between statements, and how long a statement runs. */
  readonly idleMs: Range;
  readonly busyMs: Range;
  /** Share of the rests (0 to 1) that last `parkedMs` instead: what an idle limit is meant for. */
  readonly parkedShare: number;
  readonly parkedMs: Range;
}

const draw = ([least, most]: Range): number => least + Math.random() * (most - least);

/**
 * A load whose sessions keep turning from idle to active at random, as a pool's do. A session that was ended is replaced by a new one.
 * `close` waits until every session has finished its statement.
 */
export async function churn(target: SessionTarget, options: ChurnOptions): Promise<Sessions> {
  const ledger = new Ledger();
  const stopping = new AbortController();
  const workers = Array.from({ length: options.sessions }, () => work(ledger, target, options, stopping.signal));
  return {
    pids: () => ledger.pids(),
    report: () => ledger.report(),
    close: async () => {
      stopping.abort();
      await Promise.all(workers);
      return ledger.close();
    },
  };
}

async function work(
  ledger: Ledger,
  target: SessionTarget,
  options: ChurnOptions,
  stopping: AbortSignal,
): Promise<void> {
  while (!stopping.aborted) {
    const session = await openOrCount(ledger, target, options.application);
    try {
      while (session?.alive && !stopping.aborted) {
        await ledger.run(session, `SELECT pg_sleep(${draw(options.busyMs) / 1000})`);
        const parked = Math.random() < options.parkedShare;
        await rest(draw(parked ? options.parkedMs : options.idleMs), session, stopping);
      }
    } catch {
      // The session was ended in a statement: the ledger counts that when the connection is gone.
    }
  }
}

/** A session, or nothing when it was refused: then after a moment, so that a full server isn't hammered. */
async function openOrCount(ledger: Ledger, target: SessionTarget, application: string): Promise<Session | undefined> {
  try {
    return await ledger.open(target, application, false);
  } catch (error) {
    ledger.refuse(error);
    await sleep(20);
    return undefined;
  }
}

/** Rests until the time is over, the session was ended, or the load stops. */
async function rest(milliseconds: number, session: Session, stopping: AbortSignal): Promise<void> {
  const until = performance.now() + milliseconds;
  while (session.alive && !stopping.aborted) {
    const left = until - performance.now();
    if (left <= 0) return;
    await sleep(Math.min(left, 50));
  }
}
