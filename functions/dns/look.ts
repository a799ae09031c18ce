/** Looking at one site of an endpoint, from here and by Route 53's checkers. */
import type { EndpointSite } from '../engine/config.ts';
import { EngineError, PermissionError } from '../engine/errors.ts';
import { readVotes } from './checkers.ts';
import type { SiteHealth } from './health.ts';
import { probeSite } from './probe.ts';

/** Our own probes and the checkers' votes, side by side. @throws PermissionError; whatever else is wrong with the votes leaves them unknown. */
export async function lookAt(site: EndpointSite): Promise<SiteHealth> {
  const votes = readVotes(site.healthCheckId, Date.now()).catch((error: unknown) => {
    if (error instanceof PermissionError || !(error instanceof EngineError)) throw error;
    return { unknown: error.message };
  });
  const [probes, counted] = await Promise.all([probeSite(site.probeUrl), votes]);
  return { probes, votes: counted };
}
