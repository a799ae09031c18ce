/** The journal: what Nightshift knows, decided and did. One table a region, never a global table (design section 5, Failover). */
import { AttributeType, BillingMode, ProjectionType, StreamViewType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { RemovalPolicy } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { approvalKey } from '../../functions/engine/approval.ts';
import { FLEET, REMOVALS } from '../../functions/engine/budget.ts';
import { actionKey, alarmKey, entryKey, eventKey, slotKey, stormKey, targetKey } from '../../functions/engine/items.ts';
import type { RemediationManifest } from '../../functions/engine/manifest.ts';

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
  /** Partition keys of the items it may put, update and delete, with `*` for any text; without, it may write every item. */
  readonly writes?: readonly string[];
}

/**
 * The engine's own: every remediation observes, commits and settles through the same code. What it may write is fenced to its own events, slots
 * and kind of target; it can't touch the switch, another remediation's events or budget, or what the reconciler keeps. Shared by all, because
 * their keys don't name a remediation: incidents, actions, alarms and work (docs/decisions/0072).
 */
export const engineAccess = ({
  name,
  targetKind,
  permissions,
  changesNothing = false,
}: Pick<RemediationManifest, 'name' | 'targetKind' | 'permissions' | 'changesNothing'>): JournalAccess => ({
  actions: [
    ...(['BatchGetItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem'] as const),
    // The commit's, of the switch. What only calls a person commits nothing; the canary does, although it changes nothing.
    ...(permissions.length > 0 || changesNothing ? (['ConditionCheckItem'] as const) : []),
  ],
  indexes: ['incidents'],
  writes: [
    eventKey(name, '*').pk,
    slotKey(name, 0).pk,
    slotKey(FLEET, 0).pk,
    slotKey(REMOVALS, 0).pk,
    targetKey(`${targetKind}/*`).pk,
    alarmKey('*').pk,
    actionKey('*').pk,
    approvalKey('*').pk,
    'WORK#*',
    entryKey('*', '').pk,
    stormKey.pk,
  ],
});

const WRITES: readonly JournalAction[] = ['PutItem', 'UpdateItem', 'DeleteItem'];
const LEADING_KEYS = 'dynamodb:LeadingKeys';

/**
 * "Using IAM policy conditions for fine-grained access control", Amazon DynamoDB Developer Guide: `dynamodb:LeadingKeys` is compared with `ForAllValues`. That
 * alone also holds for a request without the key ("Single-valued vs. multivalued context keys", IAM User Guide), so `Null` asks for it.
 */
const fence = (writes: readonly string[]) => ({
  'ForAllValues:StringLike': { [LEADING_KEYS]: [...writes] },
  Null: { [LEADING_KEYS]: 'false' },
});

export function journalStatements(table: Table, { actions, indexes = [], writes }: JournalAccess): PolicyStatement[] {
  const on = (resources: string[], of: readonly JournalAction[], conditions?: ReturnType<typeof fence>) =>
    of.length === 0
      ? []
      : [
          new PolicyStatement({
            actions: of.map((action) => `dynamodb:${action}`),
            resources,
            ...(conditions && { conditions }),
          }),
        ];
  const fenced = writes ? actions.filter((action) => WRITES.includes(action)) : [];
  return [
    ...on(
      [table.tableArn],
      actions.filter((action) => !fenced.includes(action)),
    ),
    ...on([table.tableArn], fenced, fence(writes ?? [])),
    ...on(
      indexes.map((index) => `${table.tableArn}/index/${index}`),
      indexes.length > 0 ? ['Query'] : [],
    ),
  ];
}
