import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { SCHEDULE_SOURCE } from '../../../events/sources/schedule/schema.ts';
import { readCertificate } from '../../certificates/describe.ts';
import { clientDefaults } from '../../engine/clients.ts';
import type { CertificateConfig } from '../../engine/config.ts';
import { ActionFailedError, classifyAwsError, RetryableError } from '../../engine/errors.ts';
import { jobHandler } from '../handler.ts';
import type { Job, JobContext } from '../job.ts';
import { judge } from './decide.ts';
import { manifest } from './manifest.ts';

const bus = new EventBridgeClient(clientDefaults());

export const job: Job<null> = {
  manifest,
  begin: () => null,
  async step(context) {
    const { subject } = context.run;
    const target = context.config.certificates[subject];
    if (!target) throw new ActionFailedError(`certificates.${subject}: not in the configuration any more`);
    const certificate = await readCertificate(target.arn, context.now());
    const { verdict, needs } = judge(target, certificate);
    if (needs !== undefined) await tell(context, target, needs, certificate?.daysLeft);
    return { kind: 'verdict', state: null, verdict };
  },
};

/** On the default bus, where the rule of the certificate's remediation listens. A step that is taken again tells the same event again. */
async function tell(
  { run }: JobContext,
  { arn }: CertificateConfig,
  reason: string,
  daysLeft: number | undefined,
): Promise<void> {
  const id = `${run.job}-${run.subject}-${run.scheduledAt}`;
  const entry = {
    ...{ EventBusName: 'default', Source: SCHEDULE_SOURCE, DetailType: 'Certificate Needs Renewal' },
    ...{ Resources: [arn], Detail: JSON.stringify({ id, reason, ...(daysLeft !== undefined && { daysLeft }) }) },
  };
  try {
    const { Entries = [] } = await bus.send(new PutEventsCommand({ Entries: [entry] }));
    const [told] = Entries;
    if (!told?.EventId) throw new RetryableError(`events:PutEvents: ${told?.ErrorCode ?? 'no answer'}`);
  } catch (error) {
    throw classifyAwsError('events:PutEvents', error);
  }
}

export const handler = jobHandler(job);
