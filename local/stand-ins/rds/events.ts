/**
 * What RDS tells about an instance, to EventBridge and to DescribeEvents. Identifiers, categories and messages follow "Amazon RDS event categories
 * and event messages"; the event's shape follows "Monitoring Amazon RDS events" (detail-type "RDS DB Instance Event", source type DB_INSTANCE).
 */
import type { EventSink } from '../../world/types.ts';

const INSTANCE_EVENTS = {
  'RDS-EVENT-0003': ['deletion', 'DB instance deleted.'],
  'RDS-EVENT-0004': ['availability', 'DB instance shutdown.'],
  'RDS-EVENT-0005': ['creation', 'DB instance created.'],
  'RDS-EVENT-0006': ['availability', 'DB instance restarted.'],
  'RDS-EVENT-0013': ['failover', 'Multi-AZ instance failover started.'],
  'RDS-EVENT-0012': ['configuration change', 'Applying modification to database instance class.'],
  'RDS-EVENT-0014': ['configuration change', 'Finished applying modification to DB instance class.'],
  'RDS-EVENT-0016': ['configuration change', 'Reset master credentials.'],
  'RDS-EVENT-0017': ['configuration change', 'Finished applying modification to allocated storage.'],
  'RDS-EVENT-0018': ['configuration change', 'Applying modification to allocated storage.'],
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
  'RDS-EVENT-0049': ['failover', 'Multi-AZ instance failover completed.'],
  'RDS-EVENT-0087': ['notification', 'DB instance stopped.'],
  'RDS-EVENT-0088': ['notification', 'DB instance started.'],
} as const satisfies Record<string, readonly [category: string, message: string]>;

export type InstanceEventId = keyof typeof INSTANCE_EVENTS;

/** As DescribeEvents tells it. */
export interface PastEvent {
  readonly region: string;
  readonly sourceIdentifier: string;
  readonly sourceArn: string;
  readonly message: string;
  readonly category: string;
  readonly at: Date;
}

/** Writes an event down and publishes it; resolves when the bus accepted it. */
export async function tell(
  sink: EventSink,
  past: PastEvent[],
  instance: { region: string; id: string; arn: string; tags: ReadonlyMap<string, string> },
  eventId: InstanceEventId,
): Promise<void> {
  const [category, message] = INSTANCE_EVENTS[eventId];
  const at = new Date();
  const { region, id, arn } = instance;
  past.push({ region, sourceIdentifier: id, sourceArn: arn, message, category, at });
  await sink.publish({
    source: 'aws.rds',
    detailType: 'RDS DB Instance Event',
    resources: [arn],
    region,
    time: at,
    detail: {
      EventCategories: [category],
      SourceType: 'DB_INSTANCE',
      SourceArn: arn,
      Date: at.toISOString(),
      Message: message,
      SourceIdentifier: id,
      EventID: eventId,
      Tags: Object.fromEntries(instance.tags),
    },
  });
}
