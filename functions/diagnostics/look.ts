/**
 * Reads what a person would look for first. Everything is read softly: what can't be had, or not in time, is named in `unread`, and the rest is told all
 * the same: what is in trouble is often slow to answer, and somebody waits. Nothing is changed.
 */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { ECSClient, type Task } from '@aws-sdk/client-ecs';
import { describeInstance } from '../databases/describe.ts';
import { readEvents } from '../databases/events.ts';
import { databaseOf } from '../databases/target.ts';
import { readVotes } from '../dns/checkers.ts';
import { type SiteHealth, tellHealth, verdictOf } from '../dns/health.ts';
import { probeSite } from '../dns/probe.ts';
import { readServiceGuards } from '../ecs/guards.ts';
import { readServiceWithEvents } from '../ecs/service.ts';
import { ofService } from '../ecs/target.ts';
import { readTasks } from '../ecs/tasks.ts';
import { shortName } from '../ecs/types.ts';
import { readUsage, type Usage } from '../ecs/usage.ts';
import { clientDefaults } from '../engine/clients.ts';
import type { DatabaseConfig, EndpointConfig, RuntimeConfig, ServiceConfig } from '../engine/config.ts';
import type { GuardReadings } from '../engine/guard-metrics.ts';
import { inTime } from '../engine/in-time.ts';
import type { EndpointSeen, Seen, ServiceSeen, StoppedTask } from './types.ts';

export interface Look {
  readonly seen: Seen;
  /** What couldn't be read, and why: sentence fragments. */
  readonly unread: readonly string[];
}

const HOUR_MINUTES = 60;
const HOUR_MS = HOUR_MINUTES * 60_000;
/** Somebody waits for it: one attempt, and a short one. */
const hurried = () => ({ ...clientDefaults(), maxAttempts: 1 });
const ecs = new ECSClient(hurried());
const cloudwatch = new CloudWatchClient(hurried());

/** Of the 4 s that a page waits, the rest is for a cold start and the journal; probes of a site that hangs take 2.4 s. */
const LOOKS_FOR_MS = 2_700;

/**
 * Looks at a target of an incident.
 * @param key such as `ecs-service/orders/backend`; what isn't configured isn't looked at.
 * @param now epoch milliseconds.
 * @param withinMs answers after this long at the latest, in milliseconds, with what it has by then.
 */
export async function lookAtTarget(
  key: string,
  config: RuntimeConfig,
  now: number,
  withinMs = LOOKS_FOR_MS,
): Promise<Look> {
  const service = ofService.targetOf(key, config);
  const database = databaseOf(key, config);
  const endpoint = Object.values(config.endpoints).find(({ name }) => key === `dns-endpoint/${name}`);
  const unread: string[] = [];
  const softly: Softly = async (what, reading, otherwise) => {
    try {
      return await inTime(withinMs, `${what} took longer than ${withinMs} ms`, reading);
    } catch (error) {
      unread.push(error instanceof Error ? error.message : String(error));
      return otherwise;
    }
  };
  const nothing: Seen = { kind: 'not-looked-at' };
  if (service) return { seen: await seeService(service, config, now, softly), unread };
  if (database) return { seen: await seeDatabase(database, softly), unread };
  if (endpoint) return { seen: await seeEndpoint(endpoint, softly), unread };
  return { seen: nothing, unread };
}

/** `otherwise` when it fails or takes too long, which is noted. */
type Softly = <T>(what: string, reading: Promise<T>, otherwise: T) => Promise<T>;

async function seeService(target: ServiceConfig, config: RuntimeConfig, now: number, softly: Softly): Promise<Seen> {
  const [service, tasks, guards, use] = await Promise.all([
    softly('describing the service', readServiceWithEvents(ecs, target), undefined),
    softly('reading stopped tasks', readTasks(ecs, target, 'STOPPED'), undefined),
    softly<GuardReadings>('reading the load balancer’s metrics', readServiceGuards(cloudwatch, target, config), {}),
    softly<Usage>('reading how much CPU and memory it uses', readUsage(cloudwatch, target, config), {}),
  ]);
  if (!service) return { kind: 'not-looked-at' };
  if (service.kind === 'missing') return service;
  const { desired, running, pending, deployments, events } = service;
  return {
    ...{ kind: 'service', name: target.service, desired, running, pending },
    deployments: deployments.map(({ primary, taskDefinition, rolloutState, reason, failedTasks, createdAtMs }) => ({
      ...{ primary, revision: shortName(taskDefinition), rolloutState, reason, failedTasks, createdAtMs },
    })),
    events: events.filter(({ atMs }) => atMs > now - HOUR_MS),
    stopped: stoppedTasks(tasks ?? [], now),
    ...(!tasks && { stoppedUnread: true as const }),
    ...(guards.healthyHosts !== undefined && { healthyTargets: guards.healthyHosts }),
    ...clientsOf(guards),
    ...useOf(use),
  };
}

const useOf = ({ cpuPercent, memoryPercent }: Usage): Pick<ServiceSeen, 'use'> =>
  cpuPercent === undefined && memoryPercent === undefined
    ? {}
    : {
        use: {
          ...(cpuPercent !== undefined && { cpuPercent }),
          ...(memoryPercent !== undefined && { memoryPercent }),
        },
      };

const clientsOf = ({ requestCount, errorRate, latencySeconds }: GuardReadings): Pick<ServiceSeen, 'clients'> =>
  requestCount === undefined
    ? {}
    : {
        clients: {
          requestsPerMinute: requestCount,
          ...(errorRate !== undefined && { failedShare: errorRate }),
          ...(latencySeconds !== undefined && { latencySeconds }),
        },
      };

/** Newest first. */
const stoppedTasks = (tasks: readonly Task[], now: number): StoppedTask[] =>
  tasks
    .map(({ stoppedAt, stoppingAt, stopCode = '', stoppedReason = '', containers = [] }) => ({
      ...{ atMs: (stoppedAt ?? stoppingAt)?.getTime() ?? now, stopCode, reason: stoppedReason },
      containers: containers.map(({ name = '', image = '', exitCode, reason }) => ({
        ...{ name, image },
        ...(exitCode !== undefined && { exitCode }),
        ...(reason !== undefined && { reason }),
      })),
    }))
    .filter(({ atMs }) => atMs > now - HOUR_MS)
    .sort((a, b) => b.atMs - a.atMs);

async function seeDatabase({ name, clusterIdentifier }: DatabaseConfig, softly: Softly): Promise<Seen> {
  const [instance, events, ofCluster] = await Promise.all([
    softly(
      'describing the database',
      describeInstance(name).then((found) => found ?? 'missing'),
      undefined,
    ),
    softly('reading the database’s events', readEvents({ name }, HOUR_MINUTES), []),
    clusterIdentifier === undefined
      ? []
      : softly(
          'reading its cluster’s events',
          readEvents({ name: clusterIdentifier }, HOUR_MINUTES, undefined, 'db-cluster'),
          [],
        ),
  ]);
  if (instance === 'missing') return { kind: 'missing', why: `there is no DB instance ${name}` };
  if (!instance) return { kind: 'not-looked-at' };
  return {
    ...{ kind: 'database', name, status: instance.DBInstanceStatus ?? 'unknown' },
    // Names of what is to be changed; their values may be anything.
    pending: Object.keys(instance.PendingModifiedValues ?? {}).filter((field) => !/password/i.test(field)),
    events: [...events, ...ofCluster]
      .map(({ at, message }) => ({ atMs: Date.parse(at), message }))
      .sort((a, b) => b.atMs - a.atMs),
  };
}

async function seeEndpoint({ name, sites }: EndpointConfig, softly: Softly): Promise<Seen> {
  const looked = await Promise.all(
    sites.map(async (site): Promise<EndpointSeen['sites'][number]> => {
      const unknown = { unknown: 'they could not be read' };
      const [probes, votes] = await Promise.all([
        softly(`probing site ${site.name}`, probeSite(site.probeUrl), undefined),
        softly<SiteHealth['votes']>(
          `reading the checkers of site ${site.name}`,
          readVotes(site.healthCheckId, Date.now()),
          unknown,
        ),
      ]);
      // Not asked at all is not the same as no answer.
      if (!probes) return { name: site.name, verdict: 'unclear', told: 'it was not probed in time' };
      return { name: site.name, verdict: verdictOf({ probes, votes }), told: tellHealth({ probes, votes }) };
    }),
  );
  return { kind: 'endpoint', name, sites: looked };
}
