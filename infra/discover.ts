/** Units found by convention: a folder with `manifest.ts` and `handler.ts`. Only manifests are imported, never code that runs in Lambda. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AuthorityManifest } from '../functions/authority/manifest.ts';
import type { Permission, RemediationManifest } from '../functions/engine/manifest.ts';
import type { HeartbeatManifest } from '../functions/heartbeats/manifest.ts';
import type { IncidentFunctionManifest } from '../functions/incidents/manifest.ts';
import type { JobManifest } from '../functions/jobs/manifest.ts';
import type { PlanManifest } from '../functions/recovery/manifest.ts';
import { faultsOfPlan } from '../functions/recovery/plan.ts';

/** A unit on disk. `folder` is absolute. */
export interface Unit<M> {
  readonly manifest: M;
  readonly folder: string;
  readonly handler: string;
}

export interface Units {
  readonly remediations: readonly Unit<RemediationManifest>[];
  readonly incidentFunctions: readonly Unit<IncidentFunctionManifest>[];
  readonly jobs: readonly Unit<JobManifest>[];
  readonly plans: readonly Unit<PlanManifest>[];
  readonly heartbeats: readonly Unit<HeartbeatManifest>[];
  readonly authority: readonly Unit<AuthorityManifest>[];
}

/** A unit that can't be deployed; the message is one sentence that says what to do. */
export class DiscoveryError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DiscoveryError';
  }
}

export const REPOSITORY = join(import.meta.dirname, '..');

/**
 * All units under `<root>/functions`, sorted by name.
 * @throws DiscoveryError for a unit that is misnamed, incomplete, or whose name is taken.
 */
export async function discover(root: string = REPOSITORY): Promise<Units> {
  const remediations = await unitsIn<RemediationManifest>(join(root, 'functions', 'remediations'), remediationFields);
  const incidentFunctions = await unitsIn<IncidentFunctionManifest>(join(root, 'functions', 'incidents'), commonFields);
  const jobs = await unitsIn<JobManifest>(join(root, 'functions', 'jobs'), jobFields);
  const plans = await unitsIn<PlanManifest>(join(root, 'functions', 'recovery'), planFields);
  const heartbeats = await unitsIn<HeartbeatManifest>(join(root, 'functions', 'heartbeats'), heartbeatFields);
  const authority = await unitsIn<AuthorityManifest>(join(root, 'functions', 'authority'), commonFields);
  for (const { manifest, folder } of plans) checkPlan(join(folder, 'manifest.ts'), manifest);
  const taken = new Map<string, string>();
  const helpers = helpersOf({ jobs, plans });
  for (const { manifest, handler } of helpers) {
    if (!existsSync(handler)) throw new DiscoveryError(`${handler} is missing; the manifest names that function.`);
    checkPermissions(handler, manifest.permissions);
  }
  for (const { manifest, folder } of [
    ...[...remediations, ...incidentFunctions, ...jobs, ...plans],
    ...[...heartbeats, ...authority, ...helpers],
  ]) {
    const other = taken.get(manifest.name);
    if (other)
      throw new DiscoveryError(
        `${folder}: the name '${manifest.name}' is taken by ${other}; give one of them another name.`,
      );
    taken.set(manifest.name, folder);
  }
  return { remediations, incidentFunctions, jobs, plans, heartbeats, authority };
}

/** The second functions of jobs and plans, which speak SQL where the first can't. */
export const helpersOf = ({
  jobs,
  plans,
}: Pick<Units, 'jobs' | 'plans'>): Unit<NonNullable<PlanManifest['helper']>>[] => [
  ...jobs.flatMap(({ manifest: { reader }, folder }) =>
    reader ? [{ manifest: reader, folder, handler: join(folder, 'reader', 'handler.ts') }] : [],
  ),
  ...plans.flatMap(({ manifest: { helper }, folder }) =>
    helper ? [{ manifest: helper, folder, handler: join(folder, 'helper', 'handler.ts') }] : [],
  ),
];

const commonFields = ['name', 'summary', 'permissions', 'timeoutSeconds', 'memoryMegabytes'];
const remediationFields = [...commonFields, 'targetKind', 'triggers', 'network', 'risk', 'idempotency', 'defaults'];
const jobFields = [
  ...[...commonFields, 'runsFor', 'schedule', 'flexibleMinutes', 'deadlineSeconds', 'overdueAfterSeconds'],
  ...['effect', 'severity'],
];

const heartbeatFields = [...commonFields, 'everyMinutes', 'beats', 'everySeconds'];

const planFields = [...commonFields, 'targets', 'steps', 'input', 'targetKinds', 'severity'];

function checkPlan(file: string, manifest: PlanManifest): void {
  const [fault] = faultsOfPlan(manifest);
  if (fault) throw new DiscoveryError(`${file}: ${fault}.`);
}

async function unitsIn<M extends IncidentFunctionManifest>(
  parent: string,
  fields: readonly string[],
): Promise<Unit<M>[]> {
  if (!existsSync(parent)) return [];
  const folders = readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  const units: Unit<M>[] = [];
  for (const name of folders) units.push(await readUnit<M>(parent, name, fields));
  return units;
}

async function readUnit<M extends IncidentFunctionManifest>(
  parent: string,
  name: string,
  fields: readonly string[],
): Promise<Unit<M>> {
  const folder = join(parent, name);
  const [manifestFile, handler] = [join(folder, 'manifest.ts'), join(folder, 'handler.ts')];
  for (const file of [manifestFile, handler])
    if (!existsSync(file))
      throw new DiscoveryError(
        `${folder}: ${file.slice(folder.length + 1)} is missing; a unit has manifest.ts and handler.ts.`,
      );
  const { manifest } = (await import(pathToFileURL(manifestFile).href)) as { manifest?: M };
  if (!manifest)
    throw new DiscoveryError(
      `${manifestFile}: it exports no \`manifest\`; write \`export const manifest = defineManifest({ ... })\`.`,
    );
  const missing = fields.filter((field) => !Object.hasOwn(manifest, field));
  if (missing.length > 0) throw new DiscoveryError(`${manifestFile}: ${missing.join(', ')} missing in the manifest.`);
  if (manifest.name !== name)
    throw new DiscoveryError(
      `${manifestFile}: the manifest is named '${manifest.name}' but its folder '${name}'; they must be equal.`,
    );
  checkPermissions(manifestFile, manifest.permissions);
  return { manifest, folder, handler };
}

/** Invariant I10: no wildcard action; `*` as a resource only with its reason. */
function checkPermissions(file: string, permissions: readonly Permission[]): void {
  for (const { actions, resources, whyAnyResource } of permissions) {
    const wild = actions.find((action) => action.includes('*'));
    if (wild) throw new DiscoveryError(`${file}: the action '${wild}' has a wildcard; name each action.`);
    if (actions.length === 0 || resources.length === 0)
      throw new DiscoveryError(`${file}: a permission without actions or resources grants nothing; take it out.`);
    if (resources.includes('*') && !whyAnyResource)
      throw new DiscoveryError(
        `${file}: ${actions.join(', ')} on '*' needs whyAnyResource, with the AWS page that says so.`,
      );
  }
}
