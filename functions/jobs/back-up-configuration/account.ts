/** Looks through the account for what no backup covers: services, databases, certificates and hosted zones of the deployment's region. */
import { ACMClient, ListCertificatesCommand } from '@aws-sdk/client-acm';
import { ClusterNotFoundException, ECSClient, ListClustersCommand, ListServicesCommand } from '@aws-sdk/client-ecs';
import { DescribeDBInstancesCommand, RDSClient } from '@aws-sdk/client-rds';
import { ListHostedZonesCommand, Route53Client } from '@aws-sdk/client-route-53';
import type { Side } from '../../configuration/diff.ts';
import { type ConfigItem, inOrder, type Unread } from '../../configuration/item.ts';
import { attempt, PacedReading } from '../../configuration/paced.ts';
import { clientDefaults } from '../../engine/clients.ts';
import type { RuntimeConfig } from '../../engine/config.ts';
import { ActionFailedError } from '../../engine/errors.ts';
import type { Pacer } from '../../engine/pacer.ts';
import { uncoveredCertificates, uncoveredDatabases, uncoveredServices, uncoveredZones } from './uncovered.ts';

const ecs = new ECSClient(clientDefaults());
const rds = new RDSClient(clientDefaults());
const acm = new ACMClient(clientDefaults());
const route53 = new Route53Client(clientDefaults());

/** Of a file of the backup, as the parts of the configuration have theirs. */
export const ACCOUNT = 'account';

/** A turn has 120 s: beyond that an account with many clusters would never have a backup. */
const LOOKS_FOR_MS = 50_000;

/** @throws EngineError (retryable) for what may pass; what is refused is in `unread`. */
export async function readAccount(
  pacer: Pick<Pacer, 'take'>,
  config: RuntimeConfig,
  now: () => number = Date.now,
): Promise<Side> {
  const lookUntil = now() + LOOKS_FOR_MS;
  const inTime = () => now() < lookUntil;
  const reading = new PacedReading(pacer);
  const unread: Unread[] = [];
  const kinds: readonly (readonly [string, () => Promise<ConfigItem[]>])[] = [
    ['service', async () => uncoveredServices(await services(reading, inTime), config)],
    ['database', async () => uncoveredDatabases(await databases(reading), config)],
    ['certificate', async () => uncoveredCertificates(await certificates(reading), config)],
    ['zone', async () => uncoveredZones(await zones(reading), config)],
  ];
  const items: ConfigItem[] = [];
  for (const [kind, read] of kinds) items.push(...((await attempt(unread, 'uncovered', `${kind}/`, read)) ?? []));
  return { items: inOrder(items), unread };
}

/** @returns `cluster/service`, as ends of ARNs ("ListServices": at most a hundred a page). */
async function services(reading: PacedReading, inTime: () => boolean): Promise<string[]> {
  const clusters = await reading.pages<string>('list the clusters', async (nextToken) => {
    const reply = await ecs.send(new ListClustersCommand({ maxResults: 100, nextToken }));
    return { items: reply.clusterArns ?? [], next: reply.nextToken };
  });
  const found: string[] = [];
  for (const cluster of clusters) {
    if (!inTime())
      throw new ActionFailedError(`list the services: ${clusters.length} clusters are more than a turn has time for`);
    const arns = await reading.pages<string>(`list the services of ${cluster}`, async (nextToken) => {
      try {
        const reply = await ecs.send(new ListServicesCommand({ cluster, maxResults: 100, nextToken }));
        return { items: reply.serviceArns ?? [], next: reply.nextToken };
      } catch (error) {
        // Deleted since it was listed.
        if (error instanceof ClusterNotFoundException) return { items: [], next: undefined };
        throw error;
      }
    });
    // The older form of an ARN lacks the cluster ("Amazon Resource Names (ARNs) and IDs", Amazon ECS Developer Guide).
    found.push(...arns.map((arn) => `${lastOf(cluster)}/${lastOf(arn)}`));
  }
  return found;
}

const lastOf = (arn: string): string => arn.slice(arn.lastIndexOf('/') + 1);

const databases = (reading: PacedReading) =>
  reading.pages('list the database instances', async (Marker: string | undefined) => {
    const reply = await rds.send(new DescribeDBInstancesCommand({ MaxRecords: 100, Marker }));
    return { items: reply.DBInstances ?? [], next: reply.Marker };
  });

/** "ListCertificates": without `keyTypes` it tells RSA_1024 and RSA_2048 only. */
const KEY_TYPES = [
  ...(['RSA_1024', 'RSA_2048', 'RSA_3072', 'RSA_4096'] as const),
  ...(['EC_prime256v1', 'EC_secp384r1', 'EC_secp521r1'] as const),
];

const certificates = (reading: PacedReading): Promise<string[]> =>
  reading.pages<string>('list the certificates', async (NextToken) => {
    const command = new ListCertificatesCommand({ Includes: { keyTypes: KEY_TYPES }, MaxItems: 100, NextToken });
    const reply = await acm.send(command);
    const arns = (reply.CertificateSummaryList ?? []).flatMap(({ CertificateArn }) => CertificateArn ?? []);
    return { items: arns, next: reply.NextToken };
  });

const zones = (reading: PacedReading) =>
  reading.pages('list the hosted zones', async (Marker: string | undefined) => {
    const reply = await route53.send(new ListHostedZonesCommand({ MaxItems: 100, Marker }));
    const items = (reply.HostedZones ?? []).map(({ Id = '', Name = '' }) => ({ id: lastOf(Id), name: Name }));
    return { items, next: reply.NextMarker };
  });
