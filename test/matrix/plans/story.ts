/** What must hold of a run of a plan, whatever it is about: sentences about what doesn't. */
import type { JournalEntry } from '../../../events/journal.ts';
import { type TargetItem, targetKey } from '../../../functions/engine/items.ts';
import { readEntries } from '../../../functions/engine/journal-reader.ts';
import { runsUnderWay } from '../../../functions/engine/plan-items.ts';
import type { Progress, RunItem, Verdict } from '../../../functions/recovery/items.ts';
import { isChanging } from '../../../local/gateway/verbs.ts';
import type { AwsCall } from '../../../local/world/types.ts';
import { counted } from '../incidents/story.ts';
import type { IncidentPoint, Site } from '../incidents/types.ts';
import { type PlanRun, readItem } from './turns.ts';

/** How a run was to end, undisturbed. */
export type Expected = Extract<Verdict, 'recovered' | 'backed-out' | 'rehearsed'>;

/** What was seen while the run went on. */
export interface Watched {
  /** Invariants I2 and I3 at the moment of each change. */
  readonly found: readonly string[];
  /** Changing calls of the run's function that reached AWS and would change something. */
  readonly changes: readonly string[];
  stop(): void;
}

/**
 * Looks at the run in the journal before each changing call that is about it takes effect: exactly one change is written down and under way.
 * @param changes the call is one of this run's thing, and would change it; undefined: it is somebody else's.
 */
export function watchRun(
  site: Site,
  planRun: PlanRun,
  changes: (call: AwsCall) => 'change' | 'repeat' | undefined,
): Watched {
  const found: string[] = [];
  const made: string[] = [];
  const stop = site.place.observer.onChange(async (call) => {
    if (call.caller !== site.functionName || !isChanging(call.service, call.operation)) return;
    const effect = changes(call);
    if (effect === undefined) return;
    if (effect === 'change') made.push(call.operation);
    const item = await readItem(site.store, { plan: planRun.plan.name, run: planRun.run });
    const underWay = item ? busyOf(item) : [];
    if (underWay.length === 1) return;
    found.push(
      underWay.length === 0
        ? `I3: ${call.operation} took effect with no recorded change under way`
        : `I2: ${call.operation} took effect while ${underWay.length} changes were under way`,
    );
  });
  return { found, changes: made, stop };
}

const busyOf = ({ steps }: RunItem): Progress[] =>
  Object.values(steps)
    .flatMap(({ forward, undo }) => [forward, undo])
    .filter((each): each is Progress => each?.change !== undefined && (each.busyUntil ?? 0) > Date.now());

export async function runEnded(
  site: Site,
  { plan, run }: PlanRun,
  expected: Expected,
  point: Pick<IncidentPoint, 'kind'>,
): Promise<{ readonly violations: string[]; readonly item: RunItem | undefined }> {
  const item = await readItem(site.store, { plan: plan.name, run });
  if (item?.phase !== 'ended' || !item.verdict)
    return { item, violations: [`I1: the run is ${item?.phase ?? 'nowhere'}, expected ended`] };
  const { verdict, incidentId, about, why = '' } = item;
  const entries = await readEntries(site.store, incidentId);
  const told = (kind: JournalEntry['kind']) => entries.filter((entry) => entry.kind === kind).length;
  // What is refused isn't repeated: a step fails of it, or a compensation.
  const may: readonly Verdict[] = point.kind === 'refused' ? [expected, 'backed-out', 'needs-person'] : [expected];
  // A person who stopped it isn't called for that.
  const called = verdict === 'needs-person' || (verdict === 'backed-out' && item.stop === undefined);
  const targets = await site.store.readAll(about.map(targetKey));
  const items = about.map((target) => targets.get(targetKey(target).pk) as TargetItem | undefined);
  const locked = (await runsUnderWay(site.store, plan.name)).includes(run);
  const intents = told('intent');
  return {
    item,
    violations: [
      ...(may.includes(verdict) ? [] : [`I4: it ended as ${verdict} (${why}), expected ${expected}`]),
      ...counted('I4: incidents opened', told('opened'), 1),
      ...counted(
        'I7: people called',
        told('escalated'),
        called ? 1 : 0,
        verdict === 'needs-person' ? 2 : called ? 1 : 0,
      ),
      ...counted('I7: resolved', told('resolved'), called ? 0 : 1),
      ...(told('acted') > intents ? [`I3: ${told('acted')} changes made, ${intents} written down`] : []),
      ...(items.some((target) => target?.leaseHolder !== undefined) ? ['I2: a lease of an ended run is left'] : []),
      ...(locked ? ['I2: a lock of an ended run is left'] : []),
      ...(verdict === 'needs-person' && !items.every((target) => (target?.handsOffUntil ?? 0) > Date.now())
        ? ['I6: remediations may act on what could not be taken back']
        : []),
    ],
  };
}
