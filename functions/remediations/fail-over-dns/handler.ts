/** The side of `fail-over-dns` that asks sites and Route 53. */
import { readVotes } from '../../dns/checkers.ts';
import { type SiteHealth, tellHealth, verdictOf } from '../../dns/health.ts';
import { probeSite } from '../../dns/probe.ts';
import { isSameRecord } from '../../dns/record.ts';
import { askResolvers } from '../../dns/resolvers.ts';
import { readRecord, replaceRecord } from '../../dns/route53.ts';
import { CHANGING_CALL_BUDGET_MS } from '../../engine/clients.ts';
import type { EndpointConfig, EndpointSite } from '../../engine/config.ts';
import {
  ActionFailedError,
  ChangedBySomeoneElseError,
  EngineError,
  OutOfTimeError,
  PermissionError,
} from '../../engine/errors.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { ActReport, Change, MayGoOn, RemainingMs, Remediation } from '../../engine/remediation.ts';
import { afterOf, alreadyApplied, beforeOf, decide, decideHandBack, type Observation, verify } from './decide.ts';
import { examine } from './examine.ts';
import { manifest } from './manifest.ts';

async function observe(target: EndpointConfig): Promise<Observation> {
  const [record, sites, answers] = await Promise.all([
    recordOf(target),
    Promise.all(target.sites.map(async (site): Promise<[string, SiteHealth]> => [site.name, await lookAt(site)])),
    askResolvers(target.resolvers ?? [], target, target.sites),
  ]);
  return { record, sites: Object.fromEntries(sites), answers };
}

/** A control plane that doesn't answer is something to tell a person at once, not to wait for: it may be part of the trouble. */
async function recordOf(target: EndpointConfig): Promise<Observation['record']> {
  try {
    return await readRecord(target.zoneId, target);
  } catch (error) {
    if (error instanceof EngineError && error.retryable) return { kind: 'unknown', why: error.message };
    throw error;
  }
}

/** Our own probes and the checkers' votes, side by side. @throws PermissionError; whatever else is wrong with the votes leaves them unknown. */
async function lookAt(site: EndpointSite): Promise<SiteHealth> {
  const votes = readVotes(site.healthCheckId, Date.now()).catch((error: unknown) => {
    if (error instanceof PermissionError || !(error instanceof EngineError)) throw error;
    return { unknown: error.message };
  });
  const [probes, counted] = await Promise.all([probeSite(site.probeUrl), votes]);
  return { probes, votes: counted };
}

/**
 * Looks at both sites once more, then replaces the record as it was recorded: an intent that is taken up after a death is minutes old.
 * @throws ActionFailedError when the one site isn't proved healthy at this moment, or the other isn't sick any more: then nobody is moved.
 */
async function act(
  target: EndpointConfig,
  change: Change,
  remaining: RemainingMs,
  _config: unknown,
  mayGoOn: MayGoOn,
): Promise<ActReport> {
  const [before, after] = [beforeOf(change), afterOf(change)];
  const site = target.sites.find(({ name }) => name === after.site);
  if (!site) throw new ActionFailedError(`${target.recordName}: site ${after.site} is no longer in the configuration`);
  const left = before.sick ? target.sites.find(({ name }) => name === before.site) : undefined;
  const [health, leftHealth] = await Promise.all([lookAt(site), left && lookAt(left), mayGoOn()]);
  if (verdictOf(health) !== 'healthy')
    throw new ActionFailedError(`site ${site.name} isn't proved healthy at this moment: ${tellHealth(health)}`);
  if (leftHealth && verdictOf(leftHealth) !== 'sick')
    throw new ActionFailedError(`site ${before.site} isn't sick any more: ${tellHealth(leftHealth)}`);
  if (remaining() < CHANGING_CALL_BUDGET_MS)
    throw new OutOfTimeError(`${target.recordName}: ${remaining()} ms left, too little to finish the change`);
  const replaced = await replaceRecord(target.zoneId, target, before.record, after.record);
  const told = `sent everybody who asks for ${target.recordName} from site ${before.site} to site ${after.site}`;
  const data = { from: before.site, to: after.site, health: tellHealth(health), ttlSeconds: target.ttlSeconds };
  if (replaced.kind === 'changed') return { summary: told, data: { ...data, changeId: replaced.changeId } };
  // An answer of ours that was lost, or somebody else.
  const live = await readRecord(target.zoneId, target);
  if (live.kind === 'record' && isSameRecord(live.record, after.record)) return { summary: told, data };
  // The record is the one that was read, so Route 53 minds what is to be put in its place.
  if (live.kind === 'record' && isSameRecord(live.record, before.record))
    throw new ActionFailedError(`Route 53 refuses the record of site ${after.site}: ${replaced.why}`);
  throw new ChangedBySomeoneElseError(`record ${target.recordName}`, `the record of site ${before.site}`, replaced.why);
}

export const remediation: Remediation<EndpointConfig, Observation> = {
  manifest,
  targetOf: (key, config) => Object.values(config.endpoints).find((each) => key === `dns-endpoint/${each.name}`),
  upstreamsOf: () => [],
  observe,
  decide,
  act,
  alreadyApplied,
  verify,
  decideHandBack,
  examine,
};

export const handler = remediationHandler(remediation);
