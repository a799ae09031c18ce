/** What must hold when a simulated run has come to its end, by the numbers of the design's invariants. What must hold at a moment is checked there (`world.ts`). */
import { BUDGET_HOUR_MS, duePartitions, eventKey } from '../../functions/engine/items.ts';
import type { Image } from './table/expression.ts';
import { LEAST } from './targets.ts';
import type { World } from './world.ts';

/** Sentences about what doesn't hold; empty: all of it holds. */
export function violationsOf(world: World): string[] {
  const journal = readJournal(world);
  return [
    ...world.watch.violations,
    ...accounted(world, journal),
    ...timelines(journal),
    ...repeats(world),
    ...approvals(journal),
    ...bounds(world, journal),
    ...verified(world, journal),
    ...handedBack(world, journal),
    ...blamed(world, journal),
  ];
}

interface Journal {
  readonly actions: readonly Image[];
  readonly targets: ReadonlyMap<string, Image>;
  readonly work: readonly Image[];
  /** By incident. */
  readonly timelines: ReadonlyMap<string, readonly Image[]>;
}

const text = (item: Image | undefined, name: string): string => item?.[name]?.S ?? '';
const number = (item: Image | undefined, name: string): number => Number(item?.[name]?.N ?? Number.NaN);

function readJournal({ table }: World): Journal {
  const timelines = new Map<string, Image[]>();
  for (const entry of table.itemsOf('INCIDENT#')) {
    const id = text(entry, 'incidentId');
    const known = timelines.get(id);
    if (known) known.push(entry);
    else timelines.set(id, [entry]);
  }
  for (const timeline of timelines.values()) timeline.sort((a, b) => (text(a, 'id') < text(b, 'id') ? -1 : 1));
  return {
    actions: [...table.itemsOf('ACTION#')],
    targets: new Map([...table.itemsOf('TARGET#')].map((item) => [text(item, 'pk').slice('TARGET#'.length), item])),
    work: duePartitions().flatMap((partition) => [...table.inIndex('due', partition)]),
    timelines,
  };
}

/** I1: every event has its outcome or stands in the failure queue, and what fires or is open is looked at again. */
function accounted(world: World, { actions, targets, work }: Journal): string[] {
  const found: string[] = [];
  for (const { to, payload, outcome, requestId } of world.deliveries) {
    // At the end of a run a delivery may still wait for its next attempt.
    if (outcome === undefined && world.clock.next === undefined) found.push(`I1: ${requestId} to ${to} has no outcome`);
    const id =
      (payload as { id?: string; signal?: { id: string } }).id ?? (payload as { signal?: { id: string } }).signal?.id;
    if (id === undefined || outcome === undefined || outcome === 'given-up') continue;
    const event = world.table.onlyItemOf(eventKey(to, id).pk);
    const isOpen = actions.some(
      (each) => text(each, 'actionId') === text(event, 'actionId') && text(each, 'status') === 'intended',
    );
    if (!event) found.push(`I1: event ${id} was acknowledged (${outcome}) and stands nowhere in the journal`);
    else if (text(event, 'status') !== 'done' && !isOpen)
      found.push(`I1: event ${id} was acknowledged (${outcome}), and its item is ${text(event, 'status')}`);
  }
  found.push(...unwatched(world));
  const cared = new Set(work.map((each) => text(each, 'target')));
  for (const [name, target] of targets) {
    if (text(target, 'openIncidentId') !== '' && !cared.has(name))
      found.push(`I1: ${text(target, 'openIncidentId')} of ${name} is open and nothing looks at it again`);
    const holder = text(target, 'leaseHolder');
    const isHeld = work.some((each) => text(each, 'kind') === 'unfinished' && text(each, 'id') === holder);
    if (holder !== '' && !isHeld) found.push(`I2: ${name} is leased to ${holder}, and nothing brings it up again`);
  }
  for (const action of actions)
    if (text(action, 'status') === 'intended' && !work.some((each) => text(each, 'id') === text(action, 'actionId')))
      found.push(`I1: ${text(action, 'actionId')} is unfinished and nothing brings it up again`);
  return found;
}

/** I1: alarms that fire, are known or should be by now, and that nothing looks at again. */
export function unwatched({ alarms, table, clock, config, endedByPerson }: World): string[] {
  const found: string[] = [];
  const graceMs = 3 * config.reconcileEverySeconds * 1000;
  for (const { state, stateAt, target, name, arn } of alarms.all) {
    if (state !== 'ALARM' || endedByPerson.has(target.key)) continue;
    const known = table.onlyItemOf(`ALARM#${arn}`);
    if (text(known, 'state') !== 'ALARM' && clock.now < stateAt + graceMs) continue;
    const recheck = table.onlyItemOf(`WORK#recheck#${arn}`);
    if (!recheck) found.push(`I1: ${name} fires and nothing looks at it again`);
  }
  return found;
}

/** An incident is opened once, first, and ended once. */
function timelines({ timelines: all }: Journal): string[] {
  const found: string[] = [];
  for (const [id, timeline] of all) {
    const kinds = timeline.map((entry) => text(entry, 'kind'));
    const count = (kind: string) => kinds.filter((each) => each === kind).length;
    if (kinds[0] !== 'opened' || count('opened') !== 1)
      found.push(`I1: ${id} begins with ${kinds[0]}, opened ${count('opened')} times`);
    if (count('resolved') > 1) found.push(`I4: ${id} is resolved ${count('resolved')} times`);
  }
  return found;
}

/**
 * I4: one intent, one change. Where a person put the value back to what it was before, an unfinished intent can't be told from one that never took effect
 * (docs/safety-case.md, "Windows that remain").
 */
function repeats({ changes, changedByPerson }: World): string[] {
  const counts = new Map<string, number>();
  for (const { intents, isNew, isUndoable, target } of changes) {
    const [id] = intents;
    if (id === undefined || !isNew || (isUndoable && changedByPerson.has(target))) continue;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > 1)
    .map(([id, count]) => `I4: ${id} changed its target ${count} times`);
}

/** I6: an approval is for one change. */
function approvals({ actions }: Journal): string[] {
  const ids = actions.map((action) => text(action, 'approvalId')).filter((id) => id !== '');
  return ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `I6: ${id} let two changes through`);
}

/** I5: cooldowns and budgets, counted by the intents in the timelines. */
function bounds({ config, scenario }: World, { actions, timelines: all }: Journal): string[] {
  const found: string[] = [];
  const purposes = new Map(actions.map((action) => [text(action, 'actionId'), action]));
  const times: { at: number; remediation: string; target: string; purpose: string }[] = [];
  for (const timeline of all.values())
    for (const entry of timeline) {
      if (text(entry, 'kind') !== 'intent') continue;
      const action = purposes.get(text(entry.data?.M, 'actionId'));
      const [at, target] = [Date.parse(text(entry, 'at')), text(action, 'target')];
      times.push({ at, target, remediation: text(action, 'remediation'), purpose: text(action, 'purpose') });
    }
  times.sort((a, b) => a.at - b.at);
  const changes = times.filter(({ purpose }) => purpose === 'remediate');
  const most = (what: string, limit: number, of: typeof times) => {
    for (const [index, { at }] of of.entries()) {
      const first = of[index - limit];
      if (first && at < first.at + BUDGET_HOUR_MS) found.push(`I5: more than ${limit} ${what} within an hour`);
    }
  };
  for (const [key, mine] of Object.entries(
    Object.groupBy(changes, (each) => `${each.remediation} of ${each.target}`),
  )) {
    most(`changes by ${key}`, scenario.limits.perTarget, mine ?? []);
    for (const [index, { at }] of (mine ?? []).entries()) {
      const before = mine?.[index - 1];
      const cooldown = (config.runbooks[before?.remediation ?? '']?.cooldownSeconds ?? 0) * 1000;
      if (before && at < before.at + cooldown)
        found.push(`I5: ${key}: ${(at - before.at) / 1000} s after the last change`);
    }
  }
  for (const [name, mine] of Object.entries(Object.groupBy(changes, ({ remediation }) => remediation)))
    most(`changes by ${name}`, scenario.limits.perRunbook, mine ?? []);
  most('changes', scenario.limits.fleet, changes);
  const removals = times.filter(
    ({ purpose, remediation }) =>
      purpose === 'hand-back' || (purpose === 'remediate' && remediation === 'restart-number'),
  );
  most('removals', scenario.limits.removals, removals);
  return found;
}

/** I7: what was done is verified by its deadline or a person was called; what failed has told somebody. */
function verified({ clock, config }: World, { actions, work, timelines: all }: Journal): string[] {
  const found: string[] = [];
  const graceMs = 3 * config.reconcileEverySeconds * 1000;
  for (const action of actions) {
    const id = text(action, 'actionId');
    const timeline = all.get(text(action, 'incidentId')) ?? [];
    const of = (...kinds: string[]) =>
      timeline.some((entry) => kinds.includes(text(entry, 'kind')) && text(entry.data?.M, 'actionId') === id);
    const isOver = timeline.some((entry) => text(entry, 'kind') === 'resolved');
    if (
      text(action, 'status') === 'done' &&
      text(action, 'purpose') === 'remediate' &&
      !of('not-verified') &&
      !isOver
    ) {
      if (!work.some((each) => text(each, 'kind') === 'verify' && text(each, 'target') === text(action, 'target')))
        found.push(`I7: ${id} is done and its verification is never due`);
      else if (clock.now > number(action, 'verifyBy') + graceMs)
        found.push(`I7: ${id} is unverified long after its deadline`);
    }
    const told = timeline.some((entry) => ['escalated', 'handed-on', 'left-as-is'].includes(text(entry, 'kind')));
    if (text(action, 'status') === 'failed' && !told) found.push(`I7: ${id} failed and nobody was told`);
    const isWorse = timeline.some(
      (entry) => text(entry, 'summary').includes('made it worse') && text(entry.data?.M, 'actionId') === id,
    );
    const isUndone =
      actions.some((each) => text(each, 'signalId') === `undo-${id}`) ||
      work.some((each) => text(each, 'kind') === 'undo' && text(each, 'id') === id) ||
      of('left-as-is');
    if (isWorse && !isUndone) found.push(`I7: ${id} made it worse, and is neither undone nor left to a person`);
  }
  return found;
}

/** I4: what Nightshift did itself isn't taken for somebody else's work. */
function blamed({ changedByPerson }: World, { actions, timelines: all }: Journal): string[] {
  return actions
    .filter((action) => !changedByPerson.has(text(action, 'target')))
    .flatMap((action) => {
      const id = text(action, 'actionId');
      const timeline = all.get(text(action, 'incidentId')) ?? [];
      const isBlamed = timeline.some(
        (entry) => text(entry.data?.M, 'actionId') === id && text(entry, 'summary').includes('somebody else'),
      );
      return isBlamed ? [`I4: somebody else is said to have been in the way of ${id}, and nobody was`] : [];
    });
}

/** A temporary change is handed back, still held, or its remaining is told. */
function handedBack(
  { targets: live, changedByPerson }: World,
  { actions, targets, work, timelines: all }: Journal,
): string[] {
  const found: string[] = [];
  for (const { key, value } of live) {
    if (value === LEAST || changedByPerson.has(key)) continue;
    const item = targets.get(key);
    const holds = item?.holds?.L ?? [];
    const isUnderWay = actions.some((each) => text(each, 'target') === key && text(each, 'status') === 'intended');
    const told = [...all.values()].some((timeline) =>
      timeline.some((entry) => ['left-as-is', 'escalated'].includes(text(entry, 'kind'))),
    );
    if (holds.length === 0 && !isUnderWay && !told)
      found.push(`I7: ${key} is ${value} instead of ${LEAST}, is nobody's hold, and nobody was told`);
    const isDue = work.some((each) => text(each, 'target') === key);
    if (holds.length > 0 && !isDue) found.push(`I1: ${key} is held at ${value} and nothing hands it back`);
  }
  return found;
}
