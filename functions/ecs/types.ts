/** What is seen of ECS, in plain data: what the decisions of remediations are made of. */

export interface Missing {
  readonly kind: 'missing';
  readonly why: string;
}

export interface Deployment {
  /** `ecs-svc/...`: also what its tasks were started by. */
  readonly id: string;
  readonly primary: boolean;
  /** ARN. */
  readonly taskDefinition: string;
  readonly rolloutState: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
  readonly reason: string;
  /** Tasks that didn't get as far as running, or failed their health checks, one after another. */
  readonly failedTasks: number;
  readonly running: number;
  readonly createdAtMs: number;
}

export interface RunningService {
  readonly kind: 'service';
  readonly arn: string;
  readonly desired: number;
  readonly running: number;
  readonly pending: number;
  readonly controller: 'ECS' | 'CODE_DEPLOY' | 'EXTERNAL';
  readonly minimumHealthyPercent: number;
  readonly maximumPercent: number;
  /** The deployment circuit breaker is on and rolls back. */
  readonly rollsBackByItself: boolean;
  /** New tasks of it run on Fargate and nowhere else. */
  readonly fargate: boolean;
  readonly deployments: readonly Deployment[];
  readonly tags: Readonly<Record<string, string>>;
}

export interface ServiceWithEvents extends RunningService {
  readonly events: readonly { readonly atMs: number; readonly message: string }[];
}

/** A service deployment and what it rolled out: ECS keeps them for 90 days ("View service history using Amazon ECS service deployments"). */
export interface PastDeployment {
  /** API page "ServiceDeploymentBrief": `SUCCESSFUL` means that the service was steady with it. */
  readonly status: string;
  readonly createdAtMs: number;
  readonly finishedAtMs?: number;
  /** ARN; absent when ECS doesn't know the revision any more. */
  readonly taskDefinition?: string;
  /** As the task definition names them. */
  readonly images: readonly string[];
  /** `sha256:...` of each image, as it was resolved. */
  readonly digests: readonly string[];
}

/** The stack that made a service (tag `aws:cloudformation:stack-name`, "CloudFormation resource tags"): its template doesn't know of our change. */
export const stackOf = ({ tags }: RunningService): string | undefined => tags['aws:cloudformation:stack-name'];

export const primaryOf = ({ deployments }: RunningService): Deployment | undefined =>
  deployments.find(({ primary }) => primary);

/** `backend:7` of a task definition's ARN. */
export const shortName = (taskDefinition: string): string => taskDefinition.split('/').at(-1) ?? taskDefinition;
