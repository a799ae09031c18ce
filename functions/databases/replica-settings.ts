/** What a read replica is asked to be like. Pure. */
import type { Settings } from './instance.ts';

/**
 * "CreateDBInstanceReadReplica", Amazon RDS API Reference: unless asked for, a replica is in the VPC's default security group, has no IAM database
 * authentication, and storage of RDS's choice. Enhanced Monitoring isn't copied: it would need `iam:PassRole`.
 */
export function asItsSource({
  securityGroups,
  isPublic,
  hasIamLogins,
  storageType,
  iops,
  throughputMibPerSecond,
}: Settings) {
  return {
    ...(securityGroups.length > 0 && { VpcSecurityGroupIds: [...securityGroups] }),
    PubliclyAccessible: isPublic,
    EnableIAMDatabaseAuthentication: hasIamLogins,
    ...(storageType && { StorageType: storageType }),
    ...(iops !== undefined && { Iops: iops }),
    ...(throughputMibPerSecond !== undefined && { StorageThroughput: throughputMibPerSecond }),
  };
}
