/**
 * Budgets: at most N changes within any hour, each claimed by a slot of its own, so that nobody waits for a shared counter (design section 4). A slot is
 * taken for an hour from its claim and then free again; the commit compares times and relies on no deletion (docs/decisions/0070).
 */
import type { Guardrail } from '../../events/outcome.ts';
import type { RunbookLimits, RuntimeConfig } from './config.ts';
import type { Stop } from './guard.ts';
import { BUDGET_HOUR_MS, slotKey } from './items.ts';
import type { Labelled, Store } from './store.ts';
import { claimSlot } from './writes.ts';

export interface Budget {
  /** Also the name of its refusal in a transaction. */
  readonly guardrail: Extract<Guardrail, 'runbook-budget' | 'fleet-budget' | 'removal-budget'>;
  /** Whose slots these are: changes of one runbook, of all, or what takes capacity away. */
  readonly scope: string;
  /** The setting that limits it, as a person reads it. */
  readonly setting: string;
  readonly limit: number;
}

type FleetLimits = Pick<RuntimeConfig, 'fleet'>;

export const REMOVALS = 'removals';
export const FLEET = 'fleet';

/** What takes capacity away has a budget of its own (safety rule A5): hand-backs, and remediations that say so in their manifest. */
export const removalBudget = ({ fleet }: FleetLimits): Budget => ({
  guardrail: 'removal-budget',
  scope: REMOVALS,
  setting: `fleet.removalsPerHour ${fleet.removalsPerHour}`,
  limit: fleet.removalsPerHour,
});

/** The budgets that a change by a remediation claims, in the order in which they are named when several are spent. */
export const budgetsOf = (
  remediation: { readonly name: string; readonly removesCapacity?: boolean; readonly changesNothing?: boolean },
  { perRunbookPerHour }: Pick<RunbookLimits, 'perRunbookPerHour'>,
  config: FleetLimits,
): readonly Budget[] => {
  if (remediation.changesNothing) return [];
  return [
    {
      guardrail: 'runbook-budget',
      scope: remediation.name,
      setting: `perRunbookPerHour ${perRunbookPerHour}`,
      limit: perRunbookPerHour,
    },
    {
      guardrail: 'fleet-budget',
      scope: FLEET,
      setting: `fleet.changesPerHour ${config.fleet.changesPerHour}`,
      limit: config.fleet.changesPerHour,
    },
    ...(remediation.removesCapacity ? [removalBudget(config)] : []),
  ];
};

/** Budgets with the slots of each that may still be free. */
export type FreeSlots = readonly { readonly budget: Budget; readonly slots: readonly number[] }[];

/** Before anybody looked: any slot may be free. */
export const anySlots = (budgets: readonly Budget[]): FreeSlots =>
  budgets.map((budget) => ({ budget, slots: Array.from({ length: budget.limit }, (_, slot) => slot) }));

/** The slot of each budget that a change tries to claim, by the name of the budget's refusal. */
export type ChosenSlots = Readonly<Record<string, number>>;

/**
 * Pure: one slot of each budget, chosen at random, so that commits that have nothing to do with each other rarely meet.
 * @param keep Of an earlier choice: slots that nobody was seen at stay, as far as they are free; others are chosen for the rest.
 */
export const chooseSlots = (free: FreeSlots, random: () => number, keep: ChosenSlots = {}): ChosenSlots =>
  Object.fromEntries(
    free.map(({ budget: { guardrail }, slots }) => {
      const kept = keep[guardrail];
      const slot = kept !== undefined && slots.includes(kept) ? kept : slots[Math.floor(random() * slots.length)];
      return [guardrail, slot ?? 0];
    }),
  );

/** The puts that claim the chosen slots for `actionId`. */
export const claimSlots = (
  table: string,
  free: FreeSlots,
  chosen: ChosenSlots,
  actionId: string,
  now: number,
): Labelled[] =>
  free.map(({ budget: { guardrail, scope } }) =>
    claimSlot(table, guardrail, scope, chosen[guardrail] ?? 0, actionId, now),
  );

/** A slot as it stands in the journal: its sort key, and when it was claimed. */
interface Claimed {
  readonly sk?: unknown;
  readonly claimedAt?: unknown;
}

/** Pure: the slots of a budget that are free at `now`, or since none is, when the next one will be. */
export function judgeSlots(
  { scope, limit }: Pick<Budget, 'scope' | 'limit'>,
  items: readonly Claimed[],
  now: number,
): { readonly slots: readonly number[] } | { readonly spentUntil: number } {
  const takenUntil = new Map(items.map(({ sk, claimedAt }) => [sk, Number(claimedAt) + BUDGET_HOUR_MS]));
  const all = Array.from({ length: limit }, (_, slot) => ({
    slot,
    until: takenUntil.get(slotKey(scope, slot).sk) ?? 0,
  }));
  const slots = all.filter(({ until }) => until <= now).map(({ slot }) => slot);
  return slots.length > 0 ? { slots } : { spentUntil: Math.min(...all.map(({ until }) => until)) };
}

/** When each slot of a scope was claimed last, whatever became of it. @throws EngineError when the journal can't be read. */
export const readSlots = (store: Store, scope: string): Promise<Record<string, unknown>[]> =>
  store.query({
    KeyConditionExpression: 'pk = :pk',
    ExpressionAttributeValues: { ':pk': { S: slotKey(scope, 0).pk } },
    ProjectionExpression: 'sk, claimedAt',
    ConsistentRead: true,
  });

/** Slots claimed within the last hour: what `nightshift runbooks` shows. */
export const slotsTaken = async (store: Store, scope: string, now: number): Promise<number> =>
  (await readSlots(store, scope)).filter(({ claimedAt }) => Number(claimedAt) > now - BUDGET_HOUR_MS).length;

/**
 * The slots that nobody holds now, or the refusal of the first budget that is spent.
 * @throws EngineError when the journal can't be read.
 */
export async function listFree(
  store: Store,
  budgets: readonly Budget[],
  now: number,
): Promise<{ readonly free: FreeSlots } | { readonly stop: Stop }> {
  const free: { budget: Budget; slots: readonly number[] }[] = [];
  for (const budget of budgets) {
    const verdict = judgeSlots(budget, await readSlots(store, budget.scope), now);
    if ('spentUntil' in verdict) return { stop: spent(budget, verdict.spentUntil) };
    free.push({ budget, slots: verdict.slots });
  }
  return { free };
}

const spent = ({ guardrail, setting, limit }: Budget, recheckAt: number): Stop => ({
  kind: 'refused',
  guardrail,
  setting,
  present: `${limit} changes within the last hour`,
  recheckAt,
});
