/** The AWS side of `copy-snapshot`. */
import { type CopiedSnapshot, copiedSnapshotOf } from '../../databases/copied-snapshot.ts';
import { copySnapshot } from '../../databases/copy-snapshot.ts';
import { readSnapshot } from '../../databases/read-snapshots.ts';
import { INSTANCE_TAG } from '../../databases/snapshot-id.ts';
import type { RuntimeConfig } from '../../engine/config.ts';
import { remediationHandler } from '../../engine/handler.ts';
import { DEPLOYMENT_TAG } from '../../engine/manifest.ts';
import type { ActReport, Change, Remediation } from '../../engine/remediation.ts';
import { alreadyApplied, decide, type Observation, verify, wantedOf } from './decide.ts';
import { manifest } from './manifest.ts';

async function observe({ name }: CopiedSnapshot, { standbyRegion }: RuntimeConfig): Promise<Observation> {
  const [snapshot, copy] = await Promise.all([readSnapshot(name), readSnapshot(name, standbyRegion)]);
  return snapshot
    ? { kind: 'snapshot', snapshot, copy }
    : { kind: 'missing', why: `the snapshot ${name} is gone`, copy };
}

/** RDS compares the name: asked twice, it is one copy. */
async function act({ name }: CopiedSnapshot, change: Change): Promise<ActReport> {
  const { region, sourceArn, kmsKeyArn, deployment, instanceResourceId } = wantedOf(change);
  await copySnapshot({
    ...{ id: name, sourceArn, region, kmsKeyArn: kmsKeyArn ?? undefined },
    tags: {
      ...{ [DEPLOYMENT_TAG]: deployment, 'nightshift:remediation': manifest.name },
      ...(instanceResourceId !== null && { [INSTANCE_TAG]: instanceResourceId }),
    },
  });
  return { summary: `told RDS to copy the snapshot ${name} to ${region}`, data: { snapshotId: name, region } };
}

export const remediation: Remediation<CopiedSnapshot, Observation> = {
  manifest,
  targetOf: copiedSnapshotOf,
  upstreamsOf: () => [],
  observe,
  decide,
  act,
  alreadyApplied,
  verify,
};

export const handler = remediationHandler(remediation);
