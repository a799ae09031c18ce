/** What RDS says it did to an instance (DescribeEvents, Amazon RDS API Reference). It keeps events for 14 days, on a best effort. */
import { DescribeEventsCommand, RDSClient } from '@aws-sdk/client-rds';
import { clientDefaults } from '../engine/clients.ts';
import type { DatabaseConfig } from '../engine/config.ts';
import { classifyAwsError } from '../engine/errors.ts';
import type { PastEvent } from './happened.ts';

const rds = new RDSClient(clientDefaults());
/** The most that one reply can hold. */
const MOST = 100;

/**
 * Events of the last `minutes`, oldest first. More than 100 in that time are more than this reads; no instance has so many of these categories.
 * @param categories such as `failover`, `availability`; all when left out.
 * @param of `db-cluster`: `name` is a DB cluster's identifier.
 * @throws PermissionError, RetryableError or ActionFailedError.
 */
export async function readEvents(
  { name }: Pick<DatabaseConfig, 'name'>,
  minutes: number,
  categories?: readonly string[],
  of: 'db-instance' | 'db-cluster' = 'db-instance',
): Promise<PastEvent[]> {
  try {
    const { Events = [] } = await rds.send(
      new DescribeEventsCommand({
        SourceIdentifier: name,
        SourceType: of,
        Duration: minutes,
        ...(categories && { EventCategories: [...categories] }),
        MaxRecords: MOST,
      }),
    );
    return Events.flatMap(({ Date: at, Message }) =>
      at && Message ? [{ at: at.toISOString(), message: Message }] : [],
    ).sort((a, b) => (a.at < b.at ? -1 : 1));
  } catch (error) {
    throw classifyAwsError(`read the events of ${of} ${name}`, error);
  }
}
