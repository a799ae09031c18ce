/** The journal: what Nightshift knows, decided and did. One table a region, never a global table (design section 5, Failover). */
import { AttributeType, BillingMode, ProjectionType, StreamViewType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
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

/** What a function does with the journal's items. A transaction needs the permissions of what is in it ("Using IAM with DynamoDB transactions"). */
export type JournalAction =
  | 'BatchGetItem'
  | 'ConditionCheckItem'
  | 'DeleteItem'
  | 'GetItem'
  | 'PutItem'
  | 'Query'
  | 'UpdateItem';

/** A function's part of the journal; whoever queries an index needs `Query` on the table, too (its resource types, Service Authorization Reference). */
export interface JournalAccess {
  readonly actions: readonly JournalAction[];
  readonly indexes?: readonly (typeof JOURNAL_INDEXES)[number][];
}

/** The engine's own: every remediation observes, commits and settles through the same code. */
export const ENGINE_ACCESS: JournalAccess = {
  actions: ['BatchGetItem', 'ConditionCheckItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem'],
  indexes: ['incidents'],
};

export function journalStatements(table: Table, { actions, indexes = [] }: JournalAccess): PolicyStatement[] {
  const onItems = new PolicyStatement({
    actions: actions.map((action) => `dynamodb:${action}`),
    resources: [table.tableArn],
  });
  if (indexes.length === 0) return [onItems];
  const resources = indexes.map((index) => `${table.tableArn}/index/${index}`);
  return [onItems, new PolicyStatement({ actions: ['dynamodb:Query'], resources })];
}
