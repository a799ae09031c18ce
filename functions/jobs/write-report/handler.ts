import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { NOTIFICATION_SOURCE } from '../../../events/published/notification.ts';
import { REPORT_DETAIL_TYPE, type ReportEvent } from '../../../events/published/report.ts';
import { clientDefaults } from '../../engine/clients.ts';
import { ActionFailedError, classifyAwsError, RetryableError } from '../../engine/errors.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import { putNew } from '../../records/s3.ts';
import { compose } from '../../reports/compose.ts';
import { htmlOf } from '../../reports/html.ts';
import { markdownOf } from '../../reports/markdown.ts';
import { folderOf, type ReportModel } from '../../reports/model.ts';
import { isReportName } from '../../reports/names.ts';
import { jobHandler } from '../handler.ts';
import type { Job, JobContext, RunIdentity } from '../job.ts';
import { eventOf, verdictOf } from './decide.ts';
import { gather } from './gather.ts';
import { manifest } from './manifest.ts';

const cloudwatch = new CloudWatchClient(clientDefaults());
const events = new EventBridgeClient(clientDefaults());

/** One step: read, write, tell. Taken again, it writes what isn't there yet and tells the same event. */
export const job: Job<null> = {
  manifest,
  begin: () => null,
  async step(context) {
    const { run, config, store, now } = context;
    if (!isReportName(run.subject))
      throw new ActionFailedError(`${run.subject}: there is no such report: deploy again`);
    const facts = await gather(run.subject, { store, config, cloudwatch }, Date.parse(run.scheduledAt), now());
    const report = compose(run.subject, facts);
    const folder = await write(report, context);
    await tell(report, folder, run);
    return { kind: 'verdict', state: null, verdict: verdictOf(report, folder) };
  },
};

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
