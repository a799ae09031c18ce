/** The journal: what Nightshift knows, decided and did. One table a region, never a global table (design section 5, Failover). */
import { AttributeType, BillingMode, ProjectionType, StreamViewType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { RemovalPolicy } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

/** Queried by the reconciler for what is due, and by people for incidents. */
export const JOURNAL_INDEXES = ['due', 'incidents'] as const;

/**
 * The table `nightshift-<deployment>-journal`. Deleting the stack leaves it: a record of what was changed must outlive the changer.
 * TTL follows `expiresAt` (epoch seconds); nothing relies on when it deletes.
 */
export function journalTable(scope: Construct, deployment: string): Table {
  const text = (name: string) => ({ name, type: AttributeType.STRING });
  const table = new Table(scope, 'Journal', {
    tableName: `nightshift-${deployment}-journal`,
    partitionKey: text('pk'),
    sortKey: text('sk'),
    billingMode: BillingMode.PAY_PER_REQUEST,
    stream: StreamViewType.NEW_IMAGE,
    timeToLiveAttribute: 'expiresAt',
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  for (const indexName of JOURNAL_INDEXES)
    table.addGlobalSecondaryIndex({
      indexName,
      ...indexKeys[indexName],
      projectionType: ProjectionType.ALL,
    });
  return table;
}

const indexKeys = {
  due: {
    partitionKey: { name: 'duePk', type: AttributeType.STRING },
    /** Epoch milliseconds. */ sortKey: { name: 'dueAt', type: AttributeType.NUMBER },
  },
  incidents: {
    partitionKey: { name: 'incidentsPk', type: AttributeType.STRING },
    sortKey: { name: 'incidentsSk', type: AttributeType.STRING },
  },
};

/** What a function needs on the table's items; `Query` on an index needs the index's own ARN. */
export const TABLE_ACTIONS = [
  'dynamodb:BatchGetItem',
  'dynamodb:ConditionCheckItem',
  'dynamodb:DeleteItem',
  'dynamodb:GetItem',
  'dynamodb:PutItem',
  'dynamodb:Query',
  'dynamodb:UpdateItem',
];
