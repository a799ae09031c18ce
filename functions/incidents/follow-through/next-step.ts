/** What comes next in an incident: the one decision of the follow-through. Pure; a simulation calls it too. */
import type { IncidentWithTimeline } from '../../../events/journal.ts';
import {
  type Call,
  type EscalationRules,
  managementCall,
  nextCall,
  type Standing,
  standingOf,
} from '../../engine/escalation.ts';
import { nextIn } from '../../engine/ladder.ts';

/** An alarm as it was last heard of. `GONE`: there is no such alarm any more. */
export interface AlarmSeen {
  readonly state: 'ALARM' | 'OK' | 'INSUFFICIENT_DATA' | 'GONE';
  /** Since when, epoch milliseconds. */
  readonly since: number;
}
/** By ARN. */
export type AlarmsSeen = Readonly<Record<string, AlarmSeen>>;

export interface FollowRules extends EscalationRules {
  /** Time from an action to its proof. */
  readonly verifyWithinSeconds: number;
}

/** What this follow-through did before; none of it decides whether people are called. */
export interface Progress {
  /** Looks of this execution. */
  readonly round: number;
  readonly settledAt?: number | undefined;
  readonly settles?: number | undefined;
  /** As `rungKey` writes them. */
  readonly rungs?: readonly string[] | undefined;
}

export type Step =
  /** Nothing to do until then (epoch milliseconds), unless the journal tells something new. */
  | {
      readonly kind: 'wait-for-ok';
      readonly until: number;
      readonly why: string;
      /** It waits for its turn to ask CloudWatch. */
      readonly turnAt?: number;
    }
  | { readonly kind: 'snooze'; readonly until: number; readonly why: string }
  /** Has the remediations look whether the trouble is over. */
  | { readonly kind: 'settle'; readonly remediations: readonly string[]; readonly why: string }
  /** Hands the trouble to the next remediation of the ladder. `key` tells the order apart from every other. */
  | { readonly kind: 'next-rung'; readonly remediation: string; readonly key: string; readonly why: string }
  /** Calls people. `isLast`: nobody is called any more afterwards. */
  | { readonly kind: 'escalate'; readonly call: Call; readonly isLast?: true }
  | { readonly kind: 'end'; readonly why: string }
  | { readonly kind: 'continue-as-new'; readonly why: string };

/** Looks of one execution before it continues as a new one: about 15 events each, of the 25,000 that AWS allows ("Step Functions service quotas"). */
export const ROUNDS = 500;
/** An incident isn't followed for longer: a month is no incident, and names of executions are kept for 90 days. */
export const FOLLOWED_MS = 30 * 24 * 3_600_000;
/** Looked at again after this at the latest, whatever was expected. */
const LONGEST_WAIT_MS = 3_600_000;
/** An alarm's own event, and what its remediation does on it, get this long before the remediation is told by us. */
const GRACE_MS = 30_000;
const LONGEST_PAUSE_MS = 300_000;

/**
 * The next step. People come first: a call that is due is made before anything else is tried.
 * @param alarms the incident's alarms, as they are now or as the journal has them.
 * @param now epoch milliseconds.
 */
export function nextStep(
  incident: IncidentWithTimeline,
  alarms: AlarmsSeen,
  progress: Progress,
  rules: FollowRules,
  now: number,
): Step {
  const opened = Date.parse(incident.openedAt);
  const standing = standingOf(incident, rules, now);
  const isOver = incident.resolvedAt !== undefined && standing.kind === 'not-needed';
  if (isOver) return { kind: 'end', why: 'it is resolved' };
  if (now >= opened + FOLLOWED_MS) return tooOld(incident);
  const calls = callsOf(incident, rules, now);
  const due = calls.find(({ at }) => at <= now);
  if (due) return { kind: 'escalate', call: due };
  const order = orderDue(incident, alarms, progress, rules, now);
  if (order.step) return order.step;
  if (progress.round >= ROUNDS) return { kind: 'continue-as-new', why: `after ${progress.round} looks` };
  // A change that is made meanwhile doesn't wake it: it looks again when proof of the first one would be due.
  const firstLook = opened + (alarmsOf(incident.alarms).length === 0 ? GRACE_MS : rules.verifyWithinSeconds * 1000);
  const until = Math.min(
    now + LONGEST_WAIT_MS,
    ...(firstLook > now ? [firstLook] : []),
    opened + FOLLOWED_MS,
    ...calls.map(({ at }) => at),
    ...order.later,
    ...(standing.kind === 'attended' ? [standing.until] : []),
  );
  return waiting(incident, standing, Math.max(until, now + 1000));
}

const callsOf = (incident: IncidentWithTimeline, rules: FollowRules, now: number): Call[] =>
  [nextCall(incident, rules, now), managementCall(incident, rules)].flatMap((call) => call ?? []);

/**
 * Instead of a step that asks CloudWatch, as long as others are to ask before. People are called in their time all the same.
 * @param turnAt epoch milliseconds.
 */
export function untilTurn(
  incident: IncidentWithTimeline,
  turnAt: number,
  rules: FollowRules,
  now: number,
): Extract<Step, { kind: 'wait-for-ok' }> {
  const until = Math.min(turnAt, ...callsOf(incident, rules, now).map(({ at }) => at));
  return { kind: 'wait-for-ok', until: Math.max(until, now + 1), turnAt, why: 'waits for its turn to look' };
}

function waiting(incident: IncidentWithTimeline, standing: Standing, until: number): Step {
  if (standing.kind === 'attended') {
    const who = standing.by.replace(/^person:/, '');
    const why = {
      acknowledged: 'acknowledged it',
      'taken-over': 'has the target in hand',
      snoozed: 'snoozed its calls',
    };
    return { kind: standing.how === 'snoozed' ? 'snooze' : 'wait-for-ok', until, why: `${who} ${why[standing.how]}` };
  }
  const isMended = incident.resolvedAt !== undefined;
  return { kind: 'wait-for-ok', until, why: isMended ? 'waits for a person' : 'waits for its alarms to be OK' };
}

/** The month is over: people are called a last time, with what to do. */
function tooOld(incident: IncidentWithTimeline): Step {
  const told = incident.timeline.some(({ kind, data }) => kind === 'called' && data.isLast === true);
  if (told) return { kind: 'end', why: 'it is open for 30 days' };
  const why = 'it is open for 30 days and is not followed any longer: end it with "nightshift resolve"';
  return {
    kind: 'escalate',
    call: { level: 1, name: 'everybody', at: Date.parse(incident.openedAt) + FOLLOWED_MS, why },
    isLast: true,
  };
}

interface Order {
  readonly step?: Step;
  /** When an order may be due (epoch milliseconds). */
  readonly later: readonly number[];
}

function orderDue(
  incident: IncidentWithTimeline,
  alarms: AlarmsSeen,
  progress: Progress,
  rules: FollowRules,
  now: number,
): Order {
  if (incident.resolvedAt !== undefined) return { later: [] };
  const rung = rungOf(incident, progress);
  if (rung) return { step: rung, later: [] };
  const waiting = waitingActions(incident);
  const times = [quietSince(incident, alarms), provedBy(incident, waiting, rules)].flatMap((at) => at ?? []);
  const wanted = Math.min(...times);
  if (!Number.isFinite(wanted)) return { later: [] };
  const { settledAt, settles = 0 } = progress;
  const pause = Math.min(LONGEST_PAUSE_MS, GRACE_MS * 2 ** Math.min(settles, 10));
  // What was ordered before its time came doesn't answer for it.
  const at = settledAt !== undefined && settledAt >= wanted ? settledAt + pause : wanted;
  if (at > now) return { later: [at] };
  const remediations = waiting.length > 0 ? waiting.map(({ remediation }) => remediation) : [openedBy(incident)];
  const step: Step = {
    kind: 'settle',
    remediations: [...new Set(remediations)],
    why: waiting.length > 0 ? 'has its last change verified' : 'has it ended, as its alarms are OK',
  };
  return { step, later: [] };
}

const openedBy = ({ timeline }: IncidentWithTimeline): string =>
  String(timeline.find(({ kind }) => kind === 'opened')?.data.remediation ?? '');

interface Waiting {
  readonly remediation: string;
  readonly since: number;
}

/** Changes that were made and wait for their proof. */
const waitingActions = (incident: IncidentWithTimeline): Waiting[] =>
  incident.actions
    .filter(({ status }) => status === 'done')
    .flatMap(({ actionId, remediation }) => {
      const acted = incident.timeline.find(({ kind, data }) => kind === 'acted' && data.actionId === actionId);
      return acted ? [{ remediation, since: Date.parse(acted.at) }] : [];
    });

/** When proof is due: at the deadline; where no alarm will tell, already a little after the change. */
function provedBy(
  { alarms }: IncidentWithTimeline,
  waiting: readonly Waiting[],
  { verifyWithinSeconds }: FollowRules,
): number | undefined {
  if (waiting.length === 0) return undefined;
  const within =
    alarmsOf(alarms).length === 0 ? Math.min(GRACE_MS, verifyWithinSeconds * 1000) : verifyWithinSeconds * 1000;
  return Math.min(...waiting.map(({ since }) => since + within));
}

/** Subjects that are alarms: what is no ARN only happened, and never tells that it is over. */
export const alarmsOf = (subjects: Readonly<Record<string, unknown>>): string[] =>
  Object.keys(subjects).filter((subject) => subject.startsWith('arn:'));

/** When all alarms have been OK for long enough that somebody should have noticed; undefined while one isn't. */
function quietSince(incident: IncidentWithTimeline, alarms: AlarmsSeen): number | undefined {
  const own = alarmsOf(incident.alarms);
  if (own.length === 0) return undefined;
  const seen = own.map((arn) => alarms[arn]);
  if (!seen.every((alarm) => alarm?.state === 'OK' || alarm?.state === 'GONE')) return undefined;
  return Math.max(...seen.map((alarm) => alarm?.since ?? 0)) + GRACE_MS;
}

/** The next rung that an entry names, unless it was ordered already. */
function rungOf({ timeline }: IncidentWithTimeline, { rungs = [] }: Progress): Step | undefined {
  const entry = timeline.findLast(({ kind }) => kind === 'not-verified' || kind === 'handed-on');
  const remediation = entry && nextIn(entry)?.remediation;
  if (!entry || !remediation) return undefined;
  const key = `${entry.id}:${remediation}`;
  const hasBegun = timeline.some((each) => each.id > entry.id && each.by === remediation);
  if (hasBegun || rungs.includes(key)) return undefined;
  return { kind: 'next-rung', remediation, key, why: `${remediation} is next` };
}

/** The alarms as the journal has them: each since the entry that told. */
export function alarmsInJournal({ alarms, timeline }: IncidentWithTimeline): AlarmsSeen {
  return Object.fromEntries(
    Object.entries(alarms).map(([arn, state]) => {
      const told = timeline.findLast(({ data }) => data.subject === arn);
      return [arn, { state, since: told ? Date.parse(told.at) : 0 }];
    }),
  );
}
