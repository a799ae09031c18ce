/** The two-region part of a world: a service in both regions, and a second deployment of Nightshift in the standby's. Only where a scenario asks for it. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { AUTHORITY_GUARD } from '../../functions/authority/set-authority/sql.ts';
import { type Deployed, deployNightshift } from '../deploy/deploy.ts';
import type { Gateway } from '../gateway/index.ts';
import { type SeededPair, seedPair } from '../services/pair.ts';
import { DEMO_PAIR, factsOf } from '../services/pair-config.ts';
import type { StandIns } from './stand-ins.ts';
import type { WorldContext } from './types.ts';

const STANDBY_CONFIG = join(import.meta.dirname, '..', 'standby.config.ts');
const { east, west } = DEMO_PAIR.deployments;

/** RDS and the emulator are up by then. */
export async function startPair(context: WorldContext, gateway: Gateway, standIns: StandIns): Promise<SeededPair> {
  const ca = readFileSync(join(context.dir, 'ca.pem'), 'utf8');
  const callers = { east: `nightshift-${east}-*`, west: `nightshift-${west}-*` };
  const pair = await seedPair(context, { gateway, ...standIns, ca }, { callers });
  standIns.lambda.setNameServer(standIns.route53.dnsPort);
  await guard(pair);
  return pair;
}

/** As a database's owner installs it (docs/recovery.md, Fencing by itself). */
async function guard({ database }: SeededPair): Promise<void> {
  const { ca, ...connection } = database.as('postgres');
  const client = new pg.Client({ ...connection, ssl: { ca, servername: connection.host } });
  await client.connect();
  try {
    await client.query(AUTHORITY_GUARD);
    await client.query(`SELECT nightshift.guard('public')`);
  } finally {
    await client.end();
  }
}

/** What both deployments' configurations read from their environment. */
export const pairInEnvironment = (pair: SeededPair): Record<string, string> => ({
  [DEMO_PAIR.variable]: factsOf(pair),
});

export interface StandbyDeployment extends Deployed {
  /** Name of the deployment. */
  readonly name: string;
  readonly region: string;
}

/** Both regions are bootstrapped by then. */
export async function deployStandby(
  context: WorldContext,
  gateway: Gateway,
  { pair, report }: { readonly pair: SeededPair; readonly report: (line: string) => void },
): Promise<StandbyDeployment> {
  const there = seenFrom(context, context.standbyRegion);
  const deployed = await deployNightshift(there, {
    ...{ endpointUrl: gateway.url, report, isBootstrapped: true },
    onRoles: (roles) => gateway.iam.load(roles),
    configPath: STANDBY_CONFIG,
    environment: pairInEnvironment(pair),
  });
  return { ...deployed, name: west, region: there.region };
}

/** The same world with its regions the other way round, and a folder of its own for what is deployed. */
function seenFrom(context: WorldContext, region: string): WorldContext {
  const { name, accountId, timeScale } = context;
  const dir = join(context.dir, region);
  mkdirSync(dir, { recursive: true });
  return {
    ...{ name, accountId, timeScale, dir, region, standbyRegion: context.region },
    spawn: (command, args, options) => context.spawn(command, args, options),
    onStop: (what, undo) => context.onStop(what, undo),
    log: (part, line) => context.log(part, line),
  };
}
