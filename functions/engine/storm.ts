/**
 * Storms (design section 4): when incidents begin on many targets within a short time they have a common cause, and changing each target by
 * itself mends nothing. Beyond the limit a signal is held without a look at its target, a person is called once for all of them, and the
 * reconciler brings the held ones up afterwards. Docs: docs/storms.md.
 */
import { encodeTime } from 'ulid';
import type { RuntimeConfig } from './config.ts';
import { incidentsPartition } from './items.ts';
import type { Store } from './store.ts';

/** The first line of an incident as the index of incidents tells it. */
export interface OpenedIncident {
  /** Sortable by the time it was opened. */
  readonly id: string;
  readonly target: string;
  readonly remediation: string;
}

/** What a storm consists of, as far as it was read, without the target that is being judged. */
export interface Storm {
  readonly opened: readonly OpenedIncident[];
  readonly targets: number;
}

/** Incidents read for one target that may be in the storm: a target whose alarm flaps opens several. */
const READ_PER_TARGET = 4;

/** The id that an incident opened at `at` (epoch milliseconds) would at least have. */
export const lowestId = (at: number): string => `inc-${encodeTime(Math.max(0, at))}`;

/** While a storm lasts, a process asks for it again only after this: in a storm every read counts, and a moment's delay doesn't. */
const STORM_KNOWN_FOR_MS = 1_000;
const known = new WeakMap<Store, { readonly at: number; readonly opened: readonly OpenedIncident[] }>();

/**
 * The incidents of the last while, as `readOpened` tells them: fresh as long as there is no storm, and at most a second old in one.
 * @throws EngineError when the journal can't be read.
 */
export async function openedLately(
  store: Store,
  limits: RuntimeConfig['storm'],
  now: number,
): Promise<readonly OpenedIncident[]> {
  const last = known.get(store);
  if (last && now >= last.at && now < last.at + STORM_KNOWN_FOR_MS) return last.opened;
  const opened = await readOpened(store, limits, now);
  if (new Set(opened.map(({ target }) => target)).size > limits.targets) known.set(store, { at: now, opened });
  else known.delete(store);
  return opened;
}

/**
 * Incidents opened within the last `storm.withinSeconds`, oldest first; no more than it takes to tell a storm. Eventually consistent, as
 * every read of an index: those of the last moments may be missing, so a few more than the limit go on at a storm's very beginning.
 * @throws EngineError when the journal can't be read.
 */
async function readOpened(
  store: Store,
  { targets, withinSeconds }: RuntimeConfig['storm'],
  now: number,
): Promise<readonly OpenedIncident[]> {
  const from = now - withinSeconds * 1000;
  const months = new Set([from, now].map((at) => incidentsPartition(new Date(at).toISOString())));
  const limit = (targets + 1) * READ_PER_TARGET;
  const pages = await Promise.all(
    [...months].map((month) =>
      store.query(
        {
          IndexName: 'incidents',
          KeyConditionExpression: 'incidentsPk = :month AND incidentsSk >= :from',
          ProjectionExpression: 'incidentsSk, #data.target, #data.remediation',
          ExpressionAttributeNames: { '#data': 'data' },
          ExpressionAttributeValues: { ':month': { S: month }, ':from': { S: lowestId(from) } },
          Limit: limit,
        },
        limit,
      ),
    ),
  );
  return pages.flat().map(asOpened);
}

function asOpened({ incidentsSk, data }: Record<string, unknown>): OpenedIncident {
  const { target = '', remediation = '' } = (data ?? {}) as { target?: string; remediation?: string };
  return { id: String(incidentsSk), target, remediation };
}

/**
 * The storm that a signal for `target` belongs to; undefined when there is none, or when the target's incident is older than the storm: what
 * was in hand before goes on. An incident counts only those that began before it, within the time that was read. Pure.
 * @param openIncidentId the target's open incident.
 */
export function stormAround(
  opened: readonly OpenedIncident[],
  target: string,
  openIncidentId: string | undefined,
  limit: number,
): Storm | undefined {
  const before = opened.filter(
    (each) => each.target !== target && (openIncidentId === undefined || each.id < openIncidentId),
  );
  const targets = new Set(before.map((each) => each.target)).size;
  return targets >= limit ? { opened: before, targets } : undefined;
}

/** Calls to the customer's APIs of one look at a target, about. */
export const READS_OF_A_LOOK = 4;

/**
 * In a storm, what was in hand before goes on, but not all at once: how long a target waits before it is looked at again, by its place among those whose
 * incidents began first, so that the looks stay within `fleet.describesPerSecond`. Pure.
 * @returns milliseconds; 0 when there is no storm.
 */
export function turnInStorm(
  opened: readonly OpenedIncident[],
  target: string,
  { storm, fleet }: Pick<RuntimeConfig, 'storm' | 'fleet'>,
): number {
  const targets = [...new Set(opened.map((each) => each.target))];
  if (targets.length <= storm.targets) return 0;
  const place = targets.indexOf(target);
  return ((place < 0 ? targets.length : place) * READS_OF_A_LOOK * 1000) / fleet.describesPerSecond;
}

/** Traits that at least this share of the targets have in common are told. */
const COMMON_SHARE = 0.5;
const NAMED_TARGETS = 8;

/**
 * What a person is told, once a storm: how much there is, what most of it has in common, and that nothing is changed meanwhile. Pure.
 * @param present the target and remediation of the signal that is being judged.
 */
export function stormStory(
  storm: Storm,
  present: Pick<OpenedIncident, 'target' | 'remediation'>,
  config: Pick<RuntimeConfig, 'region' | 'services' | 'storm'>,
): { readonly headline: string; readonly summary: string } {
  const byTarget = new Map([...storm.opened, present].map((each) => [each.target, each]));
  const all = [...byTarget.values()];
  const counts = new Map<string, number>();
  for (const each of all) for (const trait of traitsOf(each, config)) counts.set(trait, (counts.get(trait) ?? 0) + 1);
  const common = [...counts]
    .filter(([, count]) => count > 1 && count >= all.length * COMMON_SHARE)
    .sort(([, a], [, b]) => b - a)
    .map(([trait, count]) => `${count} of ${all.length} ${trait}`);
  const names = all.slice(0, NAMED_TARGETS).map(({ target }) => target);
  const others = all.length > names.length ? ` and ${all.length - names.length} more` : '';
  const headline = `storm: ${all.length} targets or more in trouble within ${config.storm.withinSeconds} s`;
  const cause =
    common.length > 0 ? `In common: ${common.join('; ')}` : 'They have nothing in common that Nightshift knows of';
  const rest = 'New signals are held and nothing is changed for them until it is over; what was in hand before goes on';
  return { headline, summary: `${headline}. ${cause}. ${rest}. Targets: ${names.join(', ')}${others}` };
}

/** What a target may share with others, as ends of "3 of 4 ...". */
function traitsOf(
  { target, remediation }: Pick<OpenedIncident, 'target' | 'remediation'>,
  { region, services }: Pick<RuntimeConfig, 'region' | 'services'>,
): string[] {
  const [kind, scope] = target.split('/');
  const service = Object.values(services).find((each) => target === `ecs-service/${each.cluster}/${each.service}`);
  const databases = kind === 'rds-instance' && scope ? [scope] : (service?.dependsOn ?? []);
  return [
    ...databases.map((name) => `are or need database ${name}`),
    ...(kind === 'ecs-service' ? [`run in cluster ${scope}`] : []),
    `start ${remediation}`,
    `are in ${region}`,
  ];
}
