/** A remediation's own code, run from the command line with the person's credentials. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { pathToFileURL } from 'node:url';
import type { Protected } from '../functions/engine/config.ts';
import type { Remediation } from '../functions/engine/remediation.ts';
import { discover } from '../infra/discover.ts';
import { runningWorlds } from '../local/world/state.ts';
import type { Place } from './place.ts';

export type AnyRemediation = Remediation<Protected, unknown>;
/** `undefined` when this checkout has no remediation of that name. */
export type LoadRemediation = (place: Place, name: string) => Promise<AnyRemediation | undefined>;

/**
 * Imports a remediation's handler, whose AWS clients are made as in Lambda: from the environment. It therefore is set for the place first, for
 * the whole process; a command works in one place.
 */
export const loadRemediation: LoadRemediation = async (place, name) => {
  actIn(place);
  const { remediations } = await discover();
  const unit = remediations.find(({ manifest }) => manifest.name === name);
  if (!unit) return undefined;
  const module = (await import(pathToFileURL(unit.handler).href)) as { remediation?: AnyRemediation };
  if (!module.remediation) throw new Error(`${unit.handler}: it exports no \`remediation\``);
  return module.remediation;
};

function actIn({ clientSettings, world, region }: Place): void {
  const { profile, endpoint, credentials } = clientSettings;
  process.env.AWS_REGION = region;
  process.env.AWS_SDK_UA_APP_ID ??= 'nightshift-cli';
  if (profile !== undefined) process.env.AWS_PROFILE = profile;
  if (endpoint !== undefined) process.env.AWS_ENDPOINT_URL = endpoint;
  if (credentials) {
    process.env.AWS_ACCESS_KEY_ID = credentials.accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = credentials.secretAccessKey;
    delete process.env.AWS_SESSION_TOKEN;
    delete process.env.AWS_PROFILE;
  }
  const ca = join(runningWorlds().find(({ name }) => name === world)?.dir ?? '', 'ca.pem');
  // A world's databases have certificates of its own authority, as RDS's have.
  if (world !== undefined && existsSync(ca))
    setDefaultCACertificates([...getCACertificates('default'), readFileSync(ca, 'utf8')]);
}
