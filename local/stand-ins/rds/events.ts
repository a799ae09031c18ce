/**
 * What RDS tells about an instance, to EventBridge and to DescribeEvents. Identifiers, categories and messages follow "Amazon RDS event categories
 * and event messages"; the event's shape follows "Monitoring Amazon RDS events" (detail-type "RDS DB Instance Event", source type DB_INSTANCE).
 */
import type { EventSink } from '../../world/types.ts';

const INSTANCE_EVENTS = {
  'RDS-EVENT-0001': ['backup', 'Backing up DB instance'],
  'RDS-EVENT-0002': ['backup', 'Finished DB Instance backup'],
  'RDS-EVENT-0003': ['deletion', 'DB instance deleted.'],
  'RDS-EVENT-0004': ['availability', 'DB instance shutdown.'],
  'RDS-EVENT-0005': ['creation', 'DB instance created.'],
  'RDS-EVENT-0006': ['availability', 'DB instance restarted.'],
  'RDS-EVENT-0013': ['failover', 'Multi-AZ instance failover started.'],
  'RDS-EVENT-0012': ['configuration change', 'Applying modification to database instance class.'],
  'RDS-EVENT-0014': ['configuration change', 'Finished applying modification to DB instance class.'],
  'RDS-EVENT-0016': ['configuration change', 'Reset master credentials.'],
  'RDS-EVENT-0045': ['read replica', 'Replication for the Read Replica stopped.'],
  'RDS-EVENT-0017': ['configuration change', 'Finished applying modification to allocated storage.'],
  'RDS-EVENT-0018': ['configuration change', 'Applying modification to allocated storage.'],
  'RDS-EVENT-0019': ['restoration', 'Restored from DB instance'],
  'RDS-EVENT-0024': ['configuration change', 'Applying modification to convert to a Multi-AZ DB instance.'],
  'RDS-EVENT-0025': ['configuration change', 'Finished applying modification to convert to a Multi-AZ DB instance.'],
  'RDS-EVENT-0029': [
    'configuration change',
    'Finished applying modification to convert to a standard (Single-AZ) DB instance.',
  ],
  'RDS-EVENT-0030': ['configuration change', 'Applying modification to convert to a standard (Single-AZ) DB instance.'],
  'RDS-EVENT-0034': [
    'failover',
    'Abandoning user requested failover since a failover recently occurred on the database instance.',
  ],
  'RDS-EVENT-0043': ['restoration', 'Restored from snapshot'],
  'RDS-EVENT-0049': ['failover', 'Multi-AZ instance failover completed.'],
  'RDS-EVENT-0087': ['notification', 'DB instance stopped.'],
  'RDS-EVENT-0088': ['notification', 'DB instance started.'],
} as const satisfies Record<string, readonly [category: string, message: string]>;

/** The same page, DB snapshot events. */
const SNAPSHOT_EVENTS = {
  'RDS-EVENT-0040': ['creation', 'Creating manual snapshot'],
  'RDS-EVENT-0041': ['deletion', 'Deleted user snapshot'],
  'RDS-EVENT-0042': ['creation', 'Manual snapshot created'],
  'RDS-EVENT-0059': ['notification', 'Started copy of snapshot'],
  'RDS-EVENT-0060': ['notification', 'Finished copy of snapshot'],
} as const satisfies Record<string, readonly [category: string, message: string]>;

/** Of DB clusters; their messages end with the name of the instance that writes then. */
const CLUSTER_EVENTS = {
  'RDS-EVENT-0071': ['failover', 'Completed failover to DB instance: '],
  'RDS-EVENT-0073': ['failover', 'Started cross AZ failover to DB instance: '],
} as const satisfies Record<string, readonly [category: string, message: string]>;

export type ClusterEventId = keyof typeof CLUSTER_EVENTS;
export type InstanceEventId = keyof typeof INSTANCE_EVENTS;
export type SnapshotEventId = keyof typeof SNAPSHOT_EVENTS;

/** As DescribeEvents tells it. */
export interface PastEvent {
  readonly region: string;
  readonly sourceType: 'db-instance' | 'db-cluster' | 'db-snapshot';
  readonly sourceIdentifier: string;
  readonly sourceArn: string;
  readonly message: string;
  readonly category: string;
  readonly at: Date;
}

interface Subject {
  readonly region: string;
  readonly id: string;
  readonly arn: string;
  readonly tags: ReadonlyMap<string, string>;
}

/** Writes an event of an instance down and publishes it; resolves when the bus accepted it. `more` ends its message. */
export function tell(
  sink: EventSink,
  past: PastEvent[],
  instance: Subject,
  eventId: InstanceEventId,
  more = '',
): Promise<void> {
  const [category, message] = INSTANCE_EVENTS[eventId];
  const about = { ...KINDS.instance, eventId, category, message: `${message}${more}` };
  return publish(sink, past, instance, about);
}

/** The same for a DB cluster. @param writer the instance that writes then. */
export function tellOfCluster(
  sink: EventSink,
  past: PastEvent[],
  cluster: Subject,
  eventId: ClusterEventId,
  writer: string,
): Promise<void> {
  const [category, message] = CLUSTER_EVENTS[eventId];
  return publish(sink, past, cluster, { ...KINDS.cluster, eventId, category, message: `${message}${writer}` });
}

/** The same for a snapshot. */
export function tellOfSnapshot(
  sink: EventSink,
  past: PastEvent[],
  snapshot: Subject,
  eventId: SnapshotEventId,
): Promise<void> {
  const [category, message] = SNAPSHOT_EVENTS[eventId];
  return publish(sink, past, snapshot, { ...KINDS.snapshot, eventId, category, message });
}

/** "Monitoring Amazon RDS events", examples of DB instance and DB snapshot events. */
const KINDS = {
  instance: { sourceType: 'db-instance', detailType: 'RDS DB Instance Event', source: 'DB_INSTANCE' },
  cluster: { sourceType: 'db-cluster', detailType: 'RDS DB Cluster Event', source: 'CLUSTER' },
  snapshot: { sourceType: 'db-snapshot', detailType: 'RDS DB Snapshot Event', source: 'SNAPSHOT' },
} as const;

type Told = (typeof KINDS)[keyof typeof KINDS] & {
  readonly eventId: string;
  readonly category: string;
  readonly message: string;
};

async function publish(sink: EventSink, past: PastEvent[], subject: Subject, told: Told): Promise<void> {
  const at = new Date();
  const { region, id, arn } = subject;
  const { category, message, sourceType } = told;
  past.push({ region, sourceType, sourceIdentifier: id, sourceArn: arn, message, category, at });
  await sink.publish({
    source: 'aws.rds',
    detailType: told.detailType,
    resources: [arn],
    region,
    time: at,
    detail: {
      EventCategories: [category],
      SourceType: told.source,
      SourceArn: arn,
      Date: at.toISOString(),
      Message: message,
      SourceIdentifier: id,
      EventID: told.eventId,
      Tags: Object.fromEntries(subject.tags),
    },
  });
}
