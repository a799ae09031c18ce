/** `nightshift ack` and `nightshift resolve`: a person takes note of an incident, or ends it. */
import type { IncidentDocument } from '../../events/published/incidents.ts';
import { readIncident } from '../../functions/engine/journal-reader.ts';
import { acknowledge, resolveByPerson } from '../../functions/engine/operator.ts';
import type { Store } from '../../functions/engine/store.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command, CommandContext, Options } from '../command.ts';
import { type Place, placeOf } from '../place.ts';
import { type Published, storyLines } from './incidents.ts';

export interface ResolveParts {
  readonly open: (place: Place) => Store;
  readonly person: (place: Place) => Promise<string>;
}

export const resolveCommands = ({ open, person }: ResolveParts): Command[] => [
  {
    name: 'ack',
    usage: 'ack <incident>',
    summary: 'Writes down that you are looking at an incident.',
    run: async (words, options, context) => {
      const id = oneId(words);
      const place = await context.place();
      await context.confirm(`acknowledge ${id}`);
      const store = open(place);
      const before = await acknowledge(store, id, await person(place));
      if (before) context.io.err(`${before} had acknowledged it already; nothing was written`);
      await show(store, id, place, options, context);
    },
  },
  {
    name: 'resolve',
    usage: 'resolve <incident> --reason <why>',
    summary: 'Ends an incident by your word. What it holds is still handed back: take-over stops that.',
    run: async (words, options, context) => {
      const id = oneId(words);
      const { reason } = options;
      if (!reason?.trim())
        throw new UsageError('--reason is missing: the journal keeps why a person ended an incident');
      const place = await context.place();
      await context.confirm(`end ${id}`);
      const store = open(place);
      const firing = await resolveByPerson(store, id, { by: await person(place), reason });
      if (firing.length > 0)
        context.io.err(`not OK, and not looked at until they fire anew: ${firing.map(alarmName).join(', ')}`);
      await show(store, id, place, options, context);
    },
  },
];

const alarmName = (arn: string): string => arn.split(':alarm:').slice(1).join(':alarm:') || arn;

function oneId(words: readonly string[]): string {
  const [id, ...more] = words;
  if (id === undefined || more.length > 0) throw new UsageError('expected one incident: see "nightshift incidents"');
  return id;
}

async function show(store: Store, id: string, place: Place, { json }: Options, { io }: CommandContext): Promise<void> {
  const incident = await readIncident(store, id);
  if (!incident) throw new Error(`${id}: the journal lost it while it was written`);
  if (json)
    io.out(JSON.stringify({ version: 1, place: placeOf(place), incident } satisfies Published<IncidentDocument>));
  else for (const line of storyLines(incident, io)) io.out(line);
}
