/**
 * Amazon Route 53 (API version 2013-04-01): hosted zones and records that a real DNS server answers from, and health checks that ask real endpoints. Its control
 * plane is one, in us-east-1 (`local/gateway/faults.ts` cuts it off with that region); name server and checkers are the data plane and go on without it.
 * Left out, with an error that says so: routing by latency, location, multivalue and CIDR, traffic policies, DNSSEC, calculated and TCP health checks.
 */
import { randomUUID } from 'node:crypto';
import { faultReply } from '../../gateway/reply.ts';
import {
  type AwsCall,
  AwsFault,
  type AwsReply,
  type MetricSink,
  type StandIn,
  type WorldContext,
} from '../../world/types.ts';
import { applyBatch } from './changes.ts';
import { startCheckers } from './checkers.ts';
import { startDnsServer } from './dns-server.ts';
import {
  canonical,
  type HealthCheck,
  type HealthCheckConfig,
  isHealthy,
  type RecordSet,
  type Route53State,
  type Zone,
} from './model.ts';
import { answer } from './resolve.ts';
import {
  healthCheckNode,
  readChanges,
  readDocument,
  readHealthCheckConfig,
  recordNode,
  replyWith,
  updatedConfig,
} from './xml.ts';

export interface Route53Options {
  readonly metrics: MetricSink;
  /** How often a checker checks; 1000 by default. */
  readonly checkEveryMs?: number;
  /** How long a change is PENDING; it is answered at once all the same. 500 by default. */
  readonly pendingMs?: number;
}

export interface Route53 extends StandIn {
  /** Starts name server and checkers; ended when the world stops. */
  start(): Promise<void>;
  /** Port of the name server on 127.0.0.1, UDP and TCP. */
  readonly dnsPort: number;
  /** As somebody with another tool would make them. @returns the id. */
  /** @param id one by chance unless given. @returns its id. */
  createZone(name: string, records?: readonly RecordSet[], id?: string): string;
  createHealthCheck(config: Partial<HealthCheckConfig> & Pick<HealthCheckConfig, 'port'>): string;
  recordsOf(zoneId: string): readonly RecordSet[];
  setRecords(zoneId: string, records: readonly RecordSet[]): void;
  /** What a name is another name for. */
  cname(name: string): string | undefined;
  healthy(healthCheckId: string): boolean | undefined;
  /** How many checkers have told what they saw. */
  reports(healthCheckId: string): number;
}

interface Request {
  readonly call: AwsCall;
  readonly state: Route53State;
  readonly pendingMs: number;
}
type Operation = (request: Request) => AwsReply;

const param = ({ call }: Request, name: string): string => String(call.params[name] ?? '');

export function createRoute53(
  world: WorldContext,
  { metrics, checkEveryMs = 1_000, pendingMs = 500 }: Route53Options,
): Route53 {
  const state: Route53State = { zones: new Map(), healthChecks: new Map(), changes: new Map() };
  const answering = (name: string, type: string) => {
    const healthOf = (id: string) => state.healthChecks.get(id);
    return answer(
      {
        zones: [...state.zones.values()],
        isHealthy: (id) => {
          const check = healthOf(id);
          return check === undefined || isHealthy(check);
        },
        random: Math.random,
      },
      name,
      type,
    );
  };
  let port = 0;
  return {
    services: ['route53'],
    async start() {
      const server = await startDnsServer(answering);
      port = server.port;
      world.onStop('DNS', () => server.close());
      const addressOf = (name: string) => answering(name, 'A').records.find(({ type }) => type === 'A')?.value;
      world.onStop('health checks', startCheckers(world, state, { everyMs: checkEveryMs, metrics, addressOf }));
    },
    get dnsPort() {
      return port;
    },
    createZone: (name, records = [], id = newZoneId()) => makeZone(state, name, records, id).id,
    createHealthCheck: (config) =>
      makeHealthCheck(state, randomUUID(), {
        ...{ type: 'HTTP', resourcePath: '/', inverted: false, disabled: false, failureThreshold: 3 },
        ...config,
      }).id,
    recordsOf: (zoneId) => state.zones.get(zoneId)?.records ?? [],
    setRecords: (zoneId, records) => {
      zoneOf(state, zoneId).records = records;
    },
    cname: (name) => answering(canonical(name), 'CNAME').records.find(({ type }) => type === 'CNAME')?.value,
    healthy: (id) => {
      const check = state.healthChecks.get(id);
      return check && isHealthy(check);
    },
    reports: (id) => state.healthChecks.get(id)?.reports.size ?? 0,
    async handle(call) {
      try {
        const operation = Object.hasOwn(OPERATIONS, call.operation) ? OPERATIONS[call.operation] : undefined;
        if (!operation)
          throw new AwsFault('InvalidInput', `${call.operation} is not yet in the local world (Route 53 stand-in)`);
        return operation({ call, state, pendingMs });
      } catch (error) {
        if (error instanceof AwsFault) return faultReply(call, error);
        throw error;
      }
    },
  };
}

const newZoneId = (): string => `Z${randomUUID().replaceAll('-', '').slice(0, 20).toUpperCase()}`;

function makeZone(state: Route53State, name: string, records: readonly RecordSet[], id: string): Zone {
  const zone: Zone = { id, name: canonical(name), records };
  state.zones.set(id, zone);
  return zone;
}

function makeHealthCheck(state: Route53State, callerReference: string, config: HealthCheckConfig): HealthCheck {
  const check: HealthCheck = { id: randomUUID(), callerReference, version: 1, config, reports: new Map() };
  state.healthChecks.set(check.id, check);
  return check;
}

function zoneOf({ zones }: Route53State, id: string): Zone {
  const zone = zones.get(id);
  if (!zone) throw new AwsFault('NoSuchHostedZone', `No hosted zone found with ID: ${id}`, 404);
  return zone;
}

function checkOf({ healthChecks }: Route53State, id: string): HealthCheck {
  const check = healthChecks.get(id);
  if (!check) throw new AwsFault('NoSuchHealthCheck', `A health check with id ${id} does not exist.`, 404);
  return check;
}

function changeNode(state: Route53State, id: string) {
  const change = state.changes.get(id);
  if (!change) throw new AwsFault('NoSuchChange', `Could not find resource with ID: ${id}`, 404);
  return {
    Id: `/change/${id}`,
    Status: Date.now() >= change.inSyncAt ? 'INSYNC' : 'PENDING',
    SubmittedAt: change.submittedAt.toISOString(),
  };
}

const OPERATIONS: Readonly<Record<string, Operation>> = {
  CreateHostedZone: ({ call, state }) => {
    const document = readDocument(call, 'CreateHostedZoneRequest');
    const { id, name } = makeZone(state, String(document.Name), [], newZoneId());
    const HostedZone = { Id: `/hostedzone/${id}`, Name: name, CallerReference: String(document.CallerReference) };
    return replyWith(call, 'CreateHostedZoneResponse', { HostedZone }, 201);
  },
  /** All on one page. */
  ListHostedZones: ({ call, state }) => {
    const HostedZone = [...state.zones.values()].map(({ id, name }) => ({ Id: `/hostedzone/${id}`, Name: name }));
    return replyWith(call, 'ListHostedZonesResponse', {
      ...(HostedZone.length > 0 && { HostedZones: { HostedZone } }),
      ...{ IsTruncated: false, MaxItems: 100 },
    });
  },
  /** Records in the order of name and type from where the request says ("ListResourceRecordSets"); names are ordered by their labels, the last first. */
  ListResourceRecordSets: (request) => {
    const zone = zoneOf(request.state, param(request, 'Id'));
    const [name, type] = [param(request, 'name'), param(request, 'type')];
    const from = sortKey({ name: canonical(name || zone.name), type });
    const most = Number(param(request, 'maxitems') || 300);
    const found = [...zone.records]
      .filter((record) => sortKey(record) >= from)
      .sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
    const following = found[most];
    return replyWith(request.call, 'ListResourceRecordSetsResponse', {
      ResourceRecordSets: { ResourceRecordSet: found.slice(0, most).map(recordNode) },
      IsTruncated: found.length > most,
      ...(following && { NextRecordName: following.name, NextRecordType: following.type }),
      MaxItems: most,
    });
  },
  ChangeResourceRecordSets: (request) => {
    const { call, state, pendingMs } = request;
    const zone = zoneOf(state, param(request, 'Id'));
    const changes = readChanges(readDocument(call, 'ChangeResourceRecordSetsRequest'));
    for (const { record } of changes) if (record.healthCheckId) checkOf(state, record.healthCheckId);
    zone.records = applyBatch(zone.name, zone.records, changes);
    const id = `C${randomUUID().replaceAll('-', '').slice(0, 20).toUpperCase()}`;
    state.changes.set(id, { submittedAt: new Date(), inSyncAt: Date.now() + pendingMs });
    return replyWith(call, 'ChangeResourceRecordSetsResponse', { ChangeInfo: changeNode(state, id) });
  },
  GetChange: (request) =>
    replyWith(request.call, 'GetChangeResponse', { ChangeInfo: changeNode(request.state, param(request, 'Id')) }),
  CreateHealthCheck: ({ call, state }) => {
    const document = readDocument(call, 'CreateHealthCheckRequest');
    const config = readHealthCheckConfig((document.HealthCheckConfig ?? {}) as Readonly<Record<string, unknown>>);
    const check = makeHealthCheck(state, String(document.CallerReference), config);
    return replyWith(call, 'CreateHealthCheckResponse', { HealthCheck: healthCheckNode(check) }, 201);
  },
  GetHealthCheck: (request) => {
    const check = checkOf(request.state, param(request, 'HealthCheckId'));
    return replyWith(request.call, 'GetHealthCheckResponse', { HealthCheck: healthCheckNode(check) });
  },
  /** "UpdateHealthCheck": a HealthCheckVersion that isn't the present one changes nothing. */
  UpdateHealthCheck: (request) => {
    const document = readDocument(request.call, 'UpdateHealthCheckRequest');
    const check = checkOf(request.state, param(request, 'HealthCheckId'));
    if (document.HealthCheckVersion !== undefined && Number(document.HealthCheckVersion) !== check.version)
      throw new AwsFault('HealthCheckVersionMismatch', `The current version is ${check.version}`, 409);
    check.config = updatedConfig(check.config, document);
    check.version += 1;
    return replyWith(request.call, 'UpdateHealthCheckResponse', { HealthCheck: healthCheckNode(check) });
  },
  GetHealthCheckStatus: (request) => {
    const { reports } = checkOf(request.state, param(request, 'HealthCheckId'));
    return replyWith(request.call, 'GetHealthCheckStatusResponse', {
      HealthCheckObservations: {
        HealthCheckObservation: [...reports.values()].map(({ region, status, checkedAt }) => ({
          Region: region,
          IPAddress: '127.0.0.1',
          StatusReport: { Status: status, CheckedTime: checkedAt.toISOString() },
        })),
      },
    });
  },
};

const sortKey = ({ name, type }: Pick<RecordSet, 'name' | 'type'>): string =>
  `${name.split('.').reverse().join('.')} ${type}`;
