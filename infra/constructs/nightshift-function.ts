/** A Lambda function as every part of Nightshift has it: its own role with exactly what it needs, its own log group, its own failure queue. */
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  CfnEventInvokeConfig,
  CfnFunction,
  Code,
  Function as LambdaFunction,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { Permission } from '../../functions/engine/manifest.ts';
import { METRICS_SETTING } from '../../functions/engine/metrics.ts';
import type { DeploymentConfig } from '../config/schema.ts';
import type { FunctionNetwork } from './database-network.ts';
import { failureQueue } from './failure-queue.ts';
import { type JournalAccess, journalStatements } from './journal-table.ts';
import { asFindings, statementsFor } from './permissions.ts';

/** What all functions of one deployment share. */
export interface Deployment {
  readonly config: DeploymentConfig;
  readonly table: Table;
  readonly pageTopic: ITopic;
  /** Folder of a function's bundle. */
  folderOf(name: string): string;
}

export interface NightshiftFunctionProps {
  readonly deployment: Deployment;
  readonly manifest: {
    readonly name: string;
    readonly summary: string;
    readonly permissions: readonly Permission[];
    readonly timeoutSeconds: number;
    readonly memoryMegabytes: number;
  };
  readonly environment?: Readonly<Record<string, string>>;
  readonly network?: FunctionNetwork | undefined;
  readonly reservedConcurrency?: number | undefined;
  /** Of an asynchronous invocation that failed; without a word two. */
  readonly retries?: 0 | 1 | 2;
  /** What it does with the journal: no more than `npm run iam-check` sees it do. */
  readonly journal: JournalAccess;
}

/** The function `nightshift-<deployment>-<name>`. */
export class NightshiftFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly failures: Queue;

  constructor(scope: Construct, id: string, props: NightshiftFunctionProps) {
    super(scope, id);
    const { deployment, manifest } = props;
    const functionName = functionNameOf(deployment.config.name, manifest.name);
    this.failures = failureQueue(this, { queueName: `${functionName}-failures` });
    const logGroup = new LogGroup(this, 'Logs', {
      logGroupName: `/aws/lambda/${functionName}`,
      retention: deployment.config.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = this.#role(props, logGroup);
    this.function = new LambdaFunction(this, 'Function', {
      functionName,
      description: manifest.summary,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: Code.fromAsset(deployment.folderOf(manifest.name)),
      role: this.role,
      logGroup,
      timeout: Duration.seconds(manifest.timeoutSeconds),
      memorySize: manifest.memoryMegabytes,
      environment: this.#environment(props),
      ...(props.reservedConcurrency ? { reservedConcurrentExecutions: props.reservedConcurrency } : {}),
    });
    props.network?.attach(this.function, this.role);
    this.#handleFailures(deployment.config, props.retries ?? 2);
  }

  /** Grants one more thing to the function's role. */
  allow(actions: readonly string[], resources: readonly string[]): void {
    this.role.addToPolicy(new PolicyStatement({ actions: [...actions], resources: [...resources] }));
  }

  #role({ deployment, manifest, journal }: NightshiftFunctionProps, logGroup: LogGroup): Role {
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    for (const statement of journalStatements(deployment.table, journal)) role.addToPolicy(statement);
    role.addToPolicy(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [this.failures.queueArn] }));
    for (const statement of statementsFor(this, manifest.permissions, deployment.config)) role.addToPolicy(statement);
    acknowledgeWildcards(role, manifest, deployment.config);
    return role;
  }

  #environment({ deployment, environment, network }: NightshiftFunctionProps): Record<string, string> {
    return {
      NIGHTSHIFT_TABLE: deployment.table.tableName,
      // Names the caller in the user agent of each AWS call, so in CloudTrail too.
      AWS_SDK_UA_APP_ID: `nightshift-${deployment.config.name}`,
      ...(deployment.config.selfWatch.metrics && { [METRICS_SETTING]: 'all' }),
      ...network?.environment,
      ...environment,
    };
  }

  /**
   * Asynchronous invocations: retries, then the failure queue ("Capturing records of Lambda asynchronous invocations"). Lambda's own
   * service writes there, so it works from a VPC without a way out and when our code doesn't run at all.
   */
  #handleFailures(config: DeploymentConfig, maximumRetryAttempts: number): void {
    new CfnEventInvokeConfig(this, 'AsyncInvocation', {
      functionName: this.function.functionName,
      qualifier: '$LATEST',
      maximumRetryAttempts,
      // An event that is stale by then isn't acted on anyway; Lambda allows 60 s to 6 h.
      maximumEventAgeInSeconds: Math.min(21_600, Math.max(60, config.staleAfterSeconds)),
      destinationConfig: { onFailure: { destination: this.failures.queueArn } },
    });
  }

  get cfnFunction(): CfnFunction {
    const child = this.function.node.defaultChild;
    if (child instanceof CfnFunction) return child;
    throw new Error(`${this.node.path}: the function has no CfnFunction`);
  }
}

export const functionNameOf = (deployment: string, unit: string): string => `nightshift-${deployment}-${unit}`;

/** cdk-nag asks about each wildcard resource; its reason is the manifest's. */
function acknowledgeWildcards(
  role: Role,
  { name, permissions }: NightshiftFunctionProps['manifest'],
  config: DeploymentConfig,
): void {
  // A placeholder may stand for a wildcard.
  for (const { resources, whyAnyResource } of permissions)
    for (const finding of resources
      .flatMap((resource) => asFindings(role, resource, config))
      .filter((each) => each.includes('*')))
      Validations.of(role).acknowledge({
        id: `AwsSolutions-IAM5[Resource::${finding}]`,
        reason:
          whyAnyResource ?? `The manifest of ${name} names it: the ids behind it are not known before they exist.`,
      });
}
