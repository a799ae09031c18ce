/** What scenarios expect of incidents, and what they measure from events, recorded calls and the journal. */
import type { IncidentWithTimeline, JournalEntry } from '../../../events/journal.ts';
import type { RecordedCall } from '../../world/types.ts';
import type { World } from '../../world/world.ts';
import { expectThat, ScenarioFailure, type Stage } from '../types.ts';

/** Callers of Nightshift's functions, as their application id names them. */
const OURS = /^nightshift-/;

/** Alarms are judged every 10 s, and a first period may be mixed; a busy machine publishes late. */
const ALARM_WITHIN_MS = 90_000;
const INCIDENT_WITHIN_MS = 15_000;
const RESOLVED_WITHIN_MS = 60_000;

/** A moment before which nothing counts: events and journal entries of this scenario are later. */
export const startOfScenario = (): number => Date.now();

/** @returns when (epoch milliseconds) an alarm that starts `runbook` fired, by CloudWatch's own evaluation. */
export async function untilAlarm(world: World, stage: Stage, runbook: string, since: number): Promise<number> {
  const fired = await stage.until(
    `an alarm that starts ${runbook} to fire`,
    () => world.alarms.first(runbook, 'ALARM', since),
    { withinMs: ALARM_WITHIN_MS, everyMs: 20 },
  );
  stage.step(`alarm ${fired.alarmName} fired`);
  expectThat(
    !world.gateway.calls().some(({ operation }) => operation === 'SetAlarmState'),
    'expected the alarm to fire by evaluation, but somebody called SetAlarmState',
  );
  return Date.parse(fired.at);
}

/** The incident that was opened on `target` after `since`. */
export function untilIncident(
  world: World,
  stage: Stage,
  target: string,
  since: number,
  withinMs = INCIDENT_WITHIN_MS,
): Promise<IncidentWithTimeline> {
  return stage.until(`an incident on ${target}`, () => findIncident(world, target, since), { withinMs });
}

async function findIncident(world: World, target: string, since: number): Promise<IncidentWithTimeline | undefined> {
  const incidents = await world.journal.listIncidents();
  return incidents.find((each) => each.target === target && Date.parse(each.openedAt) >= since);
}

/**
 * The incident once it is resolved.
 * @throws ScenarioFailure at once when it was escalated, with the reason in the journal.
 */
export function untilResolved(
  world: World,
  stage: Stage,
  id: string,
  withinMs = RESOLVED_WITHIN_MS,
): Promise<IncidentWithTimeline> {
  let seen = 'nothing';
  return stage.until(
    `incident ${id} to be resolved`,
    async () => {
      const incident = await world.journal.readIncident(id);
      seen = `state ${incident?.state}, last "${incident?.timeline.at(-1)?.summary}"`;
      const escalation = incident?.timeline.find(({ kind }) => kind === 'escalated');
      if (escalation) throw new ScenarioFailure(`a person was called: ${escalation.summary}`);
      return incident?.state === 'resolved' ? incident : undefined;
    },
    { withinMs, seen: () => seen },
  );
}

/** The incident once a person was called for it. @throws ScenarioFailure at once when it was resolved without one. */
export function untilEscalated(
  world: World,
  stage: Stage,
  id: string,
  withinMs: number,
): Promise<IncidentWithTimeline> {
  let seen = 'nothing';
  return stage.until(
    `a person to be called for incident ${id}`,
    async () => {
      const incident = await world.journal.readIncident(id);
      seen = `state ${incident?.state}, last "${incident?.timeline.at(-1)?.summary}"`;
      const { timeline = [] } = incident ?? {};
      // What isn't urgent waits for business hours, and says so.
      const isCalled = timeline.some(
        ({ kind, summary }) => kind === 'paged' || (kind === 'note' && summary.startsWith('nobody is paged')),
      );
      if (isCalled && timeline.some(({ kind }) => kind === 'escalated')) return incident;
      if (incident?.state === 'resolved') throw new ScenarioFailure('it was resolved, and nobody was called');
      return undefined;
    },
    { withinMs, seen: () => seen },
  );
}

/** The first entry of a kind. @throws ScenarioFailure when the timeline has none. */
export function entryOf(incident: IncidentWithTimeline, kind: JournalEntry['kind']): JournalEntry {
  const found = incident.timeline.find((entry) => entry.kind === kind);
  if (!found) throw new ScenarioFailure(`expected an entry "${kind}" in the timeline of ${incident.id}`);
  return found;
}

/** Milliseconds from the alarm's event to the journal's `resolved` entry. */
export const msToResolved = (incident: IncidentWithTimeline, firedAt: number): number =>
  Date.parse(entryOf(incident, 'resolved').at) - firedAt;

/** The first changing call that Nightshift made on `resource` since a moment, as the gateway recorded it. */
export function firstChange(
  world: World,
  wanted: { readonly service: string; readonly operation: string; readonly resource: string; readonly since: number },
): RecordedCall | undefined {
  return world.gateway
    .calls()
    .find(
      (call) =>
        call.changing &&
        OURS.test(call.caller) &&
        call.service === wanted.service &&
        call.operation === wanted.operation &&
        call.resource.includes(wanted.resource) &&
        Date.parse(call.at) >= wanted.since,
    );
}

/** Waits until no incident of `target` is open and no alarm of `runbook` (if one is named) is firing: where every scenario begins. */
export async function untilQuiet(world: World, stage: Stage, target: string, runbook?: string): Promise<void> {
  let seen = '';
  await stage.until(
    `nothing to be wrong with ${target} before the scenario`,
    async () => {
      const open = (await world.journal.listIncidents()).find(
        (each) => each.target === target && each.resolvedAt === undefined,
      );
      const firing = runbook === undefined ? undefined : firingAlarm(world, runbook);
      seen = [open && `incident ${open.id} is ${open.state}`, firing && `${firing} is firing`]
        .filter(Boolean)
        .join(', ');
      return open || firing ? undefined : true;
    },
    { withinMs: 60_000, seen: () => seen },
  );
}

/** Name of an alarm of `runbook` whose last change was to ALARM. */
function firingAlarm(world: World, runbook: string): string | undefined {
  const last = new Map<string, string>();
  for (const { alarmName, state, runbook: tag } of world.alarms.changes())
    if (tag === runbook) last.set(alarmName, state);
  return [...last].find(([, state]) => state === 'ALARM')?.[0];
}
