/** One DB instance as RDS describes it (data type DBInstance, Amazon RDS API Reference). */
import { type DBInstance, DBInstanceNotFoundFault, DescribeDBInstancesCommand } from '@aws-sdk/client-rds';
import { classifyAwsError } from '../engine/errors.ts';
import { readingRds } from './rds-clients.ts';

/** Undefined when there is none of that name. @param region undefined: the function's own. @throws PermissionError, RetryableError or ActionFailedError. */
export async function describeInstance(id: string, region?: string): Promise<DBInstance | undefined> {
  try {
    return (await readingRds(region).send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: id })))
      .DBInstances?.[0];
  } catch (error) {
    if (error instanceof DBInstanceNotFoundFault) return undefined;
    throw classifyAwsError(`describe the database ${id}`, error);
  }
}
