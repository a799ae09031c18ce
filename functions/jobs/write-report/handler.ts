import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { NOTIFICATION_SOURCE } from '../../../events/published/notification.ts';
import { REPORT_DETAIL_TYPE, type ReportEvent } from '../../../events/published/report.ts';
import { clientDefaults } from '../../engine/clients.ts';
import { ActionFailedError, classifyAwsError, RetryableError } from '../../engine/errors.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import type { JobName } from '../../engine/job-head.ts';
import { putNew } from '../../records/s3.ts';
import { compose } from '../../reports/compose.ts';
import { htmlOf } from '../../reports/html.ts';
import { markdownOf } from '../../reports/markdown.ts';
import { folderOf, type ReportModel } from '../../reports/model.ts';
import { isReportName, type ReportName } from '../../reports/names.ts';
import { jobHandler } from '../handler.ts';
import type { Job, JobContext, RunIdentity, Step } from '../job.ts';
import { eventOf, verdictOf } from './decide.ts';
import { gather } from './gather.ts';
import { type Kept, packed, unpacked } from './kept.ts';
import { manifest } from './manifest.ts';

const cloudwatch = new CloudWatchClient(clientDefaults());
const events = new EventBridgeClient(clientDefaults());

/** Two steps: read; write and tell. What was read is kept between them, so that a second try writes what isn't there yet of the very same report, and tells the same event. */
export const job: Job<Kept | null> = {
  manifest,
  begin: () => null,
  async step(context, state) {
    const { run } = context;
    if (!isReportName(run.subject))
      throw new ActionFailedError(`${run.subject}: there is no such report: deploy again`);
    if (state) return finish(context, unpacked(state));
    const report = await read(run.subject, context);
    const kept = packed(report);
    return kept
      ? { kind: 'wait', seconds: 1, state: kept, note: 'it is read, and written next' }
      : finish(context, report);
  },
};

async function read(name: ReportName, { run, config, store, now }: JobContext): Promise<ReportModel> {
  const jobs = JSON.parse(requiredEnvironment('NIGHTSHIFT_JOBS')) as JobName[];
  return compose(name, await gather(name, { store, config, cloudwatch, jobs }, Date.parse(run.scheduledAt), now()));
}

async function finish(context: JobContext, report: ReportModel): Promise<Step<Kept | null>> {
  const folder = await write(report, context);
  await tell(report, folder, context.run);
  return { kind: 'verdict', state: null, verdict: verdictOf(report, folder) };
}

/** The JSON comes last: where it is, the rest is. */
async function write(report: ReportModel, { run, config }: JobContext): Promise<string> {
  const bucket = requiredEnvironment('NIGHTSHIFT_ARCHIVE_BUCKET');
  const folder = folderOf(report, run.scheduledAt);
  const put = (file: string, contentType: string, body: string) =>
    putNew({ bucket, key: `${folder}/${file}`, contentType, body }, { region: config.region });
  await put('report.md', 'text/markdown; charset=utf-8', markdownOf(report));
  await put('report.html', 'text/html; charset=utf-8', htmlOf(report));
  await put('report.json', 'application/json', `${JSON.stringify(report, null, 1)}\n`);
  return folder;
}

async function tell(report: ReportModel, folder: string, run: RunIdentity): Promise<void> {
  const detail: ReportEvent = eventOf(
    report,
    folder,
    requiredEnvironment('NIGHTSHIFT_ARCHIVE_BUCKET'),
    run.scheduledAt,
  );
  try {
    const { Entries = [] } = await events.send(
      new PutEventsCommand({
        Entries: [
          {
            EventBusName: requiredEnvironment('NIGHTSHIFT_BUS'),
            Source: NOTIFICATION_SOURCE,
            DetailType: REPORT_DETAIL_TYPE,
            Detail: JSON.stringify(detail),
          },
        ],
      }),
    );
    const [told] = Entries;
    if (!told?.EventId) throw new RetryableError(`tell of a report: ${told?.ErrorCode ?? 'no answer'}`);
  } catch (error) {
    throw classifyAwsError('tell of a report', error);
  }
}

export const handler = jobHandler(job);
