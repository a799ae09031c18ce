/** One DB instance as RDS describes it (data type DBInstance, Amazon RDS API Reference). */
import { type DBInstance, DBInstanceNotFoundFault, DescribeDBInstancesCommand, RDSClient } from '@aws-sdk/client-rds';
import { clientDefaults } from '../engine/clients.ts';
import { classifyAwsError } from '../engine/errors.ts';

const reading = new RDSClient(clientDefaults());

/** Undefined when there is none of that name. @throws PermissionError, RetryableError or ActionFailedError. */
export async function describeInstance(id: string): Promise<DBInstance | undefined> {
  try {
    return (await reading.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: id }))).DBInstances?.[0];
  } catch (error) {
    if (error instanceof DBInstanceNotFoundFault) return undefined;
    throw classifyAwsError(`describe the database ${id}`, error);
  }
}
