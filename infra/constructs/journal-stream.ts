/** Following the journal's stream with a function (design section 3, Journal). */
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { CfnEventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { CfnElement, Stack, Validations } from 'aws-cdk-lib/core';
import type { EntryKind } from '../../events/journal.ts';
import { CANARY_ENTRY } from '../../functions/engine/items.ts';
import { pagingAlarm } from './alarm-action.ts';
import { type Deployment, functionNameOf, type NightshiftFunction } from './nightshift-function.ts';

/** How old the oldest entry may be that a person hasn't been told of, for five minutes. */
const LATE_MS = 60_000;

export interface FollowProps {
  readonly deployment: Deployment;
  /** Name of the function in its manifest. */
  readonly name: string;
  readonly streamArn: string;
  /** Kinds of entries that start the function; all when left out. */
  readonly kinds?: readonly EntryKind[];
  /** Also the canary's last entries, which nobody else sees. */
  readonly canary?: boolean;
}

/**
 * Starts the function for new timeline entries, in their order. A stream has two readers at most ("Change data capture for DynamoDB Streams", Amazon
 * DynamoDB Developer Guide): the publisher and the announcer.
 */
export function followJournal(
  unit: NightshiftFunction,
  { deployment, name, streamArn, kinds, canary }: FollowProps,
): void {
  readStream(unit, deployment.table, streamArn);
  watchAge(unit, functionNameOf(deployment.config.name, name), deployment);
  const mapping = new CfnEventSourceMapping(unit, 'Stream', {
    functionName: unit.function.functionName,
    eventSourceArn: streamArn,
    startingPosition: 'TRIM_HORIZON',
    batchSize: 100,
    // Timeline entries only: the many items that leases and budgets write never start it.
    filterCriteria: {
      filters: [inserted('ENTRY#', kinds), ...(canary ? [inserted(CANARY_ENTRY, ['resolved'])] : [])],
    },
    functionResponseTypes: ['ReportBatchItemFailures'],
    bisectBatchOnFunctionError: true,
    maximumRetryAttempts: 10,
    // Four hours late, a page tells nothing any more that the reconciler hasn't told.
    maximumRecordAgeInSeconds: 14_400,
    destinationConfig: { onFailure: { destination: unit.failures.queueArn } },
  });
  // Lambda checks when the mapping is made that the role may read the stream.
  mapping.node.addDependency(unit.role);
}

/** "Control which events Lambda sends to your function": new items of that kind only. */
const inserted = (prefix: string, kinds: readonly EntryKind[] | undefined) => ({
  pattern: JSON.stringify({
    eventName: ['INSERT'],
    dynamodb: { Keys: { sk: { S: [{ prefix }] } }, ...(kinds && { NewImage: { kind: { S: kinds } } }) },
  }),
});

/**
 * Entries that wait are people who aren't told: the age of the oldest one is watched ("Types of metrics for Lambda functions", IteratorAge).
 * A mapping that was switched off starts no function and has no age; the backstop alarms still page then.
 */
function watchAge(unit: NightshiftFunction, functionName: string, { config, pageTopic }: Deployment): void {
  pagingAlarm(unit, 'AgeAlarm', {
    alarmName: `${functionName}-late`,
    alarmDescription: `P1. Nightshift ${config.name} is late in telling people: entries of its journal wait for ${functionName}.`,
    namespace: 'AWS/Lambda',
    metricName: 'IteratorAge',
    dimensions: [{ name: 'FunctionName', value: unit.function.functionName }],
    statistic: 'Maximum',
    period: 60,
    evaluationPeriods: 5,
    threshold: LATE_MS,
    comparisonOperator: 'GreaterThanThreshold',
    treatMissingData: 'notBreaching',
    pageTopic,
  });
}

/** As AWS grants it itself ("AWS SAM policy templates", DynamoDBStreamReadPolicy): listing names the table's streams, not one of them. */
function readStream(unit: NightshiftFunction, table: Table, streamArn: string): void {
  unit.allow(['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'], [streamArn]);
  unit.allow(['dynamodb:ListStreams'], [`${table.tableArn}/stream/*`]);
  const journal = table.node.defaultChild;
  if (!CfnElement.isCfnElement(journal)) throw new Error(`${table.node.path}: the table has no CfnTable`);
  Validations.of(unit.role).acknowledge({
    id: `AwsSolutions-IAM5[Resource::<${Stack.of(unit).getLogicalId(journal)}.Arn>/stream/*]`,
    reason: 'ListStreams is granted on the streams of a table, whose names hold the time they were made.',
  });
}
