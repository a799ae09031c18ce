/** `nightshift report <incident>`: the incident report, for the severe ones the draft of the post-mortem. */
import { writeFile } from 'node:fs/promises';
import { readIncident } from '../../functions/engine/journal-reader.ts';
import type { Store } from '../../functions/engine/store.ts';
import { htmlOf } from '../../functions/records/html.ts';
import { markdownOf } from '../../functions/records/markdown.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command } from '../command.ts';
import { deploymentOf } from '../deployment.ts';
import type { Place } from '../place.ts';

export const report = (open: (place: Place) => Store): Command => ({
  name: 'report',
  usage: 'report <incident> [--html <file>]',
  summary:
    'Prints the report of an incident as Markdown, or writes it as one HTML page. What only people know is marked so.',
  run: async (words, { html, json }, { io, place }) => {
    const [id, ...more] = words;
    if (id === undefined || more.length > 0) throw new UsageError('expected one incident: see "nightshift incidents"');
    if (json) throw new UsageError('report takes no --json: "nightshift incident <id> --json" has it all');
    const where = await place();
    const incident = await readIncident(open(where), id);
    if (!incident) throw new UsageError(`no incident "${id}" there: see "nightshift incidents"`);
    const reported = { deployment: deploymentOf(where), region: where.region, incident };
    if (html === undefined) io.out(markdownOf(reported).trimEnd());
    else {
      await writeFile(html, htmlOf(reported));
      io.err(`written to ${html}`);
    }
  },
});
