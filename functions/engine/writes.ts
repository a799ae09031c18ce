/**
 * The items that transactions are made of: pure builders, so that what is written can be read, tested and simulated without a table. One file in spite of its length: it is
 * the journal's whole write side, a list of small functions.
 */
import type { AttributeValue, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { monotonicFactory } from 'ulid';
import type { EntryKind, JournalEntry } from '../../events/journal.ts';
import type { Outcome } from '../../events/outcome.ts';
import type { Signal } from '../../events/signal.ts';
import { marshall } from './attributes.ts';
import { ActionFailedError } from './errors.ts';
import { SOON_MS } from './guard.ts';
import {
  type ActionItem,
  actionKey,
  alarmKey,
  BUDGET_HOUR_MS,
  CANARY_KEPT_SECONDS,
  duePartition,
  EVENT_KEPT_SECONDS,
  entryKey,
  eventKey,
  incidentsPartition,
  isCanary,
  type Key,
  rollOutKey,
  type SwitchItem,
  slotKey,
  stormKey,
  switchKey,
  type TargetItem,
  targetKey,
  type WorkItem,
  workKey,
} from './items.ts';
import type { NextRung } from './ladder.ts';
import type { Labelled } from './store.ts';

/** @throws ActionFailedError for what no item can hold (a number beyond what JavaScript holds exactly): trying again would fail again. */
function flat(item: object): Record<string, AttributeValue> {
  try {
    return marshall(item);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ActionFailedError(`an item can't be written to the journal: ${why}`, { cause: error });
  }
}
const nextId = monotonicFactory();

/** A new sortable id: same millisecond, still in order of creation within this process. */
export const newId = (now: number): string => nextId(now);

export const signed = (label: string, item: TransactWriteItem): Labelled => ({ label, item });

function put(
  table: string,
  item: object,
  condition?: { expression: string; names?: Record<string, string>; values?: object },
): TransactWriteItem {
  return {
    Put: {
      TableName: table,
      Item: flat(item),
      ...(condition && {
        ConditionExpression: condition.expression,
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        ...(condition.names && { ExpressionAttributeNames: condition.names }),
        ...(condition.values && { ExpressionAttributeValues: flat(condition.values) }),
      }),
    },
  };
}

const ABSENT = { expression: 'attribute_not_exists(pk)' };

/** First and only record of an event by a remediation. */
export function putEvent(
  table: string,
  remediation: string,
  signalId: string,
  fields: { requestId: string; status: 'committed' | 'done'; actionId?: string; outcome?: Outcome },
  now: number,
): Labelled {
  const at = new Date(now).toISOString();
  const expiresAt = Math.floor(now / 1000) + EVENT_KEPT_SECONDS;
  return signed('event', put(table, { ...eventKey(remediation, signalId), ...fields, at, expiresAt }, ABSENT));
}

/** The event's outcome, once its action ended. */
export function finishEvent(table: string, remediation: string, signalId: string, outcome: Outcome): Labelled {
  return signed('event-done', {
    Update: {
      TableName: table,
      Key: flat(eventKey(remediation, signalId)),
      UpdateExpression: 'SET #status = :done, outcome = :outcome',
      ExpressionAttributeNames: { '#status': 'status' },
      ExpressionAttributeValues: flat({ ':done': 'done', ':outcome': outcome }),
    },
  });
}

/** Refuses when the chosen copy of the switch says anything but `run`. A copy that was never written means `run`. */
export function checkSwitch(table: string, copy: number): Labelled {
  return signed('switch', {
    ConditionCheck: {
      TableName: table,
      Key: flat(switchKey(copy)),
      ConditionExpression: 'attribute_not_exists(pk) OR #state = :run',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: flat({ ':run': 'run' satisfies SwitchItem['state'] }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  });
}

/**
 * Replaces the target's item if it is still the one that was read. With `freeOfLease`, also refuses while another action's lease runs.
 */
export function putTarget(
  table: string,
  target: string,
  observedVersion: number,
  next: TargetItem,
  freeOfLease?: { readonly now: number; readonly unlessHeldBy?: string },
): Labelled {
  const item = { ...targetKey(target), ...next, version: observedVersion + 1 };
  if (observedVersion === 0) return signed('target', put(table, item, ABSENT));
  const lease = freeOfLease
    ? ' AND (attribute_not_exists(leaseUntil) OR leaseUntil <= :now OR leaseHolder = :holder)'
    : '';
  return signed(
    'target',
    put(table, item, {
      expression: `#version = :version${lease}`,
      names: { '#version': 'version' },
      values: {
        ':version': observedVersion,
        ...(freeOfLease && { ':now': freeOfLease.now, ':holder': freeOfLease.unlessHeldBy ?? 'nobody' }),
      },
    }),
  );
}

/** Refuses when that incident of the target is no longer open. */
export const checkOpen = (table: string, target: string, incidentId: string): Labelled =>
  signed('upstream', {
    ConditionCheck: {
      TableName: table,
      Key: flat(targetKey(target)),
      ConditionExpression: 'openIncidentId = :incident',
      ExpressionAttributeValues: flat({ ':incident': incidentId }),
    },
  });

/** Claims one slot of a budget for an hour from now; refuses while an earlier claim's hour isn't over. */
export function claimSlot(
  table: string,
  label: string,
  scope: string,
  slot: number,
  actionId: string,
  now: number,
): Labelled {
  const expiresAt = Math.floor((now + 2 * BUDGET_HOUR_MS) / 1000);
  return signed(
    label,
    put(
      table,
      { ...slotKey(scope, slot), actionId, claimedAt: now, expiresAt },
      {
        expression: 'attribute_not_exists(pk) OR claimedAt <= :hourAgo',
        values: { ':hourAgo': now - BUDGET_HOUR_MS },
      },
    ),
  );
}

/** Remembers that a person is being called because of a storm; refuses when that was done after `since` (epoch ms). */
export function claimStormPage(table: string, now: number, since: number): Labelled {
  return signed(
    'storm',
    put(
      table,
      { ...stormKey, pagedAt: now },
      { expression: 'attribute_not_exists(pk) OR pagedAt <= :since', values: { ':since': since } },
    ),
  );
}

/** Records that the alarm fired at `at`, unless it is known to have recovered since. */
export function alarmFired(table: string, signal: Signal): Labelled {
  return signed('alarm-recovered', {
    Update: {
      TableName: table,
      Key: flat(alarmKey(signal.subject)),
      UpdateExpression: 'SET #state = :alarm, stateAt = :at REMOVE notOursUntil, expiresAt',
      ConditionExpression:
        'attribute_not_exists(pk) OR attribute_not_exists(stateAt) OR stateAt <= :at OR #state <> :ok',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: flat({ ':alarm': 'ALARM', ':ok': 'OK', ':at': Date.parse(signal.at) }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  });
}

/** Records that the alarm was OK at `at`, unless a later state of it is known: events come in any order. */
export function alarmOk(table: string, alarmArn: string, at: number): Labelled {
  return signed('alarm', {
    Update: {
      TableName: table,
      Key: flat(alarmKey(alarmArn)),
      UpdateExpression: 'SET #state = :ok, stateAt = :at REMOVE notOursUntil, expiresAt',
      ConditionExpression: 'attribute_not_exists(stateAt) OR stateAt <= :at',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: flat({ ':ok': 'OK', ':at': at }),
    },
  });
}

/** Writes the state of a roll-out if it is still the one that was read (`version` 0: there was none). */
export function putRollOut(table: string, remediation: string, rollOut: object, version: number): Labelled {
  const item = { ...rollOutKey(remediation), ...rollOut, version: version + 1 };
  return signed('roll-out', put(table, item, version === 0 ? ABSENT : asRead(version)));
}

/** Ends a roll-out if it is still the one that was read. */
export function removeRollOut(table: string, remediation: string, version: number): Labelled {
  const { expression, names, values } = asRead(version);
  return signed('roll-out', {
    Delete: {
      TableName: table,
      Key: flat(rollOutKey(remediation)),
      ConditionExpression: expression,
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: flat(values),
    },
  });
}

const asRead = (version: number) => ({
  expression: '#version = :version',
  names: { '#version': 'version' },
  values: { ':version': version },
});

/** Thousands of canaries a month would pile up. */
const canaryExpiry = (incidentId: string, at: number) =>
  isCanary(incidentId) && { expiresAt: Math.floor(at / 1000) + CANARY_KEPT_SECONDS };

export function putAction(table: string, action: ActionItem): Labelled {
  return signed('action', put(table, actionItem(action), ABSENT));
}

const actionItem = (action: ActionItem) => ({
  ...actionKey(action.actionId),
  ...action,
  ...canaryExpiry(action.incidentId, action.leaseUntil),
});

/** Replaces an action if it is still at the attempt and status that were read. */
export function updateAction(table: string, before: ActionItem, after: ActionItem): Labelled {
  return signed(
    'action',
    put(table, actionItem(after), {
      expression: '#attempt = :attempt AND #status = :status',
      names: { '#attempt': 'attempt', '#status': 'status' },
      values: { ':attempt': before.attempt, ':status': before.status },
    }),
  );
}

/** Puts or replaces a piece of work that the reconciler will bring up when it is due. */
export function putWork(table: string, work: Omit<WorkItem, keyof Key>): Labelled {
  const item = { ...workKey(work.kind, work.id), ...work, duePk: duePartition(work.id) };
  return signed(`work-${work.kind}`, put(table, item));
}

/** A signal is judged again by a remediation at `dueAt`. There is one such piece of work for each subject: the rung that has it in hand. */
export const putRecheck = (
  table: string,
  remediation: string,
  signal: Signal,
  dueAt: number,
  when: Pick<WorkItem, 'whenAuto'> = {},
): Labelled =>
  putWork(table, {
    kind: 'recheck',
    id: signal.subject,
    remediation,
    target: signal.target,
    dueAt,
    attempts: 0,
    signal,
    ...when,
  });

/** Should the follow-through not give the next rung its order, the reconciler does. */
export const putNextRung = (table: string, { remediation, command }: NextRung, now: number): Labelled =>
  putRecheck(table, remediation, command.signal, now + SOON_MS);

/**
 * Puts a piece of work off until `dueAt`, unless somebody else handed it out or changed it meanwhile.
 * @param handedOutAt Given when an order for it goes out.
 */
export function bumpWork(table: string, work: WorkItem, dueAt: number, handedOutAt?: number): Labelled {
  return signed('work', {
    Update: {
      TableName: table,
      Key: flat(workKey(work.kind, work.id)),
      UpdateExpression: `SET dueAt = :next, attempts = :attempts${handedOutAt === undefined ? '' : ', handedOutAt = :handedOut'}`,
      ConditionExpression: 'dueAt = :due',
      ExpressionAttributeValues: flat({
        ':next': dueAt,
        ':due': work.dueAt,
        ':attempts': work.attempts + 1,
        ...(handedOutAt !== undefined && { ':handedOut': handedOutAt }),
      }),
    },
  });
}

/** Refuses when there is no such piece of work (any more). */
export function checkWork(table: string, kind: WorkItem['kind'], id: string): Labelled {
  return signed(`work-${kind}`, {
    ConditionCheck: {
      TableName: table,
      Key: flat(workKey(kind, id)),
      ConditionExpression: 'attribute_exists(pk)',
    },
  });
}

/** Removes a piece of work if it still is the one that was read. */
export function dropWork(table: string, work: WorkItem): Labelled {
  return signed('work', {
    Delete: {
      TableName: table,
      Key: flat(workKey(work.kind, work.id)),
      ConditionExpression: 'dueAt = :due',
      ExpressionAttributeValues: flat({ ':due': work.dueAt }),
    },
  });
}

/** Remembers that the alarm's actions are disabled, whatever is known of its state. */
export function alarmActionsDisabled(table: string, alarmArn: string, until: number): Labelled {
  return signed('alarm', {
    Update: {
      TableName: table,
      Key: flat(alarmKey(alarmArn)),
      UpdateExpression:
        'SET actionsDisabledUntil = :until, #state = if_not_exists(#state, :unknown), stateAt = if_not_exists(stateAt, :never)',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: flat({ ':until': until, ':unknown': 'INSUFFICIENT_DATA', ':never': 0 }),
    },
  });
}

/** Remembers for an hour that a firing alarm is none of ours. */
export function alarmNotOurs(table: string, alarmArn: string, now: number): Labelled {
  const notOursUntil = now + 3_600_000;
  const expiresAt = Math.floor(notOursUntil / 1000);
  return signed(
    'alarm',
    put(table, { ...alarmKey(alarmArn), state: 'INSUFFICIENT_DATA', stateAt: 0, notOursUntil, expiresAt }),
  );
}

export function removeWork(table: string, kind: WorkItem['kind'], id: string): Labelled {
  return signed(`work-${kind}`, { Delete: { TableName: table, Key: flat(workKey(kind, id)) } });
}

/** A line of the timeline. An `opened` entry is also listed in the index of incidents. */
export function putEntry(table: string, entry: JournalEntry): Labelled {
  const expires = canaryExpiry(entry.incidentId, Date.parse(entry.at));
  const listed = entry.kind === 'opened' &&
    !isCanary(entry.incidentId) && {
      incidentsPk: incidentsPartition(entry.at),
      incidentsSk: entry.incidentId,
    };
  return signed(
    'entry',
    put(table, { ...entryKey(entry.incidentId, entry.id), ...entry, ...listed, ...expires }, ABSENT),
  );
}

/** Makes entries of one incident with growing ids. */
export function entryMaker(incidentId: string, by: string, now: number) {
  return (kind: EntryKind, summary: string, data: Readonly<Record<string, unknown>> = {}): JournalEntry => ({
    id: newId(now),
    incidentId,
    at: new Date(now).toISOString(),
    kind,
    by,
    summary,
    data,
  });
}
