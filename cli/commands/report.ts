/** `nightshift report`: the report of an incident, for the severe ones the draft of the post-mortem; or one of a day, a week or a month. */
import { writeFile } from 'node:fs/promises';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { clientDefaults } from '../../functions/engine/clients.ts';
import { readIncident } from '../../functions/engine/journal-reader.ts';
import type { Store } from '../../functions/engine/store.ts';
import { gather } from '../../functions/jobs/write-report/gather.ts';
import { htmlOf as incidentPage } from '../../functions/records/html.ts';
import { markdownOf as incidentMarkdown } from '../../functions/records/markdown.ts';
import { compose } from '../../functions/reports/compose.ts';
import { htmlOf } from '../../functions/reports/html.ts';
import { markdownOf } from '../../functions/reports/markdown.ts';
import { isReportName, REPORT_NAMES, type ReportName } from '../../functions/reports/names.ts';
import { startOf } from '../../functions/reports/period.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command, CommandContext, Options } from '../command.ts';
import { deployedJobs, deploymentOf, type ReadDeployment, readDeployment } from '../deployment.ts';
import type { Io } from '../io.ts';
import type { Place } from '../place.ts';

export const report = (
  open: (place: Place) => Store,
  deployment: ReadDeployment = readDeployment,
  now: () => number = Date.now,
  jobs: typeof deployedJobs = deployedJobs,
): Command => ({
  name: 'report',
  usage: 'report <incident or name> [--at <date>] [--html <file>]',
  summary: `Prints the report of an incident, or one of its time (${REPORT_NAMES.join(', ')}), as Markdown, or writes it as one HTML page. What only people know is marked so.`,
  run: async (words, options, context) => {
    const [name, ...more] = words;
    if (name === undefined || more.length > 0)
      throw new UsageError(`expected one incident ("nightshift incidents") or one of ${REPORT_NAMES.join(', ')}`);
    if (isReportName(name)) await ofTime(name, { open, deployment, now, jobs }, options, context);
    else await ofIncident(name, open, options, context);
  },
});

async function ofIncident(
  id: string,
  open: (place: Place) => Store,
  { html, json, at }: Options,
  { io, place }: CommandContext,
): Promise<void> {
  if (json)
    throw new UsageError('report takes no --json for an incident: "nightshift incident <id> --json" has it all');
  if (at !== undefined) throw new UsageError(`report takes --at for ${REPORT_NAMES.join(', ')} only`);
  const where = await place();
  const incident = await readIncident(open(where), id);
  if (!incident)
    throw new UsageError(
      `no incident "${id}" there (see "nightshift incidents"), and no report: ${REPORT_NAMES.join(', ')}`,
    );
  const reported = { deployment: deploymentOf(where), region: where.region, incident };
  await give(
    html,
    io,
    () => incidentMarkdown(reported),
    () => incidentPage(reported),
  );
}

interface Parts {
  readonly open: (place: Place) => Store;
  readonly deployment: ReadDeployment;
  readonly now: () => number;
  readonly jobs: typeof deployedJobs;
}

/** Made now from what is there now, and kept nowhere; the job keeps its own. */
async function ofTime(
  name: ReportName,
  { open, deployment, now, jobs }: Parts,
  { html, json, at }: Options,
  { io, place }: CommandContext,
): Promise<void> {
  const present = now();
  const given = at === undefined ? undefined : givenMoment(at, present);
  if (json && html !== undefined) throw new UsageError('report takes --json or --html, not both');
  const where = await place();
  const { config } = await deployment(where);
  const due = given === undefined ? present : momentOf(given, config.reports?.timeZone ?? 'UTC', present);
  const cloudwatch = new CloudWatchClient({ ...clientDefaults(), ...where.clientSettings });
  try {
    const made = compose(
      name,
      await gather(name, { store: open(where), cloudwatch, config, jobs: await jobs(where) }, due, present),
    );
    if (json) io.out(JSON.stringify(made));
    else
      await give(
        html,
        io,
        () => markdownOf(made),
        () => htmlOf(made),
      );
  } finally {
    cloudwatch.destroy();
  }
}

/** Zones are at most 14 hours before UTC: a date has begun somewhere so long before. */
const EARLIEST_MS = 14 * 3_600_000;

/** @returns the text, which is a date or a time. @throws UsageError for what is none, or is still to come wherever one is. */
function givenMoment(text: string, now: number): string {
  const at = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(at))
    throw new UsageError(`--at ${text}: expected a date such as 2026-11-01, or a time such as 2026-11-01T08:00:00Z`);
  past(text, isDate(text) ? at - EARLIEST_MS : at, now);
  return text;
}

const isDate = (text: string): boolean => !text.includes('T');

/** A date means its beginning on the clock of reports. @param text as `givenMoment` returns it. @throws UsageError for what is still to come there. */
export function momentOf(text: string, timeZone: string, now: number): number {
  const at = isDate(text) ? startOf(text, timeZone) : Date.parse(text);
  past(text, at, now);
  return at;
}

function past(text: string, at: number, now: number): void {
  if (at > now) throw new UsageError(`--at ${text}: that is still to come`);
}

async function give(html: string | undefined, io: Io, markdown: () => string, page: () => string): Promise<void> {
  if (html === undefined) io.out(markdown().trimEnd());
  else {
    await writeFile(html, page());
    io.err(`written to ${html}`);
  }
}
