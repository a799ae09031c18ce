/** `nightshift snooze` and `nightshift severity`: a person says who is called about an incident, and when. */
import { readIncident } from '../../functions/engine/journal-reader.ts';
import { changeSeverity, snooze } from '../../functions/engine/operator.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command } from '../command.ts';
import { parseDuration } from '../duration.ts';
import { placeOf } from '../place.ts';
import { storyLines } from './incidents.ts';
import type { ResolveParts } from './resolve.ts';

const LEAST_SECONDS = 60;
/** A snooze always ends, so that no incident is forgotten. */
const MOST_SECONDS = 86_400;
const SEVERITIES = ['P1', 'P2', 'P3', 'P4'] as const;

export const callCommands = ({ open, person }: ResolveParts): Command[] => [
  {
    name: 'snooze',
    usage: 'snooze <incident> --for <duration> [--reason <why>]',
    summary: 'Calls nobody about an incident for a while (a day at most); afterwards its calls begin anew.',
    run: async (words, options, { io, place, confirm }) => {
      const [id, ...more] = words;
      if (id === undefined || more.length > 0)
        throw new UsageError('expected one incident: see "nightshift incidents"');
      if (options.for === undefined) throw new UsageError('--for is missing: such as --for 30m');
      const seconds = parseDuration('--for', options.for, LEAST_SECONDS, MOST_SECONDS);
      const where = await place();
      await confirm(`call nobody about ${id} for ${options.for}`);
      const store = open(where);
      const now = Date.now();
      const reason = options.reason?.trim() || 'not now';
      await snooze(store, id, { by: await person(where), reason, until: now + seconds * 1000 }, now);
      const incident = await readIncident(store, id);
      if (options.json) io.out(JSON.stringify({ version: 1, place: placeOf(where), incident }));
      else if (incident) for (const line of storyLines(incident, io)) io.out(line);
    },
  },
  {
    name: 'severity',
    usage: 'severity <incident> <P1|P2|P3|P4> --reason <why>',
    summary: 'Changes how severe an incident is, and so who is called when.',
    run: async (words, options, { io, place, confirm }) => {
      const [id, wanted, ...more] = words;
      const severity = SEVERITIES.find((each) => each === wanted);
      if (id === undefined || severity === undefined || more.length > 0)
        throw new UsageError('expected one incident and P1, P2, P3 or P4');
      const reason = options.reason?.trim();
      if (!reason) throw new UsageError('--reason is missing: the journal keeps why a severity was changed');
      const where = await place();
      await confirm(`make ${id} ${severity}`);
      const store = open(where);
      await changeSeverity(store, id, { by: await person(where), reason, severity });
      const incident = await readIncident(store, id);
      if (options.json) io.out(JSON.stringify({ version: 1, place: placeOf(where), incident }));
      else if (incident) for (const line of storyLines(incident, io)) io.out(line);
    },
  },
];
