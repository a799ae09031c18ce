/** The AWS side of `snapshot-database`. */
import { DescribeAccountAttributesCommand, RDSClient } from '@aws-sdk/client-rds';
import { readInstance } from '../../databases/instance.ts';
import { readSnapshotsOf } from '../../databases/read-snapshots.ts';
import { takeSnapshot } from '../../databases/snapshot.ts';
import { clientDefaults } from '../../engine/clients.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import { ActionFailedError, classifyAwsError } from '../../engine/errors.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { ActReport, Change, Remediation } from '../../engine/remediation.ts';
import { alreadyApplied, decide, type Observation, type Seen, verify, wantedOf } from './decide.ts';
import { examine } from './examine.ts';
import { manifest } from './manifest.ts';

const rds = new RDSClient(clientDefaults());

async function observe({ name }: DatabaseConfig): Promise<Observation> {
  const [instance, snapshots, quota] = await Promise.all([
    readInstance({ name }),
    readSnapshotsOf(name),
    readManualQuota(),
  ]);
  return instance.kind === 'missing' ? instance : { ...instance, snapshots, quota };
}

/** "DescribeAccountAttributes": quotas by name, with what is used of them. */
async function readManualQuota(): Promise<Seen['quota']> {
  try {
    const { AccountQuotas = [] } = await rds.send(new DescribeAccountAttributesCommand({}));
    const found = AccountQuotas.find(({ AccountQuotaName }) => AccountQuotaName === 'ManualSnapshots');
    if (found?.Used !== undefined && found.Max !== undefined) return { used: found.Used, max: found.Max };
  } catch (error) {
    throw classifyAwsError('read the quotas of RDS', error);
  }
  throw new ActionFailedError('read the quotas of RDS: the reply has none of ManualSnapshots');
}

/** RDS compares the name: asked twice, it is one snapshot. */
async function act({ name }: DatabaseConfig, change: Change): Promise<ActReport> {
  const { snapshotId, deployment } = wantedOf(change);
  await takeSnapshot({
    id: snapshotId,
    instance: name,
    tags: { 'nightshift:deployment': deployment, 'nightshift:remediation': manifest.name },
  });
  return { summary: `told RDS to make the snapshot ${snapshotId}`, data: { snapshotId } };
}

export const remediation: Remediation<DatabaseConfig, Observation> = {
  manifest,
  targetOf: (key, config) => Object.values(config.databases).find((each) => key === `rds-instance/${each.name}`),
  upstreamsOf: () => [],
  observe,
  decide,
  act,
  alreadyApplied,
  verify,
  examine,
};

export const handler = remediationHandler(remediation);
