/** Scheduled jobs: a function each, a schedule for each run, one state machine for all, and alarms on runs that break off. */
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnLogGroup } from 'aws-cdk-lib/aws-logs';
import { CfnSchedule, CfnScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import { CfnStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Annotations, Stack, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { ExpectedJob, JobName } from '../../functions/engine/job-head.ts';
import { planPartition } from '../../functions/engine/plan-items.ts';
import type { JobManifest } from '../../functions/jobs/manifest.ts';
import { drilledPlans } from '../config/drills.ts';
import { jobSubjects, overdueAfterOf, quotaWarning, scheduleOf } from '../config/jobs.ts';
import type { DeploymentConfig } from '../config/schema.ts';
import { pagingAlarm } from './alarm-action.ts';
import { archiveBucketName } from './archive.ts';
import type { DatabaseNetwork } from './database-network.ts';
import { ExportBucket, exportBucketName } from './export-bucket.ts';
import { jobMachineDefinition } from './job-machine.ts';
import type { JournalAccess } from './journal-table.ts';
import { type Deployment, functionNameOf, NightshiftFunction } from './nightshift-function.ts';
import { busNameOf } from './notifications.ts';
import { machinesEnvironment } from './plan.ts';
import { ScratchNetwork } from './scratch-network.ts';

/** A run reads the switch, and writes its own items, all jobs' news and what it tells. */
const jobAccess = (
  { name: job, readsRuns, readsIncidents, stopsPlans }: JobManifest,
  config: DeploymentConfig,
): JournalAccess => ({
  actions: [
    ...(readsIncidents ? (['BatchGetItem'] as const) : []),
    ...(['GetItem', 'PutItem'] as const),
    ...(readsRuns ? (['Query'] as const) : []),
    ...(stopsPlans ? (['UpdateItem'] as const) : []),
  ],
  ...(readsIncidents && { indexes: ['incidents'] }),
  writes: [`JOB#${job}#*`, 'JOBS', 'INCIDENT#*', ...(stopsPlans ? drilledPlans(config).map(planPartition) : [])],
});

export interface JobsProps {
  readonly deployment: Deployment;
  /** The jobs that have something to run for. */
  readonly manifests: readonly JobManifest[];
  /** For those that speak SQL; it is there when there are databases. */
  readonly network: DatabaseNetwork | undefined;
  /** Notices what doesn't run. */
  readonly reconciler: NightshiftFunction;
}

export class Jobs extends Construct {
  readonly functions: ReadonlyMap<string, NightshiftFunction>;
  readonly machine: CfnStateMachine;

  constructor(scope: Construct, id: string, { deployment, manifests, network, reconciler }: JobsProps) {
    super(scope, id);
    this.functions = new Map(
      manifests.map((manifest) => [
        manifest.name,
        new NightshiftFunction(this, manifest.name, {
          ...{ deployment, manifest, journal: jobAccess(manifest, deployment.config) },
          network: manifest.network === 'database-vpc' ? network : undefined,
          environment: {
            NIGHTSHIFT_OVERDUE_AFTER_SECONDS: JSON.stringify(overdueTimes(manifest, deployment.config)),
            ...(manifest.stopsPlans && {
              ...machinesEnvironment(this, deployment.config.name, drilledPlans(deployment.config)),
            }),
            ...(manifest.usesArchive && {
              NIGHTSHIFT_ARCHIVE_BUCKET: archiveBucketName(this, deployment.config.name),
            }),
            ...(manifest.usesExports && { NIGHTSHIFT_EXPORT_BUCKET: exportBucketName(this, deployment.config.name) }),
            ...(manifest.readsIncidents && {
              ...this.#whereReportsGo(deployment),
              NIGHTSHIFT_JOBS: JSON.stringify(namesOf(expectedJobs(manifests, deployment.config))),
            }),
          },
        }),
      ]),
    );
    this.#readers(deployment, manifests);
    if (manifests.some(({ usesExports }) => usesExports))
      new ExportBucket(this, 'Exports', { config: deployment.config });
    const warning = quotaWarning(deployment.config);
    if (warning) Annotations.of(this).addWarningV2('nightshift:snapshot-quota', warning);
    this.machine = this.#machine(deployment, manifests);
    this.#schedules(deployment, manifests);
    reconciler.function.addEnvironment('NIGHTSHIFT_JOBS', JSON.stringify(expectedJobs(manifests, deployment.config)));
  }

  /** By plan, the state machines of those that are rehearsed: by their names, because they are made later. */
  /** By their names: the bucket and the bus are made elsewhere in the stack. */
  #whereReportsGo({ config }: Deployment): Record<string, string> {
    return {
      NIGHTSHIFT_ARCHIVE_BUCKET: archiveBucketName(this, config.name),
      NIGHTSHIFT_BUS: busNameOf(config.name),
    };
  }

  /** Each in the network of restored instances; only its job's function may invoke it. It touches neither the journal nor AWS. */
  #readers(deployment: Deployment, manifests: readonly JobManifest[]): void {
    const readers = manifests.flatMap(({ reader }) => (reader ? [reader] : []));
    if (readers.length === 0) return;
    const network = new ScratchNetwork(this, 'ScratchNetwork', { config: deployment.config });
    for (const manifest of readers)
      new NightshiftFunction(this, manifest.name, { deployment, manifest, network, journal: { actions: [] } });
  }

  #machine({ config, pageTopic }: Deployment, manifests: readonly JobManifest[]): CfnStateMachine {
    const name = functionNameOf(config.name, 'jobs');
    const role = new Role(this, 'MachineRole', { assumedBy: new ServicePrincipal('states.amazonaws.com') });
    role.addToPolicy(
      new PolicyStatement({
        actions: ['lambda:InvokeFunction'],
        resources: [...this.functions.values()].map((unit) => unit.function.functionArn),
      }),
    );
    const logs = this.#machineLogs(config, role);
    const { partition } = Stack.of(this);
    const machine = new CfnStateMachine(this, 'Machine', {
      stateMachineName: name,
      stateMachineType: 'STANDARD',
      roleArn: role.roleArn,
      definitionString: Stack.of(this).toJsonString(
        jobMachineDefinition(partition, Math.max(...manifests.map(({ timeoutSeconds }) => timeoutSeconds)) + 5),
      ),
      // What a run was given is names and times, but its results are the customer's: they stay out of the log.
      loggingConfiguration: {
        level: 'ALL',
        includeExecutionData: false,
        destinations: [{ cloudWatchLogsLogGroup: { logGroupArn: logs.attrArn } }],
      },
    });
    machine.node.addDependency(role);
    Validations.of(machine).acknowledge({
      id: 'AwsSolutions-SF2',
      reason:
        'A run waits for minutes to hours and has one path; its history and the journal say more than a trace, which would cost by the run.',
    });
    for (const metricName of ['ExecutionsFailed', 'ExecutionsTimedOut'])
      pagingAlarm(this, `${metricName}Alarm`, {
        alarmName: `${name}-${metricName.replace('Executions', '').toLowerCase()}`,
        alarmDescription: `P2. A run of a scheduled job of Nightshift ${config.name} broke off: nobody has said what came of it.`,
        namespace: 'AWS/States',
        metricName,
        dimensions: [{ name: 'StateMachineArn', value: machine.ref }],
        statistic: 'Sum',
        period: 300,
        evaluationPeriods: 1,
        threshold: 0,
        comparisonOperator: 'GreaterThanThreshold',
        treatMissingData: 'notBreaching',
        pageTopic,
      });
    return machine;
  }

  /** "Using CloudWatch Logs to log execution history": log delivery has no resource-level permissions. */
  #machineLogs(config: Deployment['config'], role: Role): CfnLogGroup {
    const logs = new CfnLogGroup(this, 'MachineLogs', {
      logGroupName: `/aws/vendedlogs/states/${functionNameOf(config.name, 'jobs')}`,
      retentionInDays: config.logRetentionDays,
    });
    role.addToPolicy(
      new PolicyStatement({
        actions: [
          ...['logs:CreateLogDelivery', 'logs:GetLogDelivery', 'logs:UpdateLogDelivery', 'logs:DeleteLogDelivery'],
          ...['logs:ListLogDeliveries', 'logs:PutResourcePolicy', 'logs:DescribeResourcePolicies'],
          'logs:DescribeLogGroups',
        ],
        resources: ['*'],
      }),
    );
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        'Log delivery has no resource-level permissions (AWS Step Functions Developer Guide, Using CloudWatch Logs to log execution history).',
    });
    return logs;
  }

  #schedules({ config }: Deployment, manifests: readonly JobManifest[]): void {
    const { account } = Stack.of(this);
    const group = new CfnScheduleGroup(this, 'ScheduleGroup', { name: functionNameOf(config.name, 'jobs') });
    // "Confused deputy prevention in EventBridge Scheduler": only schedules of this group may assume the role.
    const role = new Role(this, 'ScheduleRole', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': account, 'aws:SourceArn': group.attrArn } },
      }),
    });
    const allow = (action: string, resource: string) =>
      role.addToPolicy(new PolicyStatement({ effect: Effect.ALLOW, actions: [action], resources: [resource] }));
    allow('states:StartExecution', this.machine.ref);
    for (const unit of this.functions.values()) allow('sqs:SendMessage', unit.failures.queueArn);
    for (const manifest of manifests)
      for (const subject of jobSubjects(manifest, config)) {
        const { cron, timeZone, flexibleMinutes } = scheduleOf(manifest, config, subject);
        const failures = this.functions.get(manifest.name)?.failures;
        const schedule = new CfnSchedule(this, `${manifest.name}-${subject}`, {
          name: `${manifest.name}-${subject}`.slice(0, 64),
          groupName: group.ref,
          scheduleExpression: `cron(${cron})`,
          scheduleExpressionTimezone: timeZone,
          flexibleTimeWindow:
            flexibleMinutes > 0 ? { mode: 'FLEXIBLE', maximumWindowInMinutes: flexibleMinutes } : { mode: 'OFF' },
          target: {
            arn: this.machine.ref,
            roleArn: role.roleArn,
            input: JSON.stringify({
              functionName: functionNameOf(config.name, manifest.name),
              job: manifest.name,
              subject,
              // "Adding context attributes", EventBridge Scheduler User Guide: the same on every try, so a run begins once.
              scheduledAt: '<aws.scheduler.scheduled-time>',
            }),
            retryPolicy: { maximumRetryAttempts: 10, maximumEventAgeInSeconds: 3600 },
            ...(failures && { deadLetterConfig: { arn: failures.queueArn } }),
          },
        });
        schedule.node.addDependency(role);
      }
  }
}

/** By subject. */
const overdueTimes = (manifest: JobManifest, config: DeploymentConfig): Record<string, number> =>
  Object.fromEntries(
    jobSubjects(manifest, config).map((subject) => [subject, overdueAfterOf(manifest, config, subject)]),
  );

/** What is deployed now: the journal also knows jobs that were. */
const namesOf = (jobs: readonly ExpectedJob[]): JobName[] => jobs.map(({ job, subject }) => ({ job, subject }));

/** What is expected to run: a schedule that starts nothing is noticed by what stands in the journal. */
const expectedJobs = (manifests: readonly JobManifest[], config: DeploymentConfig): ExpectedJob[] =>
  manifests.flatMap((manifest) =>
    jobSubjects(manifest, config).map((subject) => ({
      job: manifest.name,
      subject,
      overdueAfterSeconds: overdueAfterOf(manifest, config, subject),
      severity: manifest.severity,
    })),
  );
