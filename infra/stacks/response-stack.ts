/** Everything that answers alarms in one region: journal, page topic, functions, rules and the alarms of what is protected. */
import { Aws, CfnOutput, Stack, type StackProps } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { RuntimeConfig } from '../../functions/engine/config.ts';
import type { IncidentFunctionManifest } from '../../functions/incidents/manifest.ts';
import { authorityUnits, withAuthority } from '../config/authority.ts';
import { hasHeartbeat } from '../config/heartbeat.ts';
import { jobSubjects } from '../config/jobs.ts';
import { deployedManifests } from '../config/runtime.ts';
import type { DeploymentConfig } from '../config/schema.ts';
import { Archive } from '../constructs/archive.ts';
import { authorityFunction } from '../constructs/authority.ts';
import { Canary } from '../constructs/canary.ts';
import { DatabaseNetwork } from '../constructs/database-network.ts';
import { diagnoseFunction } from '../constructs/diagnose.ts';
import { hasEndpointsElsewhere } from '../constructs/endpoint-alarms.ts';
import { FollowThrough } from '../constructs/follow-through.ts';
import { heartbeat } from '../constructs/heartbeat.ts';
import { Jobs } from '../constructs/jobs.ts';
import { journalTable } from '../constructs/journal-table.ts';
import { Links } from '../constructs/links.ts';
import type { Deployment } from '../constructs/nightshift-function.ts';
import { Notifications } from '../constructs/notifications.ts';
import { levelTopics, pageTopic } from '../constructs/page-topic.ts';
import { Plan } from '../constructs/plan.ts';
import { protectedDashboard } from '../constructs/protected-dashboard.ts';
import { Protection, protectionOf } from '../constructs/protection.ts';
import { Publisher } from '../constructs/publisher.ts';
import { Reconciler } from '../constructs/reconciler.ts';
import { Remediation } from '../constructs/remediation.ts';
import { SelfWatch } from '../constructs/self-watch.ts';
import type { Units } from '../discover.ts';

export interface ResponseStackProps extends StackProps {
  readonly config: DeploymentConfig;
  readonly runtime: RuntimeConfig;
  readonly units: Units;
  folderOf(name: string): string;
}

export class ResponseStack extends Stack {
  constructor(scope: Construct, id: string, { config, runtime, units, folderOf, ...props }: ResponseStackProps) {
    super(scope, id, { ...props, description: `Nightshift ${config.name}: answers alarms in ${runtime.region}.` });
    const table = journalTable(this, config.name);
    const deployment: Deployment = { config, table, pageTopic: pageTopic(this, config), folderOf };
    const network = this.#network(deployment, units);
    const remediations = this.#remediations(deployment, units, runtime, network);
    this.#incidentFunctions(deployment, units, remediations);
    this.#protect(deployment);
    this.#jobs(deployment, units, network);
    if (network && hasHeartbeat(config))
      for (const { manifest } of units.heartbeats) heartbeat(this, { deployment, manifest, network });
    for (const { manifest } of authorityUnits(units.authority, config))
      authorityFunction(this, { deployment, manifest, network });
    for (const { manifest } of units.plans)
      if (config.plans.includes(manifest.name)) new Plan(this, { deployment, manifest, network });
    this.#watch(deployment);
    new CfnOutput(this, 'JournalTable', { value: table.tableName });
    new CfnOutput(this, 'PageTopic', { value: deployment.pageTopic.topicArn });
    new CfnOutput(this, 'Region', { value: Aws.REGION });
  }

  /** Where functions that speak SQL run, when there are any. */
  #network({ config, table }: Deployment, { remediations, jobs, plans }: Units): DatabaseNetwork | undefined {
    const manifests = [
      ...deployedManifests(
        config,
        remediations.map((unit) => unit.manifest),
      ),
      ...jobs.map((unit) => unit.manifest).filter((manifest) => jobSubjects(manifest, config).length > 0),
    ];
    const speakSql =
      manifests.some((manifest) => manifest.network === 'database-vpc') ||
      plans.some(({ manifest }) => manifest.helper && config.plans.includes(manifest.name));
    return (speakSql || hasHeartbeat(config) || withAuthority(config).length > 0) && config.network
      ? new DatabaseNetwork(this, 'DatabaseNetwork', { config, network: config.network, table })
      : undefined;
  }

  #remediations(
    deployment: Deployment,
    units: Units,
    { ladders }: RuntimeConfig,
    network: DatabaseNetwork | undefined,
  ): Map<string, Remediation> {
    const manifests = deployedManifests(
      deployment.config,
      units.remediations.map((unit) => unit.manifest),
    );
    return new Map(
      manifests.map((manifest) => [
        manifest.name,
        new Remediation(this, {
          deployment,
          manifest,
          ladders,
          network: manifest.network === 'database-vpc' ? network : undefined,
        }),
      ]),
    );
  }

  #incidentFunctions(deployment: Deployment, units: Units, remediations: ReadonlyMap<string, Remediation>): void {
    const manifestOf = (name: string): IncidentFunctionManifest | undefined =>
      units.incidentFunctions.find((unit) => unit.manifest.name === name)?.manifest;
    const followed = manifestOf('follow-through');
    const followThrough = followed && new FollowThrough(this, { deployment, manifest: followed, remediations });
    const publisherManifest = manifestOf('publisher');
    const streamArn = deployment.table.tableStreamArn;
    const diagnoseManifest = manifestOf('diagnose');
    const publisher =
      publisherManifest && streamArn
        ? new Publisher(this, {
            deployment,
            manifest: publisherManifest,
            streamArn,
            levels: levelTopics(this, deployment.config),
            diagnose: diagnoseManifest && diagnoseFunction(this, deployment, diagnoseManifest),
          })
        : undefined;
    const canary = manifestOf('canary') && publisher ? new Canary(this, { deployment, publisher }) : undefined;
    const reconciler = manifestOf('reconciler');
    if (reconciler && followThrough)
      new Reconciler(this, {
        deployment,
        manifest: reconciler,
        followThrough,
        // Its due work is brought up like that of any remediation.
        remediations: new Map([...remediations, ...(canary ? [['canary', canary.remediation] as const] : [])]),
      });
    const { links } = deployment.config;
    const linksManifest = manifestOf('links');
    const endpoint =
      links && linksManifest
        ? new Links(this, { deployment, manifest: linksManifest, links, remediations })
        : undefined;
    const [announcer, notify] = [manifestOf('announcer'), manifestOf('notify')];
    if (!announcer || !streamArn) return;
    const { bus } = new Notifications(this, { deployment, announcer, notify, streamArn, linksUrl: endpoint?.url });
    const archiver = manifestOf('archiver');
    if (!archiver) return;
    const { bucket } = new Archive(this, { deployment, manifest: archiver, bus });
    new CfnOutput(this, 'ArchiveBucket', { value: bucket.bucketName });
  }

  #watch(deployment: Deployment): void {
    const reconciler = this.node.findAll().find((each) => each instanceof Reconciler);
    if (reconciler) new SelfWatch(this, { deployment, reconciler });
  }

  #jobs(deployment: Deployment, units: Units, network: DatabaseNetwork | undefined): void {
    const manifests = units.jobs
      .map(({ manifest }) => manifest)
      .filter((manifest) => jobSubjects(manifest, deployment.config).length > 0);
    const reconciler = this.node.findAll().find((each) => each instanceof Reconciler);
    if (manifests.length > 0 && reconciler) new Jobs(this, 'Jobs', { deployment, manifests, network, reconciler });
  }

  #protect({ config, pageTopic: topic }: Deployment): void {
    const protection = new Protection(this, 'Protection', protectionOf(config, topic));
    for (const [name, service] of Object.entries(config.services))
      if (service.createAlarms) protection.protectService(name, service);
    for (const [name, database] of Object.entries(config.databases))
      if (database.createAlarms) protection.protectDatabase(name, database);
    // Elsewhere than in us-east-1 there is no such metric: another stack has these alarms.
    for (const [name, endpoint] of hasEndpointsElsewhere(config) ? [] : Object.entries(config.endpoints))
      if (endpoint.createAlarms) protection.protectEndpoint(name, endpoint);
    for (const [name, certificate] of Object.entries(config.certificates))
      if (certificate.createAlarms) protection.protectCertificate(name, certificate);
    if (config.dashboard) protectedDashboard(this, config, protection);
  }
}
