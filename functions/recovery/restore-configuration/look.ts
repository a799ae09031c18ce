/** What is there and what a backup has: for the plan, and for whoever is shown it before. */
import type { Side as Backup } from '../../configuration/diff.ts';
import { nameOf, type Settings, type Unread } from '../../configuration/item.ts';
import { serviceId, taskLimitsOf } from '../../configuration/parts.ts';
import type { ConfigurationReader } from '../../configuration/reading.ts';
import { backupsIn, CONFIGURATION_JOB, SUBJECT } from '../../configuration/runs.ts';
import type { RuntimeConfig, ServiceConfig } from '../../engine/config.ts';
import { ActionFailedError } from '../../engine/errors.ts';
import type { Store } from '../../engine/store.ts';
import { readRuns } from '../../jobs/items.ts';
import { putBackPart, type Restorable, type Seen, type What } from './decide.ts';

/** Of a year, every day. */
const RUNS_MOST = 400;

/** The folder that is meant. @throws ActionFailedError when there is none. */
export async function folderFor(
  { backup, before }: { readonly backup?: string | undefined; readonly before?: string | undefined },
  store: Store,
): Promise<string> {
  if (backup !== undefined) return backup;
  const [found] = backupsIn(await readRuns(store, { job: CONFIGURATION_JOB, subject: SUBJECT }, RUNS_MOST), before);
  if (!found)
    throw new ActionFailedError(`there is no backup of the configuration${before ? ` before ${before}` : ''}`);
  return found.folder;
}

export const serviceOf = (id: string, { services }: RuntimeConfig): ServiceConfig | undefined =>
  Object.values(services).find((each) => serviceId(each) === id);

/** Which part of the run: the thing itself, or the scaling of a service. */
export type Aspect = Restorable | 'scaling';

type Live = Pick<Seen, 'live' | 'otherController'>;

/** What is there of it now. @throws EngineError */
async function readLive(kind: Aspect, id: string, config: RuntimeConfig, reader: ConfigurationReader): Promise<Live> {
  switch (kind) {
    case 'service':
    case 'scaling': {
      const service = serviceOf(id, config);
      if (!service) throw new ActionFailedError(`service/${id} isn't in the configuration any more`);
      const unread: Unread[] = [];
      const found = (await reader.service(service, unread)).find((item) => item.kind === kind);
      const [missing] = unread.filter((each) => each.kind === kind);
      if (missing) throw new ActionFailedError(`${nameOf({ kind, id })} can't be read: ${missing.why}`);
      return { live: found && putBackPart(found), otherController: controllerIn(found?.settings) };
    }
    case 'record':
      return { live: (await reader.record(id))?.settings };
    case 'alarm':
      return { live: (await reader.alarm(id))?.settings };
    case 'parameter':
      return { live: (await reader.parameter(id))?.settings };
    default:
      return kind satisfies never;
  }
}

/** One thing as it is and as wanted; of a parameter by its version. @throws EngineError */
export async function see(
  kind: Aspect,
  id: string,
  wanted: Settings | undefined,
  config: RuntimeConfig,
  reader: ConfigurationReader,
): Promise<Seen> {
  const live = await readLive(kind, id, config, reader);
  return { kind, id, ...live, wanted, limits: taskLimitsOf(config)[id] };
}

/** "DeploymentController", Amazon ECS API Reference: ECS, CODE_DEPLOY or EXTERNAL. @returns undefined where it is ECS. */
function controllerIn(settings: Settings | undefined): string | undefined {
  const { type } = (settings?.deploymentController ?? {}) as { readonly type?: string };
  return type === 'ECS' ? undefined : type;
}

const wantedOf = ({ items }: Backup, kind: Aspect, id: string): Settings | undefined => {
  const found = items.find((item) => item.kind === kind && item.id === id);
  return found && putBackPart(found);
};

/** The thing, and a service's scaling where the backup has it. @throws EngineError */
export async function seeAll(
  what: What,
  backup: Backup,
  config: RuntimeConfig,
  reader: ConfigurationReader,
): Promise<Seen[]> {
  const main = await see(what.kind, what.id, wantedOf(backup, what.kind, what.id), config, reader);
  const scaling = what.kind === 'service' ? wantedOf(backup, 'scaling', what.id) : undefined;
  return scaling ? [main, await see('scaling', what.id, scaling, config, reader)] : [main];
}
