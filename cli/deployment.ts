/** What is deployed at a place: the configuration that its functions run with, read from a function's own code, so that nothing can differ from it. */
import { GetFunctionCommand, LambdaClient, ResourceNotFoundException } from '@aws-sdk/client-lambda';
import { unzipSync } from 'fflate';
import { clientDefaults } from '../functions/engine/clients.ts';
import type { RuntimeConfig } from '../functions/engine/config.ts';
import type { ExpectedJob, JobName } from '../functions/engine/job-head.ts';
import type { RemediationManifest, TargetKind } from '../functions/engine/manifest.ts';
import { discover } from '../infra/discover.ts';
import { UsageError } from '../local/world/errors.ts';
import type { Place } from './place.ts';

export interface Deployment {
  readonly name: string;
  readonly config: RuntimeConfig;
  /** Remediations that are deployed, as this checkout describes them. */
  readonly manifests: readonly RemediationManifest[];
}
export type ReadDeployment = (place: Place) => Promise<Deployment>;

/**
 * @throws UsageError when nothing is deployed there; Error when its configuration can't be read.
 */
export const readDeployment: ReadDeployment = async (place) => {
  const name = deploymentOf(place);
  const config = await deployedConfig(place, reconcilerOf(name));
  const { remediations } = await discover();
  const manifests = remediations.map(({ manifest }) => manifest).filter((each) => config.runbooks[each.name]);
  return { name, config, manifests };
};

const reconcilerOf = (deployment: string): string => `nightshift-${deployment}-reconciler`;

/** Scheduled jobs that are deployed at a place: those that the reconciler watches, which isn't told of any where there is none. */
export async function deployedJobs(place: Place): Promise<readonly JobName[]> {
  const FunctionName = reconcilerOf(deploymentOf(place));
  const { Configuration } = await withLambda(place, (lambda) => lambda.send(new GetFunctionCommand({ FunctionName })));
  return JSON.parse(Configuration?.Environment?.Variables?.NIGHTSHIFT_JOBS ?? '[]') as ExpectedJob[];
}

async function withLambda<T>(place: Place, ask: (lambda: LambdaClient) => Promise<T>): Promise<T> {
  const lambda = new LambdaClient({ ...clientDefaults(), ...place.clientSettings });
  try {
    return await ask(lambda);
  } finally {
    lambda.destroy();
  }
}

/** The deployment's name is part of its table's. @throws UsageError for a table that isn't named so. */
export function deploymentOf({ table }: Pick<Place, 'table'>): string {
  const name = /^nightshift-(.+)-journal$/.exec(table)?.[1];
  if (name === undefined) throw new UsageError(`table "${table}": expected nightshift-<deployment>-journal`);
  return name;
}

async function deployedConfig(place: Place, functionName: string): Promise<RuntimeConfig> {
  const config = (await assetFile(place, functionName, 'config.json')) as RuntimeConfig | undefined;
  if (!config)
    throw new UsageError(`no function ${functionName} there: is Nightshift deployed? (--region, --profile, --table)`);
  if (config.version !== 1)
    throw new Error(`${functionName}: configuration version ${config.version}, expected 1: deploy again`);
  return config;
}

/**
 * A JSON file in the code of a deployed function; undefined when there is no such function.
 * @throws Error when its code can't be read or has no such file.
 */
export async function assetFile(place: Place, functionName: string, file: string): Promise<unknown> {
  try {
    // "GetFunction", AWS Lambda API Reference: Code.Location is a presigned URL of the code, valid for 10 minutes.
    const { Code } = await withLambda(place, (lambda) =>
      lambda.send(new GetFunctionCommand({ FunctionName: functionName })),
    );
    if (!Code?.Location) throw new Error(`${functionName}: Lambda told no location of its code`);
    return fileIn(await download(place, Code.Location, functionName), functionName, file);
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

async function download(place: Place, location: string, functionName: string): Promise<Uint8Array> {
  // The emulator names an address of its own; the gateway passes the path on.
  const url = place.endpoint === undefined ? location : new URL(new URL(location).pathname, place.endpoint);
  const reply = await fetch(url);
  // Never the URL: its signature is a credential.
  if (!reply.ok) throw new Error(`the code of ${functionName} could not be read: status ${reply.status}`);
  return new Uint8Array(await reply.arrayBuffer());
}

function fileIn(zip: Uint8Array, functionName: string, file: string): unknown {
  const found = unzipSync(zip, { filter: ({ name }) => name === file })[file];
  if (!found) throw new Error(`${functionName}: its code holds no ${file}: deploy again`);
  return JSON.parse(new TextDecoder().decode(found));
}

export interface ProtectedTarget {
  /** `<kind>/<name...>`. */
  readonly key: string;
  readonly kind: TargetKind;
  /** Its key in the configuration. */
  readonly name: string;
}

/** Everything that is protected, in the order of the configuration. */
export function protectedTargets({
  services,
  databases,
  endpoints,
  certificates,
}: Pick<RuntimeConfig, 'services' | 'databases' | 'endpoints' | 'certificates'>): ProtectedTarget[] {
  return [
    ...Object.values(services).map(
      ({ name, cluster, service }): ProtectedTarget => ({
        key: `ecs-service/${cluster}/${service}`,
        kind: 'ecs-service',
        name,
      }),
    ),
    ...Object.values(databases).map(
      ({ name }): ProtectedTarget => ({ key: `rds-instance/${name}`, kind: 'rds-instance', name }),
    ),
    ...Object.values(endpoints).map(
      ({ name }): ProtectedTarget => ({ key: `dns-endpoint/${name}`, kind: 'dns-endpoint', name }),
    ),
    ...Object.values(certificates).map(
      ({ name }): ProtectedTarget => ({ key: `certificate/${name}`, kind: 'certificate', name }),
    ),
  ];
}

/** @throws UsageError naming the choices when `word` is neither a target nor the only one of that name in the configuration. */
export function chooseTarget(word: string, targets: readonly ProtectedTarget[]): ProtectedTarget {
  const found = targets.filter(({ key, name }) => key === word || name === word);
  const [only] = found;
  if (only && found.length === 1) return only;
  const choices = targets.map(({ key }) => key).join(', ');
  throw new UsageError(
    only
      ? `"${word}" names ${found.length} targets: ${found.map(({ key }) => key).join(', ')}`
      : `"${word}" is not protected by this deployment; protected are ${choices || 'none'}`,
  );
}
