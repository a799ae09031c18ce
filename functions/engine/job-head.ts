/** The latest news of each scheduled job: what the reconciler and the command line read without knowing any job. */
import type { Severity } from '../../events/journal.ts';
import type { Key } from './items.ts';
import type { Store } from './store.ts';

/** All heads in one partition: they are few, and are listed together. */
const JOBS_PARTITION = 'JOBS';

export interface JobName {
  readonly job: string;
  /** A database's name, or `all`. */
  readonly subject: string;
}

export const headKey = ({ job, subject }: JobName): Key => ({ pk: JOBS_PARTITION, sk: `${job}#${subject}` });

/** The incident's target: what people and routing see. */
export const jobTarget = ({ job, subject }: JobName): string => `job/${job}/${subject}`;

export interface HeadItem extends JobName {
  /** Grows with every write; each write names the one that it read. */
  readonly version: number;
  /** When it is overdue, unless a run passes before (epoch milliseconds). */
  readonly overdueAt: number;
  /** When the last run that ended was due (ISO 8601). */
  readonly lastRunAt?: string;
  readonly lastKind?: 'passed' | 'failed';
  /** When a run last passed (epoch milliseconds). */
  readonly lastPassedAt?: number;
  readonly lastSummary?: string;
  /** Opened by a failed or missing run, closed by the next one that passes. */
  readonly openIncidentId?: string;
}

/** What the deployment expects to run; given to the reconciler. */
export interface ExpectedJob extends JobName {
  readonly overdueAfterSeconds: number;
  readonly severity: Severity;
}

export const newHead = ({ job, subject }: JobName, overdueAt: number): HeadItem => ({
  job,
  subject,
  version: 0,
  overdueAt,
});

/** The heads of all jobs. @throws EngineError when the journal can't be read. */
export async function readHeads(store: Store): Promise<HeadItem[]> {
  const items = await store.query({
    KeyConditionExpression: 'pk = :pk',
    ExpressionAttributeValues: { ':pk': { S: JOBS_PARTITION } },
    ConsistentRead: true,
  });
  return items as unknown as HeadItem[];
}
