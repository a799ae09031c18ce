/** Which statements are cancelled, and whether that helped. Pure. */
import type { NoConnection } from '../../databases/session.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import type { Change, DecideInput, Decision, Verification } from '../../engine/remediation.ts';
import type { LongQuery, QueryReading } from './sql.ts';

export type Observation = NoConnection | { readonly kind: 'queries'; readonly reading: QueryReading };

/** What the journal keeps of the plan. */
export interface Plan {
  readonly queries: readonly LongQuery[];
  /** Behind a pooler a session is several clients': its statement is cancelled, it is never terminated. */
  readonly mayTerminate: boolean;
}

/** One action never ends more than this; what remains is judged again. */
const MOST_AT_ONCE = 20;
const RECHECK_SECONDS = 60;

export const planOf = (change: Change): Plan => change.after as unknown as Plan;

const callPerson = (reason: string): Decision => ({ kind: 'escalate', reason, recheckAfterSeconds: RECHECK_SECONDS });

export function decide({ target, observation }: DecideInput<DatabaseConfig, Observation>): Decision {
  const { name, user, queryLongerThanSeconds, pooler } = target;
  if (observation.kind === 'no-connection') return callPerson(`could not look into ${name}: ${observation.why}`);
  const { reading } = observation;
  if (!reading.canReadStats)
    return callPerson(`login ${user} can't see other sessions' statements: grant pg_read_all_stats to it`);
  const queries = reading.queries.slice(0, MOST_AT_ONCE);
  const longest = queries[0];
  if (!longest) return { kind: 'fine', reason: nothingToEnd(target, reading) };
  if (!reading.canSignal) return callPerson(`login ${user} may not end statements: grant pg_signal_backend to it`);
  const plan: Plan = { queries, mayTerminate: pooler === 'none' };
  const what = queries.length === 1 ? 'a statement' : `${queries.length} statements`;
  return {
    kind: 'act',
    change: {
      summary:
        `cancel ${what} of ${name} running for longer than ${queryLongerThanSeconds} s ` +
        `(the longest for ${Math.round(longest.runningSeconds)} s, by ${longest.user} as ${longest.application || 'an unnamed application'})`,
      before: { active: reading.active, tooLong: reading.queries.length },
      after: JSON.parse(JSON.stringify(plan)),
      undo: 'nothing to put back: a cancelled statement is rolled back and can be sent again',
    },
  };
}

function nothingToEnd({ queryLongerThanSeconds }: DatabaseConfig, reading: QueryReading): string {
  const left = [
    ...(reading.blocked > 0 ? [`${reading.blocked} only wait for a lock`] : []),
    ...(reading.maintenance > 0 ? [`${reading.maintenance} are maintenance`] : []),
  ];
  const spared = left.length > 0 ? `, of those that do ${left.join(' and ')}` : '';
  return `no statement that may be ended runs for longer than ${queryLongerThanSeconds} s${spared}`;
}

export function verify({ target, observation }: { target: DatabaseConfig; observation: Observation }): Verification {
  if (observation.kind === 'no-connection') return { kind: 'not-yet', detail: observation.why };
  const { queries, active } = observation.reading;
  if (queries.length > 0)
    return {
      kind: 'not-yet',
      detail: `${queries.length} statements run for longer than ${target.queryLongerThanSeconds} s`,
    };
  return {
    kind: 'good',
    detail: `${active} sessions are active, none for longer than ${target.queryLongerThanSeconds} s`,
  };
}
