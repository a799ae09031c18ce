/**
 * Where a command looks: a local world, or an AWS account. `--world` or `--aws` says so; without either the only running world is meant.
 * AWS is never a fallback.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DescribeTableCommand, DynamoDBClient, ResourceNotFoundException } from '@aws-sdk/client-dynamodb';
import { UsageError } from '../local/world/errors.ts';
import { runningWorlds, type WorldState } from '../local/world/state.ts';

export interface PlaceOptions {
  readonly world?: string | undefined;
  readonly aws?: boolean | undefined;
  readonly profile?: string | undefined;
  readonly region?: string | undefined;
  /** The journal's table on AWS; without it the configuration file names the deployment. */
  readonly table?: string | undefined;
  readonly config?: string | undefined;
}

/** What AWS SDK clients need to reach the place. */
export interface ClientSettings {
  readonly region?: string;
  readonly profile?: string;
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export interface Place {
  readonly world?: string;
  readonly account: string;
  readonly region: string;
  readonly table: string;
  /** The gateway's URL; only in a local world. */
  readonly endpoint?: string;
  readonly clientSettings: ClientSettings;
}

/**
 * @throws UsageError when the options contradict each other, name no running world, or don't say enough.
 */
export async function findPlace(
  options: PlaceOptions,
  worlds: () => readonly WorldState[] = runningWorlds,
): Promise<Place> {
  if (options.aws && options.world !== undefined)
    throw new UsageError('--aws and --world exclude each other: name one place');
  if (options.aws) return awsPlace(options);
  for (const option of ['profile', 'table', 'config'] as const)
    if (options[option] !== undefined) throw new UsageError(`--${option} only makes sense with --aws`);
  return worldPlace(chooseWorld(options.world, worlds()), options.region);
}

/** @throws UsageError naming the choices, when `name` isn't running, or when there is none or more than one to choose from. */
export function chooseWorld(name: string | undefined, running: readonly WorldState[]): WorldState {
  const names = running.map((world) => world.name).join(', ');
  if (name !== undefined) {
    const found = running.find((world) => world.name === name);
    if (found) return found;
    throw new UsageError(
      `no world "${name}" is running; ${names ? `running: ${names}` : 'none is: start one with "npm start"'}`,
    );
  }
  const [only] = running;
  if (only && running.length === 1) return only;
  throw new UsageError(
    running.length > 1
      ? `${running.length} worlds are running: choose with --world <name> (${names}), or --aws for an AWS account`
      : 'no local world is running: start one with "npm start", or use --aws (with --profile, --region) for an AWS account',
  );
}

/** Credentials of a local world are fixed words that no AWS account accepts. */
export const LOCAL_CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' } as const;

function worldPlace(world: WorldState, region: string | undefined): Place {
  if (!world.endpoint || !world.tableName)
    throw new UsageError(`world "${world.name}" is still ${world.phase}: try again when it is ready`);
  return {
    world: world.name,
    account: '000000000000',
    region: region ?? world.region,
    table: world.tableName,
    endpoint: world.endpoint,
    clientSettings: {
      region: region ?? world.region,
      endpoint: world.endpoint,
      credentials: LOCAL_CREDENTIALS,
    },
  };
}

async function awsPlace(options: PlaceOptions): Promise<Place> {
  const settings: ClientSettings = {
    ...(options.region === undefined ? {} : { region: options.region }),
    ...(options.profile === undefined ? {} : { profile: options.profile }),
  };
  const table = options.table ?? (await configuredTable(options.config));
  const client = new DynamoDBClient(settings);
  try {
    const region = await client.config.region();
    const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
    // The table's ARN names the account that answered, which is what the person must see before changing anything.
    const account = Table?.TableArn?.split(':')[4];
    if (!account) throw new Error(`${table}: AWS described it without an ARN`);
    return { account, region, table, clientSettings: { ...settings, region } };
  } catch (error) {
    if (error instanceof ResourceNotFoundException)
      throw new UsageError(
        `no journal table "${table}" in this account and region: is Nightshift deployed there? (--region, --profile, --table)`,
      );
    if (error instanceof Error && error.message === 'Region is missing')
      throw new UsageError('no region: add --region <region>, or choose a profile that has one with --profile');
    throw error;
  } finally {
    client.destroy();
  }
}

/** Only the deployment's name is read: the commands here need nothing else of the configuration. */
async function configuredTable(path = './nightshift.config.ts'): Promise<string> {
  const file = resolve(path);
  if (!existsSync(file))
    throw new UsageError(`no ${path} here that names the deployment: give --config <file> or --table <name>`);
  const { default: config } = (await import(pathToFileURL(file).href)) as { default?: { name?: unknown } };
  if (typeof config?.name !== 'string')
    throw new UsageError(`${path}: expected a default export with a "name" (export default defineConfig({ ... }))`);
  return `nightshift-${config.name}-journal`;
}

/** Sentence that says where: printed before anything is changed. */
export function describePlace({ account, region, world }: Pick<Place, 'account' | 'region' | 'world'>): string {
  return `account ${account}, region ${region}, ${world === undefined ? 'AWS' : `local world "${world}"`}`;
}

/** The place as published documents name it. */
export const placeOf = ({ world, account, region }: Place) => ({
  ...(world === undefined ? {} : { world }),
  account,
  region,
});
