/** Which sessions are ended, and whether it helped. Pure. Design section 5, "Idle connections". */

import type { NoConnection } from '../../databases/session.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import type { ActReport, Change, DecideInput, Decision, Verification } from '../../engine/remediation.ts';
import type { Candidate, SessionReading } from './sql.ts';

export type Observation = NoConnection | { readonly kind: 'sessions'; readonly reading: SessionReading };

/** What the journal keeps of the plan: who would be ended, and down to how many sessions. */
export interface Plan {
  readonly goal: number;
  readonly victims: readonly Candidate[];
}

/** One action never ends more than this many sessions; what remains is judged again. */
const MOST_AT_ONCE = 200;
const RECHECK_SECONDS = 60;
/** Sessions that came back are a sign that their owner needs them: leave the database alone for an hour. */
const STOP_SECONDS = 3600;

export const planOf = (change: Change): Plan => change.after as unknown as Plan;

/** Sessions of clients other than the one that is looking. */
export const clientSessions = (reading: SessionReading): number => Math.max(0, reading.clientBackends - 1);

export function decide({ target, observation }: DecideInput<DatabaseConfig, Observation>): Decision {
  if (observation.kind === 'no-connection') return callPerson(noConnection(target, observation));
  const { reading } = observation;
  const advice = whyNotEnd(target, reading);
  if (advice) return callPerson(advice);
  const sessions = clientSessions(reading);
  const threshold = target.connectionsAboveShare * reading.maxConnections;
  const share = `${sessions} of ${reading.maxConnections} connections are in use`;
  if (sessions <= threshold) return { kind: 'fine', reason: share };
  const goal = Math.floor(target.releaseToShare * reading.maxConnections);
  const victims = reading.candidates.slice(0, Math.min(sessions - goal, MOST_AT_ONCE));
  if (victims.length === 0) {
    return callPerson(
      `${share} and none may be ended (${countText(reading.byState)}); most belong to ${busiest(reading.byApplication)}`,
    );
  }
  const plan: Plan = { goal, victims };
  return {
    kind: 'act',
    change: {
      summary: `end ${victims.length} idle sessions of ${target.name} (${share}, goal ${goal})`,
      before: { sessions, maxConnections: reading.maxConnections },
      after: JSON.parse(JSON.stringify(plan)),
      undo: 'nothing to put back: an ended client connects again by itself when it needs to',
      verifyNotBeforeSeconds: target.recheckAfterSeconds,
    },
  };
}

const callPerson = (reason: string): Decision => ({ kind: 'escalate', reason, recheckAfterSeconds: RECHECK_SECONDS });

function noConnection(
  target: DatabaseConfig,
  { failure, why }: Extract<Observation, { kind: 'no-connection' }>,
): string {
  if (failure !== 'no-slot') return `could not look into ${target.name}: ${why}`;
  return (
    `every connection of ${target.name} is taken, also for Nightshift: reserve some with the parameter reserved_connections and grant ` +
    `pg_use_reserved_connections to ${target.user} (PostgreSQL 16 and later)`
  );
}

/** Reasons to leave ending sessions to a person, with what that person can do. */
function whyNotEnd(target: DatabaseConfig, reading: SessionReading): string | undefined {
  if (target.pooler === 'rds-proxy' || reading.rdsProxy) {
    return `${target.name} is behind RDS Proxy, which owns the sessions: lower MaxIdleConnectionsPercent of the proxy instead of ending them`;
  }
  if (target.pooler === 'pgbouncer') {
    return `${target.name} is behind PgBouncer, which owns the sessions: lower server_idle_timeout or the pool size instead of ending them`;
  }
  if (!reading.canReadStats)
    return `login ${target.user} can't see other sessions' states: grant pg_read_all_stats to it`;
  if (!reading.canSignal) return `login ${target.user} may not end sessions: grant pg_signal_backend to it`;
  return undefined;
}

const sorted = (counts: Readonly<Record<string, number>>) => Object.entries(counts).sort(([, a], [, b]) => b - a);
const countText = (counts: Readonly<Record<string, number>>) =>
  sorted(counts)
    .map(([name, count]) => `${name || 'unnamed'} ${count}`)
    .join(', ');
const busiest = (counts: Readonly<Record<string, number>>) => countText(Object.fromEntries(sorted(counts).slice(0, 3)));

/** Ended sessions by application. */
export function byApplication(ended: readonly Pick<Candidate, 'application'>[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { application } of ended) counts[application] = (counts[application] ?? 0) + 1;
  return counts;
}

/** What `act` reports, as far as verification needs it. */
export interface ReleaseReport {
  readonly endedByApplication: Readonly<Record<string, number>>;
  readonly leftByApplication: Readonly<Record<string, number>>;
}

export function verify(input: {
  target: DatabaseConfig;
  report: ActReport | undefined;
  observation: Observation;
}): Verification {
  const { target, report, observation } = input;
  if (observation.kind === 'no-connection') return { kind: 'not-yet', detail: observation.why };
  const { reading } = observation;
  const back = cameBack(report?.data as unknown as ReleaseReport | undefined, reading);
  if (back) return { kind: 'bad', detail: back, stopForSeconds: STOP_SECONDS };
  const sessions = clientSessions(reading);
  const detail = `${sessions} of ${reading.maxConnections} connections are in use`;
  return { kind: sessions <= target.connectionsAboveShare * reading.maxConnections ? 'good' : 'not-yet', detail };
}

/** A sentence naming the application if at least half of the ended sessions are there again. */
function cameBack(report: ReleaseReport | undefined, reading: SessionReading): string | undefined {
  if (!report) return undefined;
  const { endedByApplication, leftByApplication } = report;
  const returned = Object.entries(endedByApplication).map(([application, ended]) => {
    const more = (reading.byApplication[application] ?? 0) - (leftByApplication[application] ?? 0);
    return { application, count: Math.min(ended, Math.max(0, more)) };
  });
  const total = returned.reduce((sum, each) => sum + each.count, 0);
  const ended = Object.values(endedByApplication).reduce((sum, count) => sum + count, 0);
  if (ended === 0 || total * 2 < ended) return undefined;
  const most = returned.sort((a, b) => b.count - a.count)[0];
  return `${total} of ${ended} ended sessions came back, most of them of ${most?.application || 'an unnamed application'}: its pool needs a smaller size or an idle timeout`;
}
