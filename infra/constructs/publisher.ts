/** The publisher: follows the journal's stream and tells people what was written (design section 3, Journal). */
import type { Construct } from 'constructs';
import type { IncidentFunctionManifest } from '../../functions/incidents/manifest.ts';
import { followJournal } from './journal-stream.ts';
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
    followJournal(this, { deployment, name: manifest.name, streamArn, kinds: ['escalated'], canary: true });
  }
}
