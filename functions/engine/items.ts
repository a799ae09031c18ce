/**
 * The journal table's items and keys. Strangers don't meet: everything that is contended for is its own item (design section 4).
 * Times in conditions are epoch milliseconds (numbers); times for people are ISO 8601.
 */
import type { Outcome } from '../../events/outcome.ts';
import type { Signal } from '../../events/signal.ts';
import type { Echo } from './echo.ts';
import type { GuardReadings } from './guard-metrics.ts';
import type { ActReport, Change, Hold } from './remediation.ts';

export interface Key {
  readonly pk: string;
  readonly sk: string;
}

/**
 * Copies of the switch that commits check, each one of them, chosen at random so that they rarely meet at it (docs/decisions/0091). A copy that was
 * never written means `run`: when there are to be more of them, a pause has to be set again.
 */
export const SWITCH_COPIES = 256;
const DUE_SHARDS = 4;

const single = (pk: string, sk: string): Key => ({ pk, sk });
export const eventKey = (remediation: string, signalId: string): Key =>
  single(`EVENT#${remediation}#${signalId}`, 'EVENT');
export const switchKey = (copy: number): Key => single(`SWITCH#${copy}`, 'SWITCH');
/** The switch as it is read: no transaction of a commit is ever at it, so it can be set at once whatever goes on. */
export const MASTER_SWITCH: Key = single('SWITCH#MASTER', 'SWITCH');
/** When a person was last called because of a storm. */
export const stormKey: Key = { pk: 'STORM', sk: 'STORM' };
/** How far a roll-out to many targets is, by remediation (reconciler/roll-out.ts). */
export const rollOutKey = (remediation: string): Key => single(`ROLLOUT#${remediation}`, 'ROLLOUT');
/** Who runs a scheduled job now (engine/run-lease.ts). */
export const runLeaseKey = (job: string): Key => single(`LEASE#${job}`, 'LEASE');
/** What the reconciler's last run counted as trouble. */
export const troubleKey: Key = single('LEASE#reconciler', 'TROUBLE');
export const targetKey = (target: string): Key => single(`TARGET#${target}`, 'TARGET');
export const alarmKey = (alarmArn: string): Key => single(`ALARM#${alarmArn}`, 'ALARM');
/** Until when the primary of a pair may write, in the journal of the standby's region (functions/authority). */
export const authorityKey = (pair: string): Key => single(`AUTHORITY#${pair}`, 'AUTHORITY');
export const actionKey = (actionId: string): Key => single(`ACTION#${actionId}`, 'ACTION');
export const workKey = (kind: WorkKind, id: string): Key => single(`WORK#${kind}#${id}`, 'WORK');
/** Id of the work that each remediation has for a target of its own: verification and handing back. */
export const workOf = (target: string, remediation: string): string => `${target}#${remediation}`;
export const entryKey = (incidentId: string, entryId: string): Key =>
  single(`INCIDENT#${incidentId}`, `${isCanary(incidentId) ? CANARY_ENTRY : 'ENTRY#'}${entryId}`);
/** The canary's entries have a name of their own, so that whoever follows the journal to tell people doesn't see them. */
export const CANARY_ENTRY = 'CANARY#';
export const CANARY_INCIDENT = 'canary-';
export const isCanary = (incidentId: string): boolean => incidentId.startsWith(CANARY_INCIDENT);
/** How long what the canary leaves in the journal is kept. */
export const CANARY_KEPT_SECONDS = 24 * 3600;
/** For how long a claimed slot of a budget is taken. */
export const BUDGET_HOUR_MS = 3_600_000;
/** Slots of one budget are separate items of one partition, so that the taken ones can be listed with one query. */
export const slotKey = (scope: string, slot: number): Key => single(`SLOT#${scope}`, `SLOT#${slot}`);
/** Whether an item of that partition key is a slot of a budget. */
export const isSlot = (pk: string): boolean => pk.startsWith('SLOT#');
/** Head and links of an incident's hash chain, derived behind the stream (`chain-store.ts`). */
export const chainHeadKey = (incidentId: string): Key => single(`CHAIN#${incidentId}`, 'HEAD');
export const chainLinkKey = (incidentId: string, entryId: string): Key =>
  single(`CHAIN#${incidentId}`, `LINK#${entryId}`);

/** Partition of the `due` index for an item: spread, so that no single partition is hot. */
export function duePartition(id: string): string {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 9973;
  return `DUE#${sum % DUE_SHARDS}`;
}
const DUE_PARTITIONS = Array.from({ length: DUE_SHARDS }, (_, shard) => `DUE#${shard}`);
export const duePartitions = (): readonly string[] => DUE_PARTITIONS;
/** Partition of the `incidents` index: one a month. */
export const incidentsPartition = (iso: string): string => `INCIDENTS#${iso.slice(0, 7)}`;

export type SwitchState = 'run' | 'pause' | 'freeze';
export interface SwitchItem {
  readonly state: SwitchState;
  readonly by: string;
  readonly reason: string;
  readonly at: string;
}

/** What became of one event in one remediation; kept for 15 days (EventBridge 24 h + Lambda's queue 6 h + redrive from the failure queue). */
export interface EventItem extends Key {
  readonly status: 'committed' | 'done';
  readonly requestId: string;
  readonly actionId?: string;
  readonly outcome?: Outcome;
  readonly at: string;
  readonly duplicates?: number;
}
export const EVENT_KEPT_SECONDS = 15 * 24 * 3600;

/** The state of one target; `version` grows with every write of ours and is compared by every commit. */
export interface TargetItem {
  readonly version: number;
  readonly leaseHolder?: string;
  readonly leaseUntil?: number;
  /** By remediation: no new change before this time. */
  readonly cooldownUntil: Readonly<Record<string, number>>;
  /** By remediation: the cooldown of which the timeline says already that it refuses. */
  readonly cooldownTold?: Readonly<Record<string, Cooling>>;
  /** By remediation: times of the changes of the last hour. */
  readonly recent: Readonly<Record<string, readonly number[]>>;
  readonly openIncidentId?: string;
  /** When the open incident was opened. */
  readonly openedAt?: number;
  /** Alarms of the open incident with their last known state. */
  readonly alarms: Readonly<Record<string, 'ALARM' | 'OK' | 'INSUFFICIENT_DATA'>>;
  /** By remediation: its last action of the open incident, as long as it waits for its verification. */
  readonly verifying: Readonly<Record<string, string>>;
  /** Since when all alarms of the target have been OK. */
  readonly okSince?: number;
  /** Temporary changes in force: at most one of each remediation and field. */
  readonly holds: readonly Hold[];
  readonly handsOffUntil?: number;
  /** By remediation: kept away until then, because what it did made nothing better. */
  readonly keptAway?: Readonly<Record<string, number>>;
  /** A person has it in hand until then: nothing is changed, also not handed back. */
  readonly takenOver?: TakeOver;
  /** By remediation: times at which its temporary changes were handed back lately. */
  readonly handedBack?: Readonly<Record<string, readonly number[]>>;
  /** What our own changes of late may still make AWS tell. */
  readonly echoes?: readonly Echo[];
  /** The open incident of a target that this one depends on: its alarms belong to that as long as it has none of its own, and its own one is told there. */
  readonly joinedTo?: string;
  /** When a person was last called because of what was decided in the open incident. */
  readonly escalatedAt?: number;
  /** Equal to `escalatedAt` when that was a storm's one page, which is of no incident of its own and has no ladder of people. */
  readonly stormPagedAt?: number;
  /** By remediation: the approval that was asked for last in the open incident. */
  readonly approvals?: Readonly<Record<string, string>>;
}
/** A cooldown (`until`, epoch milliseconds) that met a signal of an incident. */
export interface Cooling {
  readonly incidentId: string;
  readonly until: number;
}

/** Explicit hands-off (`nightshift take-over`). It always ends, so that no target is forgotten. */
export interface TakeOver {
  /** `person:<name>`. */
  readonly by: string;
  /** ISO 8601. */
  readonly since: string;
  readonly until: number;
  readonly reason: string;
}
export const NEW_TARGET: TargetItem = {
  version: 0,
  cooldownUntil: {},
  recent: {},
  alarms: {},
  verifying: {},
  holds: [],
};

/** One for all storms: what a page was sent for isn't paged again for a while. */
export interface StormItem {
  /** Epoch milliseconds. */
  readonly pagedAt: number;
}

/** Last known state of an alarm, from its events and from the reconciler. */
export interface AlarmItem {
  readonly state: 'ALARM' | 'OK' | 'INSUFFICIENT_DATA';
  readonly stateAt: number;
  /** The alarm carried no runbook tag when last looked at; until then (epoch ms) its tags aren't read again. */
  readonly notOursUntil?: number;
  /** Its actions were disabled when the reconciler last looked; taken for so until then (epoch ms). */
  readonly actionsDisabledUntil?: number;
}

/** A recorded intent and what became of it. */
export interface ActionItem {
  readonly actionId: string;
  readonly remediation: string;
  readonly target: string;
  readonly incidentId: string;
  /** `undo`: of a change that made things worse. */
  readonly purpose: 'remediate' | 'hand-back' | 'undo';
  /** Of a hand-back or undo: the field whose hold ends. */
  readonly field?: string;
  /** What its remediation held of that field before it, or before what it undoes: an undo puts that back. */
  readonly heldBefore?: Hold;
  readonly signalId: string;
  /** The signal that it answers; a hand-back answers none. */
  readonly signal?: Signal;
  readonly change: Change;
  /** Absent: nobody was asked. */
  readonly approvalId?: string;
  readonly status: 'intended' | 'done' | 'failed' | 'verified';
  readonly attempt: number;
  readonly leaseUntil: number;
  readonly requestId: string;
  /** Guard metrics as they were before the change. */
  readonly guardsBefore?: GuardReadings;
  readonly report?: ActReport;
  readonly doneAt?: number;
  readonly verifyNotBefore?: number;
  readonly verifyBy?: number;
}

/** Something that must be looked at again at a time; the reconciler sees to it. */
export type WorkKind = 'recheck' | 'verify' | 'hand-back' | 'unfinished' | 'undo';
export interface WorkItem extends Key {
  readonly kind: WorkKind;
  readonly id: string;
  readonly remediation: string;
  readonly target: string;
  readonly dueAt: number;
  /** How often it has been handed out. */
  readonly attempts: number;
  /** For `recheck`: the signal to judge again. */
  readonly signal?: Signal;
  /** When the reconciler gave an order for it that nobody has taken up yet (epoch milliseconds). */
  readonly handedOutAt?: number;
  /** Nothing is changed in the mode it was put off in: it waits until the runbook is promoted. */
  readonly whenAuto?: true;
}
