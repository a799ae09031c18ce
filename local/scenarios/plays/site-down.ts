/** One of two sites stops answering: its users are sent to the other by DNS, and back again once it is well. */
import { Resolver } from 'node:dns/promises';
import { ENDPOINT } from '../../services/endpoint.ts';
import type { World } from '../../world/world.ts';
import {
  firstChange,
  msToResolved,
  startOfScenario,
  untilAlarm,
  untilIncident,
  untilQuiet,
  untilResolved,
} from '../support/incidents.ts';
import { expectThat, type Figures, type Scenario, type Stage } from '../types.ts';

const RUNBOOK = 'fail-over-dns';
const TARGET = ENDPOINT.target;

/** A client that knows nothing but the service's name: it resolves it for every request, as its answer lives for a second only. */
function clientOf({ route53, shop }: World): () => Promise<string> {
  const resolver = new Resolver({ timeout: 1_000, tries: 3 });
  resolver.setServers([`127.0.0.1:${route53.dnsPort}`]);
  return async () => {
    const [address] = await resolver.resolve4(ENDPOINT.recordName);
    const reply = await fetch(`http://${address}:${shop?.sites.port}/`, { signal: AbortSignal.timeout(2_000) });
    return reply.ok ? reply.text() : `status ${reply.status}`;
  };
}

const untilServedBy = (stage: Stage, ask: () => Promise<string>, site: string, withinMs: number) => {
  let seen = '';
  return stage.until(
    `requests to be served by site ${site}`,
    async () => {
      seen = await ask();
      return seen === site ? true : undefined;
    },
    { withinMs, seen: () => seen },
  );
};

export const scenario: Scenario<World> = {
  name: 'site-down',
  groups: ['alerts'],
  rank: 20,
  summary: 'the site that DNS names answers with errors; users are sent to the other site, and back when it is well',
  targets: [TARGET],
  uses: [TARGET],
  timeLimitMs: 300_000,
  environment: { [ENDPOINT.switch]: '1' },
  run: async (world, stage): Promise<Figures> => {
    const { shop } = world;
    expectThat(shop !== undefined, `expected a world with sites: ${ENDPOINT.switch} must be set when it starts`);
    const { east, west } = shop.sites;
    const ask = clientOf(world);
    stage.restore('the site', () => east.sick(false));
    await untilQuiet(world, stage, TARGET, RUNBOOK);
    await untilServedBy(stage, ask, 'east', 30_000);
    const servedBefore = west.served();
    const since = startOfScenario();
    east.sick(true);
    stage.step('site east answers every request with an error');
    const firedAt = await untilAlarm(world, stage, RUNBOOK, since);
    const wanted = {
      service: 'route53',
      operation: 'ChangeResourceRecordSets',
      resource: shop.facts.zoneId,
      since,
    };
    const change = await stage.until('Nightshift to change the record', () => firstChange(world, wanted), {
      withinMs: 30_000,
    });
    await untilServedBy(stage, ask, 'west', 30_000);
    stage.step('users are served by site west');
    const { id } = await untilIncident(world, stage, TARGET, since);
    const resolved = await untilResolved(world, stage, id);
    expectThat(west.served() > servedBefore, 'expected site west to have been asked by the client');
    east.sick(false);
    stage.step('site east answers again');
    await untilServedBy(stage, ask, 'east', 120_000);
    stage.step('users are back at site east, where they belong');
    return {
      incidentId: id,
      sickToFirstChangeMs: Date.parse(change.at) - since,
      alarmToFirstChangeMs: Date.parse(change.at) - firedAt,
      alarmToResolvedMs: msToResolved(resolved, firedAt),
    };
  },
};
