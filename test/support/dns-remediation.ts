/**
 * `fail-over-dns` as its handler's own code runs it: a real journal, Route 53's stand-in behind the gateway with its name server and health checks, and two sites that
 * really answer. Each test has a record of its own; all share the sites.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { IncidentWithTimeline } from '../../events/journal.ts';
import type { Outcome } from '../../events/outcome.ts';
import type { EndpointConfig, RunbookLimits } from '../../functions/engine/config.ts';
import { handle } from '../../functions/engine/handler.ts';
import { readIncident } from '../../functions/engine/journal-reader.ts';
import { Store } from '../../functions/engine/store.ts';
import { startMinistack } from '../../local/emulators/index.ts';
import type { Sites } from '../../local/services/sites.ts';
import type { Fault } from '../../local/world/types.ts';
import { eventually } from '../emulator/rds/harness.ts';
import { openRoute53World, type Route53World } from '../emulator/route53/harness.ts';
import { journalTable } from './engine-world.ts';
import { alarmEvent, config as base, endpoint, limits } from './fixtures.ts';

const NAME = 'fail-over-dns';
const ZONE = 'shop.test';

export interface FireOptions {
  readonly limits?: Partial<RunbookLimits>;
  readonly target?: Partial<EndpointConfig>;
  readonly now?: () => number;
  readonly people?: readonly string[];
}

export interface DnsRemediationWorld {
  readonly route53: Route53World;
  readonly sites: Sites;
  readonly zoneId: string;
  readonly configured: EndpointConfig['sites'];
  /** Makes a record that leads to site east. @returns its endpoint's name. */
  record(ttlSeconds?: number): string;
  /** The address that the name server gives for it. */
  addressOf(name: string): Promise<string | undefined>;
  /** Makes sites sick or well and waits until the checkers agree. */
  health(state: { readonly east: boolean; readonly west: boolean }): Promise<void>;
  alarm(name: string, state?: 'ALARM' | 'OK'): Record<string, unknown>;
  deliver(name: string, event: unknown, options?: FireOptions): Promise<Outcome>;
  fault(operation: string, kind: Fault['kind'], times?: number): void;
  calm(): void;
  callsDuring<T>(work: () => Promise<T>): Promise<{ result: T; changing: string[]; calls: number }>;
  incident(outcome: Outcome): Promise<IncidentWithTimeline>;
  close(): Promise<void>;
}

export async function openDnsRemediation(): Promise<DnsRemediationWorld> {
  const route53 = await openRoute53World();
  const { gateway, world, route53: standIn } = route53;
  gateway.upstreamUrl = (await startMinistack(world, { endpointUrl: gateway.url })).url;
  const { remediation } = await import('../../functions/remediations/fail-over-dns/handler.ts');
  const dynamodb = new DynamoDBClient({
    endpoint: gateway.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  await dynamodb.send(journalTable('journal'));
  const store = new Store('journal', dynamodb);
  const sites = await route53.sites();
  const both = [sites.east, sites.west];
  const configured = both.map(({ name, address, url }) => ({
    name,
    target: address,
    healthCheckId: standIn.createHealthCheck({
      ...{ ipAddress: address, port: sites.port, resourcePath: '/health', failureThreshold: 1 },
    }),
    probeUrl: `${url}/health`,
  }));
  const zoneId = standIn.createZone(ZONE);
  let count = 0;
  const recordNameOf = (name: string) => `${name}.${ZONE}`;
  return {
    route53,
    sites,
    zoneId,
    configured,
    record(ttlSeconds = 60) {
      const name = `shop${++count}`;
      const record = { name: `${recordNameOf(name)}.`, type: 'A', ttlSeconds, values: [sites.east.address] };
      standIn.setRecords(zoneId, [...standIn.recordsOf(zoneId), record]);
      return name;
    },
    addressOf: async (name) => (await route53.resolver.resolve4(recordNameOf(name)))[0],
    async health(state) {
      for (const site of both) site.sick(!state[site.name]);
      await eventually(
        'the checkers to agree',
        () => configured.map(({ healthCheckId: id }) => standIn.reports(id) === 3 && standIn.healthy(id)),
        (seen) => seen.every((well, index) => well === state[index === 0 ? 'east' : 'west']),
      );
      // Most of them, not just a fifth.
      const { readVotes } = await import('../../functions/dns/checkers.ts');
      await eventually(
        'all checkers to agree',
        () => Promise.all(configured.map(({ healthCheckId }) => readVotes(healthCheckId, Date.now()))),
        (votes) => votes.every(({ healthy }, index) => healthy === (state[index === 0 ? 'east' : 'west'] ? 3 : 0)),
      );
    },
    alarm: (name, state = 'ALARM') =>
      alarmEvent({
        id: `event-${++count}`,
        resources: [`arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}-endpoint`],
        detail: {
          alarmName: `${name}-endpoint`,
          state: { value: state, reason: 'Threshold Crossed', timestamp: new Date().toISOString() },
          configuration: {
            metrics: [
              {
                id: 'm1',
                metricStat: {
                  metric: { namespace: 'AWS/Route53', name: 'HealthCheckStatus', dimensions: { HealthCheckId: name } },
                },
              },
            ],
          },
          alarmTags: { 'nightshift:runbook': NAME },
        },
      }),
    deliver: (name, event, told = {}) => {
      const own = {
        name,
        zoneId,
        recordName: recordNameOf(name),
        healthCheckId: name,
        sites: configured,
        dwellSeconds: 3600,
      };
      return handle(event, {
        remediation,
        store,
        config: {
          ...base,
          endpoints: { [name]: { ...endpoint, ...own, ...told.target } },
          runbooks: { [NAME]: { ...limits, perRunbookPerHour: 500, ...told.limits } },
          fleet: { changesPerHour: 500, removalsPerHour: 500, describesPerSecond: 1000 },
        },
        now: told.now ?? Date.now,
        requestId: `request-${++count}`,
        remaining: () => 60_000,
        random: Math.random,
      });
    },
    fault: (operation, kind, times) =>
      gateway.faults.add({
        name: `${operation} ${kind}`,
        match: { service: 'route53', operation },
        kind,
        ...(times !== undefined && { times }),
        ...(kind.startsWith('timeout') && { delayMs: 20 }),
      }),
    calm: () => {
      for (const { name } of gateway.faults.list()) gateway.faults.remove(name);
    },
    async callsDuring(work) {
      const { next } = gateway.callsSince(Number.MAX_SAFE_INTEGER);
      const result = await work();
      const calls = gateway.callsSince(next).calls.filter(({ service }) => service === 'route53');
      const changing = calls.filter((call) => call.changing).map(({ operation }) => operation);
      return { result, changing, calls: calls.length };
    },
    async incident(outcome) {
      const found = 'incidentId' in outcome ? await readIncident(store, outcome.incidentId) : undefined;
      if (!found) throw new Error(`${outcome.kind}: no incident`);
      return found;
    },
    async close() {
      dynamodb.destroy();
      await route53.close();
    },
  };
}
