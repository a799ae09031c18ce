/** `back-up-configuration`: where an index is, the whole backup is, each part as it was noted; and what was written is never replaced. */
import { folderOf, readBackup } from '../../../../functions/configuration/stored.ts';
import type { RunIdentity } from '../../../../functions/jobs/job.ts';
import type { Prepared, Site, UnitCase } from '../../incidents/types.ts';
import { REGION } from '../../place.ts';
import { failedBefore, takeTurns, toldOnce, verdictOf } from '../turns.ts';

export const unitCase: UnitCase = {
  unit: 'back-up-configuration',
  deliveries: {
    backup: (site) => prepare(site),
    'backup after one that failed': (site, incidentId) => prepare(site, incidentId),
  },
};

let points = 0;

/** Its folder is named by the time of the run: each point has one of its own. */
function nextRun(): RunIdentity {
  points++;
  const scheduledAt = new Date(Date.UTC(2026, 0, 1) + points * 60_000).toISOString();
  return { job: 'back-up-configuration', subject: `point${points}`, scheduledAt };
}

/** @param incidentId of an earlier run that failed. */
async function prepare(site: Site, incidentId?: string): Promise<Prepared> {
  const run = nextRun();
  if (incidentId) await failedBefore(site, run, incidentId);
  return {
    deliver: (copies) => takeTurns(site, run, copies),
    check: async (point) => [...(await toldOnce(site, run, 'passed', point, incidentId)), ...(await whole(site, run))],
  };
}

async function whole(site: Site, run: RunIdentity): Promise<string[]> {
  const verdict = await verdictOf(site, run);
  const { origin, pathname } = new URL(site.bucketUrl);
  const credentials = { AWS_ACCESS_KEY_ID: 'matrix', AWS_SECRET_ACCESS_KEY: 'test' };
  const bucket = {
    name: pathname.slice(1),
    region: REGION,
    environment: { ...credentials, AWS_ENDPOINT_URL_S3: origin },
  };
  try {
    const { index } = await readBackup(bucket, folderOf(run.scheduledAt));
    const names = index.parts.map(({ part }) => part).join(' ');
    return names === 'services-1 alarms account' ? [] : [`I1: the backup holds ${names}`];
  } catch (error) {
    return verdict?.report.folder === undefined ? [] : [`I7: it is said to be made, and ${String(error)}`];
  }
}
