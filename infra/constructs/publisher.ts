/** The publisher: follows the journal's stream and tells people what was written (design section 3, Journal). */
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { EntryKind } from '../../events/journal.ts';
import { followKey, NEWS } from '../../functions/engine/following.ts';
import { entryKey } from '../../functions/engine/items.ts';
import type { IncidentFunctionManifest } from '../../functions/incidents/manifest.ts';
import { followMachineArn } from './follow-through.ts';
import { followJournal } from './journal-stream.ts';
import { type Deployment, NightshiftFunction } from './nightshift-function.ts';

export interface PublisherProps {
  readonly deployment: Deployment;
  readonly manifest: IncidentFunctionManifest;
  readonly streamArn: string;
  /** Topics of levels of people, by level. */
  readonly levels: ReadonlyMap<string, ITopic>;
  /** Looks at the target of an incident before people are called; they are called without it, too. */
  readonly diagnose: NightshiftFunction | undefined;
}

/** What calls people, and what is news to a follow-through. */
const FOLLOWED: readonly EntryKind[] = ['called', ...NEWS];

export class Publisher extends NightshiftFunction {
  constructor(scope: Construct, { deployment, manifest, streamArn, levels, diagnose }: PublisherProps) {
    const machineArn = followMachineArn(scope, deployment.config.name);
    super(scope, manifest.name, {
      deployment,
      manifest,
      environment: {
        NIGHTSHIFT_PAGE_TOPIC_ARN: deployment.pageTopic.topicArn,
        NIGHTSHIFT_LEVEL_TOPIC_ARNS: Stack.of(scope).toJsonString(
          Object.fromEntries([...levels].map(([level, { topicArn }]) => [level, topicArn])),
        ),
        NIGHTSHIFT_FOLLOW_MACHINE_ARN: machineArn,
        ...(diagnose && { NIGHTSHIFT_DIAGNOSE_FUNCTION: diagnose.function.functionName }),
      },
      journal: { actions: ['GetItem', 'PutItem', 'Query'], writes: [entryKey('*', '').pk, followKey('*').pk] },
    });
    const topics = [deployment.pageTopic, ...levels.values()];
    this.allow(['sns:Publish'], [...new Set(topics.map(({ topicArn }) => topicArn))]);
    if (diagnose) this.allow(['lambda:InvokeFunction'], [diagnose.function.functionArn]);
    this.allow(['states:SendTaskSuccess', 'states:StartExecution'], [machineArn]);
    // SNS encrypts on behalf of whoever publishes ("Key management", Amazon SNS Developer Guide).
    const key = deployment.config.pageTopicKeyArn;
    if (key) this.allow(['kms:Decrypt', 'kms:GenerateDataKey'], [key]);
    followJournal(this, { deployment, name: manifest.name, streamArn, kinds: FOLLOWED, canary: true });
  }
}
