/** The items that a plan's transactions are made of: pure builders. */
import { marshall } from '../engine/attributes.ts';
import type { Echo } from '../engine/echo.ts';
import { type SwitchItem, switchKey, targetKey } from '../engine/items.ts';
import { putVersion } from '../engine/job-head-writes.ts';
import { leaseHolderOf, planLockKey, runKey } from '../engine/plan-items.ts';
import type { Labelled } from '../engine/store.ts';
import { signed } from '../engine/writes.ts';
import { RUN_KEPT_SECONDS, type RunItem } from './items.ts';

export function putRun(table: string, run: RunItem): Labelled {
  const expiresAt = Math.floor(run.startedAt / 1000) + RUN_KEPT_SECONDS;
  return putVersion(table, 'run', { ...runKey(run), ...run, expiresAt }, run.version);
}

/** Takes the plan's lock of one thing; refused while another run holds it, however long ago it was heard of: that run is to be ended first. */
export const takeLock = (table: string, { plan, run, rehearse, startedAt }: RunItem, about: string): Labelled =>
  signed(`lock ${about}`, {
    Put: {
      TableName: table,
      Item: marshall({ ...planLockKey({ plan, rehearse }, about), run, since: startedAt }),
      ConditionExpression: 'attribute_not_exists(pk) OR #run = :run',
      ExpressionAttributeNames: { '#run': 'run' },
      ExpressionAttributeValues: marshall({ ':run': run }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  });

export const releaseLock = (table: string, { plan, run, rehearse }: RunItem, about: string): Labelled =>
  signed(`lock ${about}`, {
    Delete: {
      TableName: table,
      Key: marshall(planLockKey({ plan, rehearse }, about)),
      ConditionExpression: 'attribute_not_exists(pk) OR #run = :run',
      ExpressionAttributeNames: { '#run': 'run' },
      ExpressionAttributeValues: marshall({ ':run': run }),
    },
  });

const onLease = (
  table: string,
  run: string,
  target: string,
  expression: string,
  values: object,
  condition?: string,
): Labelled =>
  signed(`lease ${target}`, {
    Update: {
      TableName: table,
      Key: marshall(targetKey(target)),
      // With a version of its own: who read the target before must not write the old lease back.
      UpdateExpression: `${expression} ADD #version :one`,
      ConditionExpression: `leaseHolder = :holder${condition ?? ''}`,
      // `until` is a reserved word ("Reserved words in DynamoDB").
      ExpressionAttributeNames: { '#version': 'version', ...(condition !== undefined && { '#until': 'until' }) },
      ExpressionAttributeValues: marshall({ ':holder': leaseHolderOf(run), ':one': 1, ...values }),
    },
  });

/**
 * Before a change: refused, too, while a person has taken the target over.
 * @param now epoch milliseconds. @param echoes what the change may have AWS tell of the target; what can't be heard any more the engine drops with its next action there.
 */
export const renewToChange = (
  table: string,
  { run, leasedUntil }: RunItem,
  target: string,
  now: number,
  echoes: readonly Echo[],
): Labelled => {
  const known = echoes.length > 0;
  return onLease(
    ...([table, run, target] as const),
    `SET leaseUntil = :until${known ? ', echoes = list_append(if_not_exists(echoes, :none), :echoes)' : ''}`,
    { ':until': leasedUntil, ':now': now, ...(known && { ':none': [], ':echoes': echoes }) },
    ' AND (attribute_not_exists(takenOver) OR takenOver.#until <= :now)',
  );
};

/** Refused when the run no longer has the target in hand. */
export const renewLease = (table: string, { run, leasedUntil }: RunItem, target: string): Labelled =>
  onLease(table, run, target, 'SET leaseUntil = :until', { ':until': leasedUntil });

/** @param handsOffUntil (epoch milliseconds) keeps remediations away from what a person has to look at first. */
export const releaseLease = (table: string, { run }: RunItem, target: string, handsOffUntil?: number): Labelled =>
  handsOffUntil === undefined
    ? onLease(table, run, target, 'REMOVE leaseHolder, leaseUntil', {})
    : onLease(table, run, target, 'SET handsOffUntil = :away REMOVE leaseHolder, leaseUntil', {
        ':away': handsOffUntil,
      });

/** Refuses when the chosen copy of the switch says `freeze`: `pause` lets what is under way go on. */
export const checkNotFrozen = (table: string, copy: number): Labelled =>
  signed('switch', {
    ConditionCheck: {
      TableName: table,
      Key: marshall(switchKey(copy)),
      ConditionExpression: 'attribute_not_exists(pk) OR #state <> :freeze',
      ExpressionAttributeNames: { '#state': 'state' },
      ExpressionAttributeValues: marshall({ ':freeze': 'freeze' satisfies SwitchItem['state'] }),
    },
  });
