/** What the newest backup of the configuration from before the trouble has of a service. */
import type { ECSClient } from '@aws-sdk/client-ecs';
import { serviceId } from '../../configuration/parts.ts';
import { backupsIn, CONFIGURATION_JOB, SUBJECT } from '../../configuration/runs.ts';
import { type Bucket, readBackup } from '../../configuration/stored.ts';
import { listDeployments, withRevisions } from '../../ecs/history.ts';
import { primaryOf, type RunningService } from '../../ecs/types.ts';
import type { RuntimeConfig, ServiceConfig } from '../../engine/config.ts';
import { EngineError } from '../../engine/errors.ts';
import type { Store } from '../../engine/store.ts';
import { readRuns } from '../../jobs/items.ts';
import { definitionsOf } from '../../remediations/roll-back-deployment/handler.ts';
import { type BackedUp, type Candidate, judgeBackedUp } from './decide.ts';

/** Of a month, every day: an older one says little of what a service needs today. */
const RUNS_MOST = 31;

export interface Place {
  readonly ecs: ECSClient;
  readonly store: Store;
  readonly bucket: Bucket;
  readonly config: RuntimeConfig;
}

/**
 * A backup that can't be read, or knows nothing of the service, is no reason to give up: then it says why.
 * @param before epoch milliseconds: when the trouble began, as far as it is known. @throws EngineError that may be gone the next time.
 */
export async function readBackedUp(
  place: Place,
  service: RunningService,
  target: ServiceConfig,
  before: number,
): Promise<BackedUp> {
  if (!place.config.configurationBackup) return { kind: 'none', why: 'there are no backups of the configuration' };
  const runs = await readRuns(place.store, { job: CONFIGURATION_JOB, subject: SUBJECT }, RUNS_MOST);
  const since = new Date(before).toISOString();
  const [newest] = backupsIn(runs, since);
  if (!newest) return { kind: 'none', why: `there is no backup of the configuration from before ${since}` };
  const { folder } = newest;
  const { value: taskDefinition, why = `it isn't in ${folder}` } = await attempted(() =>
    revisionIn(place.bucket, folder, target),
  );
  if (taskDefinition === undefined) return { kind: 'none', why };
  return judgeBackedUp(service, target, await candidateOf(place.ecs, service, target, { folder, taskDefinition }));
}

async function revisionIn(bucket: Bucket, folder: string, target: ServiceConfig): Promise<string | undefined> {
  const { items } = await readBackup(bucket, folder);
  const found = items.find(({ kind, id }) => kind === 'service' && id === serviceId(target));
  const revision = found?.settings.taskDefinition;
  return typeof revision === 'string' ? revision : undefined;
}

async function candidateOf(
  ecs: ECSClient,
  service: RunningService,
  target: ServiceConfig,
  { folder, taskDefinition }: Pick<Candidate, 'folder' | 'taskDefinition'>,
): Promise<Candidate> {
  const current = primaryOf(service)?.taskDefinition;
  if (current === undefined || current === taskDefinition)
    return { folder, taskDefinition, history: [], definitions: {} };
  const history = await withRevisions(ecs, await listDeployments(ecs, target));
  const definitions = (await attempted(() => definitionsOf([current, taskDefinition]))).value ?? {};
  return { folder, taskDefinition, history, definitions };
}

/** What would be as little there the next time is no reason to fail: then it is told why. */
async function attempted<T>(read: () => Promise<T>): Promise<{ readonly value?: T; readonly why?: string }> {
  try {
    return { value: await read() };
  } catch (error) {
    if (error instanceof EngineError && !error.retryable) return { why: error.message };
    throw error;
  }
}
