/** What is put back of a backup, and whether it may be. Pure. */
import { fieldChanges, tellField } from '../../configuration/diff.ts';
import { type ConfigItem, digestOf, type ItemKind, nameOf, type Settings } from '../../configuration/item.ts';
import { serviceId } from '../../configuration/parts.ts';
import type { RuntimeConfig } from '../../engine/config.ts';
import type { Change, Json } from '../../engine/remediation.ts';
import type { StepDecision, StepProof, Targets } from '../step.ts';

/** Kinds of which something can be put back; a service brings its scaling along. */
export const RESTORABLE = ['service', 'record', 'alarm', 'parameter'] as const;
export type Restorable = (typeof RESTORABLE)[number];

export interface What {
  readonly kind: Restorable;
  readonly id: string;
}

/** `service/orders/backend`, `record/Z1/www.example.com/A`. @returns undefined for anything else. */
export function whatOf(text: string): What | undefined {
  const kind = RESTORABLE.find((each) => text.startsWith(`${each}/`));
  const id = kind && text.slice(kind.length + 1);
  return kind && id ? { kind, id } : undefined;
}

/** The target that a run takes in hand: a protected service, or the endpoint whose record it is. Alarms, parameters and other records are nobody's target. */
export function targetsOf(text: string, config: RuntimeConfig): Targets {
  const what = whatOf(text);
  const known = RESTORABLE.map((each) => `${each}/...`).join(', ');
  if (!what) return { kind: 'refused', why: `what: "${text}" is nothing that can be put back; there are ${known}` };
  if (!config.configurationBackup)
    return { kind: 'refused', why: 'there are no backups: add configurationBackup to the configuration' };
  if (what.kind === 'service') {
    const names = Object.values(config.services).map(serviceId);
    return names.includes(what.id)
      ? { kind: 'targets', targets: [`ecs-service/${what.id}`] }
      : { kind: 'refused', why: `what: "${what.id}" isn't protected; there are ${names.join(', ') || 'none'}` };
  }
  const endpoint = Object.values(config.endpoints).find(
    ({ zoneId, recordName, recordType }) =>
      what.kind === 'record' && what.id === `${zoneId}/${recordName.toLowerCase().replace(/\.$/, '')}/${recordType}`,
  );
  return { kind: 'targets', targets: endpoint ? [`dns-endpoint/${endpoint.name}`] : [] };
}

/** Fields of a service that are put back: the others need a person, because they can take its network or load balancer away. */
const SERVICE_FIELDS: readonly string[] = ['taskDefinition', 'desiredCount'];

/** The part of its settings that is put back. */
export function putBackPart({ kind, settings }: Pick<ConfigItem, 'kind' | 'settings'>): Settings {
  return kind === 'service'
    ? Object.fromEntries(Object.entries(settings).filter(([field]) => SERVICE_FIELDS.includes(field)))
    : settings;
}

/** A thing as it is, and as the backup has it. */
export interface Seen {
  readonly kind: ItemKind;
  readonly id: string;
  /** Only the part that is put back; undefined: it isn't there. */
  readonly live: Settings | undefined;
  readonly wanted: Settings | undefined;
  /** A parameter's value is that of the version in the backup; its version never goes back. */
  readonly isSameValue?: boolean | undefined;
  /** Who rolls a service's deployments out, where that isn't ECS itself: its changes are that one's. */
  readonly otherController?: string | undefined;
  /** Numbers of tasks between which a service moves by itself: such a move is left alone. */
  readonly limits?: { readonly min: number; readonly max: number } | undefined;
}

/** Where both numbers of tasks are within the limits, the present one is as good. */
function movesByItself({ kind, limits }: Pick<Seen, 'kind' | 'limits'>, was: Json | undefined, is: Json | undefined) {
  if (kind !== 'service' || !limits) return false;
  return [was, is].every((count) => typeof count === 'number' && count >= limits.min && count <= limits.max);
}

/** Whether what is there is that, as far as it matters: policies that only are there stay. */
function isLike(seen: Pick<Seen, 'kind' | 'live' | 'limits'>, settings: Settings | null): boolean {
  const { kind, live } = seen;
  if (!live || !settings) return !live && !settings;
  const compared = kind === 'scaling' ? withoutExtra(live, settings) : live;
  return fieldChanges(compared, settings).every(
    ({ field, before, after }) => field === 'desiredCount' && movesByItself(seen, before, after),
  );
}

function withoutExtra(live: Settings, wanted: Settings): Settings {
  const policies = (settings: Settings) => (settings.policies ?? {}) as Settings;
  const kept = Object.entries(policies(live)).filter(([name]) => Object.hasOwn(policies(wanted), name));
  return { ...live, policies: Object.fromEntries(kept) };
}

export const isAsWanted = (seen: Seen): boolean => {
  const { live, wanted, isSameValue } = seen;
  if (!live || !wanted) return false;
  return isSameValue ?? isLike(seen, effective(seen));
};

/** What would be put back: a number of tasks only where it left its limits, and only one within them. */
function effective(seen: Seen): Settings {
  const { live, wanted = {} } = seen;
  const count = live?.desiredCount;
  if (count === undefined || seen.kind !== 'service' || !seen.limits) return wanted;
  const isWithin = (tasks: Json | undefined) => movesByItself(seen, tasks, tasks);
  return !isWithin(count) && isWithin(wanted.desiredCount) ? wanted : { ...wanted, desiredCount: count };
}

/** Differences between what is there and what would be put back, a line each. */
export function differences(seen: Seen): string[] {
  const { kind, live, wanted } = seen;
  if (!wanted || isAsWanted(seen)) return [];
  if (!live) return ['it is made again'];
  const compared = kind === 'scaling' ? withoutExtra(live, wanted) : live;
  return fieldChanges(compared, effective(seen)).map(tellField);
}

/** What a person was shown, in short: nothing is changed when it is something else by then. */
export const shownDigest = (all: readonly Seen[]): string =>
  digestOf(all.map((seen) => [nameOf(seen), ...differences(seen)]));

/** Why it can't be put back; undefined: it can. */
export function whyNot({ kind, id, live, wanted, otherController }: Seen, folder: string): string | undefined {
  if (!wanted) return `${nameOf({ kind, id })} isn't in the backup ${folder}`;
  if (kind === 'record' && /\/(NS|SOA)(\/|$)/.test(id))
    return `${nameOf({ kind, id })}: NS and SOA are left to a person`;
  if (kind === 'record' && wanted.TrafficPolicyInstanceId !== undefined)
    return `${nameOf({ kind, id })}: it belongs to a traffic policy, which writes it itself`;
  if (otherController !== undefined)
    return `${nameOf({ kind, id })}: its deployments are controlled by ${otherController}, which has to put it back`;
  if (live || kind === 'record' || kind === 'alarm') return undefined;
  return `${nameOf({ kind, id })} isn't there any more: a backup holds too little of it to make it again`;
}

/** The change, or that there is nothing to do. */
export function decidePutBack(seen: Seen, folder: string): StepDecision {
  const refused = whyNot(seen, folder);
  if (refused !== undefined) return { kind: 'fail', reason: refused };
  const name = nameOf(seen);
  if (isAsWanted(seen)) return { kind: 'done', detail: `left out, nothing to do: ${name} is as in the backup` };
  const said = differences(seen).join(', ');
  return {
    kind: 'act',
    change: {
      summary: `put back ${name} as in ${folder}: ${said}`.slice(0, 1000),
      before: { settings: seen.live ?? null },
      after: { settings: effective(seen) },
      undo: seen.live ? `put ${name} back to what it was` : `${name} stays: nothing is deleted`,
    },
  };
}

export type Side = 'before' | 'after';
/** null: it wasn't there. */
export const settingsOf = (change: Pick<Change, Side>, side: Side): Settings | null =>
  (change[side] as { settings: Settings | null }).settings;

/** By what is there now. A parameter's value can be seen, its version is another one each time. */
export function applied(change: Change, seen: Seen): 'yes' | 'no' | 'unclear' {
  const [before, after] = [settingsOf(change, 'before'), settingsOf(change, 'after')];
  if (after && seen.live && (seen.isSameValue ?? isLike(seen, after))) return 'yes';
  return isLike(seen, before) || isHalfDone(seen, before, after) ? 'no' : 'unclear';
}

/**
 * Scaling takes a call for its limits and one for each policy: of a function that died between two of them some parts are as they were, and the others as they were to be. Each call is absolute, so all
 * are made again.
 */
function isHalfDone({ kind, live }: Seen, before: Settings | null, after: Settings | null): boolean {
  if (kind !== 'scaling' || !live || !before || !after) return false;
  const [is, was, wanted] = [partsOf(live), partsOf(before), partsOf(after)];
  const isAs = (name: string, side: Record<string, Settings>) =>
    fieldChanges(is[name] ?? {}, side[name] ?? {}).length === 0;
  return Object.keys(wanted).every((name) => isAs(name, wanted) || isAs(name, was));
}

function partsOf({ policies = {}, ...limits }: Settings): Record<string, Settings> {
  const each = Object.entries(policies as Settings).map(([name, policy]) => [`policy/${name}`, policy as Settings]);
  return { limits, ...(Object.fromEntries(each) as Record<string, Settings>) };
}

export const proved = (change: Change, seen: Seen): StepProof =>
  applied(change, seen) === 'yes'
    ? { kind: 'good', detail: `${nameOf(seen)} is as in the backup` }
    : { kind: 'not-yet', detail: `${nameOf(seen)} isn't as in the backup yet`, seconds: 2 };

/** The way back: only from what the run set; what was made again stays, and so does a parameter's new version, whose value is known good. */
export function decideTakeBack(seen: Seen, made: Change | undefined): StepDecision {
  if (!made) return { kind: 'done', detail: 'nothing was put back' };
  const [before, after] = [settingsOf(made, 'before'), settingsOf(made, 'after')];
  const name = nameOf(seen);
  if (!before || !after) return { kind: 'done', detail: `${name} was made again, and stays` };
  if (seen.kind === 'parameter')
    return { kind: 'done', detail: `${name} keeps its new version; Parameter Store has the one before` };
  if (isLike(seen, before)) return { kind: 'done', detail: `${name} is as it was` };
  if (!isLike(seen, after) && !isHalfDone(seen, before, after))
    return { kind: 'fail', reason: `${name} is neither as it was nor as in the backup: somebody else changed it` };
  return {
    kind: 'act',
    change: {
      ...{ summary: `put ${name} back to what it was before`, undo: `put ${name} back as in the backup` },
      ...{ before: { settings: seen.live ?? null }, after: { settings: wayBack(seen, before, after) } },
    },
  };
}

/** A number of tasks that the run left alone may have moved since, and is left alone again. */
function wayBack({ kind, live }: Seen, before: Settings, after: Settings): Settings {
  const count = live?.desiredCount;
  const isLeft = kind === 'service' && before.desiredCount === after.desiredCount;
  return isLeft && count !== undefined ? { ...before, desiredCount: count } : before;
}
