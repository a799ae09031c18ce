/** The publisher: follows the journal's stream and tells people what was written (design section 3, Journal). */
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { CfnEventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { CfnElement, Stack, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { IncidentFunctionManifest } from '../../functions/incidents/manifest.ts';
import { type Deployment, NightshiftFunction } from './nightshift-function.ts';

export interface PublisherProps {
  readonly deployment: Deployment;
  readonly manifest: IncidentFunctionManifest;
  readonly streamArn: string;
}

export class Publisher extends NightshiftFunction {
  constructor(scope: Construct, { deployment, manifest, streamArn }: PublisherProps) {
    super(scope, manifest.name, {
      deployment,
      manifest,
      environment: { NIGHTSHIFT_PAGE_TOPIC_ARN: deployment.pageTopic.topicArn },
      journal: { actions: ['GetItem', 'PutItem', 'Query'] },
    });
    this.allow(['sns:Publish'], [deployment.pageTopic.topicArn]);
    // SNS encrypts on behalf of whoever publishes ("Key management", Amazon SNS Developer Guide).
    const key = deployment.config.pageTopicKeyArn;
    if (key) this.allow(['kms:Decrypt', 'kms:GenerateDataKey'], [key]);
    this.#readStream(deployment.table, streamArn);
    const mapping = new CfnEventSourceMapping(this, 'Stream', {
      functionName: this.function.functionName,
      eventSourceArn: streamArn,
      startingPosition: 'TRIM_HORIZON',
      batchSize: 100,
      // Timeline entries only: the many items that leases and budgets write never start it.
      filterCriteria: {
        filters: [
          {
            pattern: JSON.stringify({
              eventName: ['INSERT'],
              dynamodb: { Keys: { sk: { S: [{ prefix: 'ENTRY#' }] } } },
            }),
          },
        ],
      },
      functionResponseTypes: ['ReportBatchItemFailures'],
      bisectBatchOnFunctionError: true,
      maximumRetryAttempts: 10,
      // Four hours late, a page tells nothing any more that the reconciler hasn't told.
      maximumRecordAgeInSeconds: 14_400,
      destinationConfig: { onFailure: { destination: this.failures.queueArn } },
    });
    // Lambda checks when the mapping is made that the role may read the stream.
    mapping.node.addDependency(this.role);
  }

  /** As AWS grants it itself ("AWS SAM policy templates", DynamoDBStreamReadPolicy): listing names the table's streams, not one of them. */
  #readStream(table: Table, streamArn: string): void {
    this.allow(['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'], [streamArn]);
    this.allow(['dynamodb:ListStreams'], [`${table.tableArn}/stream/*`]);
    const journal = table.node.defaultChild;
    if (!CfnElement.isCfnElement(journal)) throw new Error(`${table.node.path}: the table has no CfnTable`);
    Validations.of(this.role).acknowledge({
      id: `AwsSolutions-IAM5[Resource::<${Stack.of(this).getLogicalId(journal)}.Arn>/stream/*]`,
      reason: 'ListStreams is granted on the streams of a table, whose names hold the time they were made.',
    });
  }
}
