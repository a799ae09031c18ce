/** What one invocation of a remediation works with, and the one batched read that every signal begins with. */
import type { Severity } from '../../events/journal.ts';
import type { Signal } from '../../events/signal.ts';
import type { Protected, RunbookLimits, RuntimeConfig } from './config.ts';
import { takenOverBy, type Upstream } from './guard.ts';
import {
  type AlarmItem,
  alarmKey,
  type EventItem,
  eventKey,
  type Key,
  MASTER_SWITCH,
  NEW_TARGET,
  type StormItem,
  type SwitchItem,
  type SwitchState,
  stormKey,
  type TargetItem,
  targetKey,
} from './items.ts';
import type { RemainingMs, Remediation } from './remediation.ts';
import type { Store } from './store.ts';
import { type OpenedIncident, openedLately } from './storm.ts';
import { nothingWaits } from './target-state.ts';

export interface Context<Target extends Protected, Observation> {
  readonly remediation: Remediation<Target, Observation>;
  readonly store: Store;
  readonly config: RuntimeConfig;
  readonly now: () => number;
  /** Lambda's request id: the same on every retry of one asynchronous invocation. */
  readonly requestId: string;
  readonly remaining: RemainingMs;
  readonly random: () => number;
}

export interface Situation {
  readonly now: number;
  readonly event: EventItem | undefined;
  readonly switchState: SwitchState;
  readonly target: TargetItem;
  readonly alarm: AlarmItem | undefined;
  readonly upstreamsInTrouble: readonly Upstream[];
  /** Incidents opened lately, on any target. */
  readonly opened: readonly OpenedIncident[];
  /** When a person was last called because of a storm (epoch milliseconds); 0: never. */
  readonly stormPagedAt: number;
}

/** How severe incidents of a configured target are. */
function severityOfTarget({ services, databases }: RuntimeConfig, key: string): Severity | undefined {
  const database = Object.values(databases).find(({ name }) => key === `rds-instance/${name}`);
  const service = Object.values(services).find((each) => key === `ecs-service/${each.cluster}/${each.service}`);
  return (database ?? service)?.severity;
}

/** Its open incident is older than it may be before somebody is called, nobody was, and nothing is under way. */
function isUnattended(
  target: TargetItem,
  { config, now }: Pick<Context<Protected, unknown>, 'config' | 'now'>,
): boolean {
  const { escalatedAt, leaseHolder, approvals = {}, openedAt = now() } = target;
  const isInHand =
    leaseHolder !== undefined ||
    !nothingWaits(target) ||
    Object.keys(approvals).length > 0 ||
    takenOverBy(target, now()) !== undefined;
  const lateAfterMs = (config.verifyWithinSeconds + 2 * config.reconcileEverySeconds) * 1000;
  return escalatedAt === undefined && !isInHand && now() > openedAt + lateAfterMs;
}

/** Margin by which a lease outlives the function's hard timeout. */
const LEASE_MARGIN_MS = 15_000;

export function limitsOf<T extends Protected, O>({ remediation, config }: Context<T, O>): RunbookLimits {
  const limits = config.runbooks[remediation.manifest.name];
  if (!limits) throw new Error(`config.json: runbooks.${remediation.manifest.name} is missing: deploy again`);
  return limits;
}

export const leaseEnd = <T extends Protected, O>({ remediation, now }: Context<T, O>): number =>
  now() + remediation.manifest.timeoutSeconds * 1000 + LEASE_MARGIN_MS;

/**
 * Reads all that the guardrails need in one round: event, switch, target, alarm, upstream targets; and beside it, because an index
 * can't be read in the same call, the incidents opened lately.
 */
export async function readSituation<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  upstreams: readonly string[],
): Promise<Situation> {
  const { store, remediation } = context;
  const keys = {
    event: eventKey(remediation.manifest.name, signal.id),
    switch: MASTER_SWITCH,
    target: targetKey(signal.target),
    alarm: alarmKey(signal.subject),
    wholeAlarm: alarmKey(signal.alarmArn ?? signal.subject),
    storm: stormKey,
  };
  const [items, opened] = await Promise.all([
    store.readAll([...Object.values(keys), ...upstreams.map(targetKey)]),
    openedLately(store, context.config.storm, context.now()),
  ]);
  const get = <Item>(key: Key) => items.get(key.pk) as Item | undefined;
  return {
    now: context.now(),
    event: get<EventItem>(keys.event),
    switchState: get<SwitchItem>(keys.switch)?.state ?? 'run',
    target: asTarget(get(keys.target)),
    alarm: withActionsOf(get<AlarmItem>(keys.alarm), get<AlarmItem>(keys.wholeAlarm)),
    upstreamsInTrouble: upstreams.flatMap((name) => {
      const upstream = asTarget(get(targetKey(name)));
      const { openIncidentId: incidentId } = upstream;
      if (incidentId === undefined) return [];
      const severity = severityOfTarget(context.config, name);
      return [{ target: name, incidentId, severity, unattended: isUnattended(upstream, context) }];
    }),
    opened,
    stormPagedAt: get<StormItem>(keys.storm)?.pagedAt ?? 0,
  };
}

/** Whether actions are disabled is said of the alarm as a whole; its state says nothing of one of its time series. */
const withActionsOf = (alarm: AlarmItem | undefined, whole: AlarmItem | undefined): AlarmItem | undefined =>
  whole?.actionsDisabledUntil === undefined
    ? alarm
    : {
        ...(alarm ?? { state: 'INSUFFICIENT_DATA', stateAt: 0 }),
        actionsDisabledUntil: whole.actionsDisabledUntil,
      };

/** Reads one target as it is now. */
export async function readTarget(store: Store, target: string): Promise<TargetItem> {
  return asTarget(await store.read(targetKey(target)));
}

function asTarget(item: unknown): TargetItem {
  if (!item) return NEW_TARGET;
  const { pk: _pk, sk: _sk, ...rest } = item as TargetItem & Key;
  return { ...NEW_TARGET, ...rest };
}

/** Time from the opening of an incident until a person is called although the ladder is still being climbed, in milliseconds: once for each rung. */
export const deadlineOf = <T extends Protected, O>({ config }: Context<T, O>, { rung }: Pick<Signal, 'rung'>): number =>
  config.verifyWithinSeconds * 1000 * (rung + 1);

/** The alarm is looked at again every few minutes; the person who was paged for this incident isn't paged again each time. */
export function calledLately<T extends Protected, O>({ config }: Context<T, O>, { now, target }: Situation): boolean {
  return target.escalatedAt !== undefined && now < target.escalatedAt + config.handsOffSeconds * 1000;
}
