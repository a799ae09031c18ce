/** `nightshift incidents` and `nightshift incident <id>`: what the journal tells. */

import type { Incident, IncidentWithTimeline, JournalEntry } from '../../events/journal.ts';
import type { IncidentDocument, IncidentsDocument } from '../../events/published/incidents.ts';
import type { FollowItem } from '../../functions/engine/following.ts';
import type { Store } from '../../functions/engine/store.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command } from '../command.ts';
import { type Io, table } from '../io.ts';
import { type Place, placeOf } from '../place.ts';
import { verifyIncident } from './verify.ts';

/** The journal as the command line needs it. */
export interface JournalReader {
  /** Newest first. */
  listIncidents(): Promise<readonly Incident[]>;
  readIncident(id: string): Promise<IncidentWithTimeline | undefined>;
  /** Where its follow-through stands; undefined when none has begun. */
  readFollowing?(id: string): Promise<Following | undefined>;
}
type Following = Pick<FollowItem, 'doing' | 'until' | 'nextCall' | 'endedAt'>;
export type OpenJournal = (place: Place) => JournalReader;

export const incidents = (open: OpenJournal): Command => ({
  name: 'incidents',
  usage: 'incidents',
  summary: 'Lists incidents, newest first.',
  run: async (words, { json }, { io, place }) => {
    if (words.length > 0) throw new UsageError(`incidents takes no words, found "${words.join(' ')}"`);
    const where = await place();
    const found = await open(where).listIncidents();
    if (json) {
      io.out(
        JSON.stringify({ version: 1, place: placeOf(where), incidents: found } satisfies Published<IncidentsDocument>),
      );
      return;
    }
    if (found.length === 0) io.out('no incidents');
    else for (const line of incidentLines(found, io)) io.out(line);
  },
});

/** @param openStore only asked for with `--verify`. */
export const incident = (open: OpenJournal, openStore: (place: Place) => Store): Command => ({
  name: 'incident',
  usage: 'incident <id> [--verify]',
  summary: 'Shows one incident: its alarms, what was changed, and its timeline; or recomputes its hash chain.',
  run: async (words, { json, verify }, { io, place }) => {
    const [id, ...more] = words;
    if (id === undefined || more.length > 0) throw new UsageError('expected one id: see "nightshift incidents"');
    const where = await place();
    if (verify) return verifyIncident(openStore(where), id, where, json, io);
    const found = await open(where).readIncident(id);
    if (!found) throw new UsageError(`no incident "${id}" there: see "nightshift incidents"`);
    const following = await open(where).readFollowing?.(id);
    if (json) {
      const document = {
        version: 1,
        place: placeOf(where),
        incident: found,
        ...(following && { following: publishedFollowing(following) }),
      } satisfies Published<IncidentDocument>;
      io.out(JSON.stringify(document));
      return;
    }
    for (const line of [...storyLines(found, io), ...section('follow-through', followingLines(following), io)])
      io.out(line);
  },
});

const publishedFollowing = ({ doing, until, nextCall, endedAt }: Following) => ({
  doing,
  ...(endedAt === undefined && { looksAgainAt: new Date(until).toISOString() }),
  ...(nextCall && { nextCall: { name: nextCall.name, at: new Date(nextCall.at).toISOString() } }),
});

/** What Nightshift waits for, and who is called next when nobody takes it in hand. */
export function followingLines(following: Following | undefined): string[] {
  if (!following) return [];
  const { doing, looksAgainAt, nextCall } = publishedFollowing(following);
  return [
    looksAgainAt ? `${doing}; looks again at ${clock(looksAgainAt)}` : doing,
    ...(nextCall ? [`next call at ${clock(nextCall.at)} to ${nextCall.name}, unless somebody takes it in hand`] : []),
  ];
}

/** The published shape, with the journal's own read-only arrays. */
export type Published<T> = T extends readonly (infer U)[]
  ? readonly Published<U>[]
  : T extends object
    ? { readonly [K in keyof T]: Published<T[K]> }
    : T;

function incidentLines(found: readonly Incident[], { colours }: Io): string[] {
  const head = ['incident', 'opened', 'severity', 'state', 'target', 'title'];
  const rows = found.map((each) => [
    each.id,
    clock(each.openedAt),
    each.severity,
    stateText(each),
    each.target,
    each.title,
  ]);
  return table([head, ...rows], (cell, column, row) => {
    if (row === 0) return colours.dim(cell);
    return column === 3 ? paintState(cell, colours) : cell;
  });
}

/** One incident for people. */
export function storyLines(story: IncidentWithTimeline, io: Io): string[] {
  const { colours } = io;
  const ended = story.resolvedAt ? `, resolved ${clock(story.resolvedAt)}` : '';
  return [
    colours.bold(`${story.title} (${story.severity})`),
    `${story.id}  ${paintState(stateText(story), colours)}  ${story.target}  opened ${clock(story.openedAt)}${ended}`,
    ...section('alarms', table(Object.entries(story.alarms).map(([name, state]) => [name, state])), io),
    ...section('changes', table(story.actions.map((action) => [action.status, action.remediation, action.change])), io),
    ...section('timeline', timelineLines(story.timeline, io), io),
  ];
}

const section = (title: string, lines: readonly string[], { colours }: Io): string[] =>
  lines.length === 0 ? [] : ['', colours.dim(title), ...lines.map((line) => `  ${line}`)];

const timelineLines = (entries: readonly JournalEntry[], { colours }: Io): string[] =>
  table(
    entries.map(({ at, kind, by, summary }) => [clock(at), kind, by, summary]),
    (cell, column) => (column === 0 || column === 2 ? colours.dim(cell) : cell),
  );

/** Local time to the millisecond for today's eyes; the JSON has the full instant. */
export function clock(iso: string): string {
  const at = new Date(iso);
  const two = (value: number) => String(value).padStart(2, '0');
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `${date} ${time}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** The state, and who has acknowledged what isn't over yet: what comes after an end is other trouble. */
const stateText = ({ state, acknowledgedBy, resolvedAt }: Incident): string =>
  acknowledgedBy && resolvedAt === undefined ? `${state}, ack ${acknowledgedBy.replace(/^person:/, '')}` : state;

/** Padding may surround the word. */
function paintState(cell: string, colours: Io['colours']): string {
  const state = cell.trim();
  if (state === 'resolved') return colours.green(cell);
  return state.startsWith('escalated') ? colours.red(cell) : colours.yellow(cell);
}
