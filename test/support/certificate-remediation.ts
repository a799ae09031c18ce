/**
 * `renew-certificate` as its handler's own code runs it: a real journal and secrets, ACM's and Route 53's stand-ins behind the gateway. Each test has a certificate of its
 * own.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { IncidentWithTimeline } from '../../events/journal.ts';
import type { Outcome } from '../../events/outcome.ts';
import type { Bundle } from '../../functions/certificates/bundle.ts';
import type { CertificateConfig, RunbookLimits, RuntimeConfig } from '../../functions/engine/config.ts';
import { handle } from '../../functions/engine/handler.ts';
import { readIncident } from '../../functions/engine/journal-reader.ts';
import { Store } from '../../functions/engine/store.ts';
import { startMinistack } from '../../local/emulators/index.ts';
import { type Acm, createAcm } from '../../local/stand-ins/acm/acm.ts';
import type { AwsEvent, Fault } from '../../local/world/types.ts';
import { openRoute53World, type Route53World } from '../emulator/route53/harness.ts';
import { type Authority, issueBundle, makeAuthority } from './certificates.ts';
import { journalTable } from './engine-world.ts';
import { alarmEvent, config as base, certificate, limits } from './fixtures.ts';

const NAME = 'renew-certificate';
export const ZONE = 'shop.test';

export interface Protected {
  readonly name: string;
  readonly arn: string;
  readonly target: Partial<CertificateConfig>;
}

export interface CertificateWorld {
  readonly route53: Route53World;
  readonly acm: Acm;
  readonly zoneId: string;
  readonly journal: Store;
  /** What ACM told the bus. */
  readonly events: AwsEvent[];
  readonly authority: Authority;
  /** Issued by ACM; with DNS its validation records are there, unless `without` says so. */
  issued(method: 'DNS' | 'EMAIL', daysLeft: number, without?: 'records'): Protected;
  /** Requested of ACM, and waiting for its first validation, without its records. */
  requested(method: 'DNS' | 'EMAIL'): Protected;
  /** Imported; its secret holds `next` (one with 90 days unless said), and before that the one in use, unless it is to be unkept. */
  imported(
    daysLeft: number,
    options?: { next?: Bundle; unkept?: true },
  ): Promise<Protected & { present: Bundle; next: Bundle }>;
  alarmArn(of: Protected): string;
  /** The alarm on its DaysToExpiry changes its state. */
  alarm(of: Protected, state: 'ALARM' | 'OK'): Record<string, unknown>;
  /** As ACM tells of it. */
  event(of: Protected, id?: string): Record<string, unknown>;
  config(of: Protected, more?: Partial<RunbookLimits>): RuntimeConfig;
  deliver(
    of: Protected,
    event?: unknown,
    more?: { limits?: Partial<RunbookLimits>; now?: () => number },
  ): Promise<Outcome>;
  fault(service: string, operation: string, kind: Fault['kind'], times?: number): void;
  calm(): void;
  /** Changing calls to ACM and Route 53 during some work. */
  callsDuring<T>(work: () => Promise<T>): Promise<{ result: T; changing: string[]; calls: number }>;
  incident(outcome: Outcome): Promise<IncidentWithTimeline>;
  /** Puts the next one into the secret of an imported certificate. */
  store(of: Protected, next: Bundle): Promise<unknown>;
  close(): Promise<void>;
}

const alarmArn = ({ name }: Protected) => `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}-certificate`;
const daysToExpiry = ({ arn: CertificateArn }: Protected) => ({
  ...{ namespace: 'AWS/CertificateManager', name: 'DaysToExpiry', dimensions: { CertificateArn } },
});

export async function openCertificates(): Promise<CertificateWorld> {
  const route53 = await openRoute53World();
  const { gateway, world, route53: dns } = route53;
  gateway.upstreamUrl = (await startMinistack(world, { endpointUrl: gateway.url })).url;
  const events: AwsEvent[] = [];
  const publish = async (event: AwsEvent) => {
    events.push(event);
    return { id: `event-${events.length}` };
  };
  const acm = createAcm(world, { metrics: { put: () => {} }, events: { publish }, cname: dns.cname });
  gateway.register(acm);
  const { remediation } = await import('../../functions/remediations/renew-certificate/handler.ts');
  const settings = {
    ...{ endpoint: gateway.url, region: 'us-east-1' },
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  const dynamodb = new DynamoDBClient(settings);
  const secrets = new SecretsManagerClient(settings);
  await dynamodb.send(journalTable('journal'));
  const store = new Store('journal', dynamodb);
  const zoneId = dns.createZone(ZONE);
  const authority = await makeAuthority();
  let count = 0;
  const config = ({ name, arn, target }: Protected, more: Partial<RunbookLimits> = {}): RuntimeConfig => ({
    ...base,
    certificates: {
      [name]: { ...certificate, name, arn, zones: { [ZONE]: zoneId }, renewsWithinSeconds: 0, ...target },
    },
    runbooks: { [NAME]: { ...limits, cooldownSeconds: 0, perRunbookPerHour: 500, ...more } },
    fleet: { changesPerHour: 500, removalsPerHour: 500, describesPerSecond: 1000 },
  });
  const eventOf = ({ arn }: Protected, id = `event-${++count}`) => ({
    ...{ version: '0', id, source: 'aws.acm', 'detail-type': 'ACM Certificate Approaching Expiration' },
    ...{ account: '000000000000', region: 'us-east-1', time: new Date().toISOString(), resources: [arn] },
    detail: { DaysToExpiry: 30, CommonName: 'shop' },
  });
  const keep = (SecretId: string, bundle: Bundle) =>
    secrets.send(new PutSecretValueCommand({ SecretId, SecretString: JSON.stringify(bundle) }));
  const putSecret = async (name: string, [first, ...later]: readonly Bundle[]) => {
    const { ARN = '' } = await secrets.send(
      new CreateSecretCommand({ Name: name, SecretString: JSON.stringify(first) }),
    );
    for (const bundle of later) await keep(ARN, bundle);
    return ARN;
  };
  return {
    ...{ route53, acm, zoneId, journal: store, events, authority, config },
    issued(method, daysLeft, without) {
      const name = `site${++count}`;
      const arn = acm.issue({ domains: [`${name}.${ZONE}`, `*.${name}.${ZONE}`], daysLeft, method });
      const records = new Map(acm.recordsOf(arn).map((record) => [record.name, record.value]));
      if (!without)
        dns.setRecords(zoneId, [
          ...dns.recordsOf(zoneId),
          ...[...records].map(([of, value]) => ({ name: of, type: 'CNAME', ttlSeconds: 300, values: [value] })),
        ]);
      return { name, arn, target: {} };
    },
    requested(method) {
      const name = `site${++count}`;
      const arn = acm.issue({ domains: [`${name}.${ZONE}`], daysLeft: 0, method, isRequested: true });
      return { name, arn, target: {} };
    },
    async imported(daysLeft, { next: given, unkept } = {}) {
      const name = `imported${++count}`;
      const domains = [`${name}.${ZONE}`];
      const present = await issueBundle(authority, { domains, days: daysLeft });
      const next = given ?? (await issueBundle(authority, { domains, days: 90 }));
      const versions = unkept ? [next] : [present, next];
      const secretArn = await putSecret(name, versions);
      const arn = acm.import(present.certificate, present.privateKey, present.chain);
      return { name, arn, target: { importFrom: { secretArn } }, present, next };
    },
    store: ({ target }, bundle) => keep(target.importFrom?.secretArn ?? '', bundle),
    event: eventOf,
    alarmArn,
    alarm: (of, value) =>
      alarmEvent({
        ...{ id: `event-${++count}`, region: 'us-east-1', resources: [alarmArn(of)] },
        detail: {
          alarmName: `${of.name}-certificate`,
          state: { value, reason: 'Threshold Crossed', timestamp: new Date().toISOString() },
          configuration: { metrics: [{ id: 'm1', metricStat: { metric: daysToExpiry(of) } }] },
          alarmTags: { 'nightshift:runbook': NAME },
        },
      }),
    deliver: (of, event = eventOf(of), { limits: more, now = Date.now } = {}) =>
      handle(event, {
        ...{ remediation, store, config: config(of, more), now, requestId: `request-${++count}` },
        ...{ remaining: () => 60_000, random: Math.random },
      }),
    fault: (service, operation, kind, times) =>
      gateway.faults.add({
        ...{ name: `${operation} ${kind}`, match: { service, operation }, kind },
        ...(times !== undefined && { times }),
        ...(kind.startsWith('timeout') && { delayMs: 20 }),
      }),
    calm: () => {
      for (const { name } of gateway.faults.list()) gateway.faults.remove(name);
    },
    async callsDuring(work) {
      const { next } = gateway.callsSince(Number.MAX_SAFE_INTEGER);
      const result = await work();
      const calls = gateway.callsSince(next).calls.filter(({ service }) => service === 'route53' || service === 'acm');
      const changing = calls.filter((call) => call.changing).map(({ operation }) => operation);
      return { result, changing, calls: calls.length };
    },
    async incident(outcome) {
      const found = 'incidentId' in outcome ? await readIncident(store, outcome.incidentId) : undefined;
      if (!found) throw new Error(`${outcome.kind}: no incident`);
      return found;
    },
    async close() {
      secrets.destroy();
      dynamodb.destroy();
      await route53.close();
    },
  };
}
