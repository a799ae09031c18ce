/**
 * What a deployed function knows about the world it protects. `infra/config` parses `nightshift.config.ts`, fills in every
 * default and writes this shape into each function's asset as `config.json`; nothing here is optional unless absence means something.
 * All durations are in seconds, all shares between 0 and 1.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Severity } from '../../events/journal.ts';
import type { DrillConfig } from './drills.ts';
import type { Escalation } from './escalation.ts';
import type { Ladder } from './runbook.ts';
import type { Window } from './windows.ts';

/** `off` ignores, `observe` says what it would do, `approve` asks before it does it, `auto` does it. */
export const MODES = ['off', 'observe', 'approve', 'auto'] as const;
export type Mode = (typeof MODES)[number];

/** Whether a runbook in that mode changes anything at all, be it after somebody approved. */
export const mayChange = (mode: Mode | undefined): boolean => mode === 'auto' || mode === 'approve';

/** Limits that hold for one runbook on every target; see design section 4. */
export interface RunbookLimits {
  readonly mode: Mode;
  /** Least time between two changes of one target by one remediation. */
  readonly cooldownSeconds: number;
  /** Changes of one target by one remediation within one hour. */
  readonly perTargetPerHour: number;
  /** Changes by one remediation within one hour, over all targets. */
  readonly perRunbookPerHour: number;
  /** Time from action to verified before a person is called, where it isn't the deployment's. */
  readonly verifyWithinSeconds?: number;
}

/** What every protected thing has, whatever its kind. */
export interface Protected {
  /** Severity of the incidents on it. */
  readonly severity: Severity;
}

export interface ServiceConfig extends Protected {
  /** Key in `services`; also the target's name: `ecs-service/<cluster>/<service>`. */
  readonly name: string;
  readonly cluster: string;
  readonly service: string;
  readonly minTasks: number;
  readonly maxTasks: number;
  readonly cpuAbovePercent: number;
  readonly memoryAbovePercent: number;
  /** Fewer tasks are enough as long as their CPU stays below this; 0: the service isn't scaled in. */
  readonly cpuBelowPercent: number;
  /** What it used at its busiest within so long decides how many tasks are enough. */
  readonly idleForSeconds: number;
  /** How long the alarm must have been OK before a temporary change is handed back. */
  readonly stabiliseForSeconds: number;
  /** Trouble that begins later after a deployment isn't blamed on it. */
  readonly rollBackWithinSeconds: number;
  /** A task that ECS hasn't replaced so long after its start although it is unhealthy is stopped. */
  readonly taskUnhealthyForSeconds: number;
  /** Nightshift never gives a task more CPU than this, in units of 1/1024 vCPU; 0: never more than it has. */
  readonly maxTaskCpuUnits: number;
  /** Nightshift never gives a task more memory than this, in MiB; 0: never more than it has. */
  readonly maxTaskMemoryMib: number;
  /** ARNs of the roles of its tasks: a new revision may have no other. */
  readonly taskRoles: readonly string[];
  /** Names of `databases` this service can't do without: while one of them is in trouble, the service isn't scaled out. */
  readonly dependsOn: readonly string[];
  /** Connections one more task opens on each database it depends on; 0 when unknown. */
  readonly connectionsPerTask: number;
  /** What sends it requests, as CloudWatch's dimensions name it; without it errors, latency and healthy hosts aren't known. */
  readonly balancedBy?: { readonly loadBalancer: string; readonly targetGroup: string } | undefined;
}

export interface DatabaseConfig extends Protected {
  /** Key in `databases`; the RDS instance identifier: `rds-instance/<name>`. */
  readonly name: string;
  /** The DB cluster that it belongs to, whose events are its own, too. */
  readonly clusterIdentifier?: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly databaseName: string;
  /** Login that Nightshift uses, by IAM database authentication. */
  readonly user: string;
  /** The server's `max_connections`, as configured. */
  readonly maxConnections: number;
  readonly connectionsAboveShare: number;
  /** Release ends no more sessions than it takes to get down to this share of `max_connections`. */
  readonly releaseToShare: number;
  readonly idleForSeconds: number;
  /** Nightshift never gives the instance more storage than this, in GiB; 0: it is never grown. */
  readonly maxStorageGib: number;
  /** Classes that the instance may have, smallest first; empty: its class is never changed. */
  readonly instanceClasses: readonly {
    readonly name: string;
    /** What an hour of it costs, as it is run here; undefined when that isn't configured. */
    readonly usdPerHour?: number | undefined;
  }[];
  /** It never gets another read replica while it has so many; 0: none is ever added. */
  readonly maxReadReplicas: number;
  /** So many people approve each change that costs more by the hour, in mode auto too; 0: the mode decides. */
  readonly costApprovals: 0 | 1 | 2;
  /** A table with a larger share of dead rows, or of rows changed since it was analyzed, is vacuumed. */
  readonly deadRowsAboveShare: number;
  /** Tables larger than this, with their indexes, are left to a person. */
  readonly vacuumTablesUpToMib: number;
  /** A statement that runs for longer may be ended. */
  readonly queryLongerThanSeconds: number;
  readonly includeIdleInTransaction: boolean;
  readonly allowUsers: readonly string[];
  readonly allowApplications: readonly string[];
  /** Sessions are shared by a pooler: ending them ends other people's work, so Nightshift only advises. */
  readonly pooler: 'none' | 'rds-proxy' | 'pgbouncer';
  /** How long after a release the sessions are counted again to see whether they came back. */
  readonly recheckAfterSeconds: number;
  /** The time is written into `nightshift.heartbeat` every ten seconds, so that the age of a copy can be told. */
  readonly heartbeat: boolean;
  /** It takes writes only while the standby's region grants it (functions/authority). */
  readonly authority: boolean;
  readonly backup?: BackupConfig | undefined;
  /** Undefined: no plan restores it. */
  readonly restore?: RestoreConfig | undefined;
  /** Undefined: no plan rotates the password of its services. */
  readonly rotation?: RotationConfig | undefined;
}

/** Two users of a database that take turns, and the secret by which services log in as one of them. */
export interface RotationConfig {
  readonly secretArn: string;
  /** ARN of the key of yours that encrypts the secret; undefined: AWS's own. */
  readonly keyArn?: string | undefined;
  readonly users: readonly [string, string];
  /** Nightshift's login that may change them. */
  readonly login: string;
}

/** How services find a database, so that a recovery plan can point them at a restored one. */
export interface RestoreConfig {
  /** ARN of the secret that names its address. */
  readonly connectionSecretArn: string;
  /** ARN of the key of yours that encrypts the secret; undefined: AWS's own. */
  readonly connectionKeyArn?: string | undefined;
}

/** Backups of a database that Nightshift takes, and what they have to meet. */
export interface BackupConfig {
  /** At most so much may be lost. */
  readonly recoveryPointSeconds: number;
  /** Whether transaction logs are kept as well, so that any second can be restored. */
  readonly pointInTimeRecovery: boolean;
  readonly keepDays: number;
  readonly keepWeeks: number;
  readonly keepMonths: number;
  readonly keepAtLeast: number;
  /** Each is copied to `standbyRegion`, encrypted with a key of that region; undefined: none is. */
  readonly copy?: { readonly kmsKeyArn?: string | undefined } | undefined;
  /** How backups are proved by restoring them; undefined: they aren't. */
  readonly verify?: VerifyConfig | undefined;
  /** How one that is proved is exported to S3 now and then; undefined: none is. */
  readonly export?: ExportConfig | undefined;
}

/** Exports of snapshots to S3, by RDS. */
export interface ExportConfig {
  /** Of the role that RDS assumes to write to the bucket. */
  readonly roleArn: string;
  /** Of the key that what it writes is encrypted with. */
  readonly kmsKeyArn: string;
}

/** How a backup is restored beside the database, and what must be found in it. */
export interface VerifyConfig {
  /** DB subnet group and security group of the restored instance, which nobody else uses. */
  readonly subnetGroup: string;
  readonly securityGroupId: string;
  /** Class of the restored instance; undefined: that of the source. */
  readonly instanceClass?: string | undefined;
  /** Login that reads everything and writes nothing. */
  readonly user: string;
  readonly tables: readonly VerifiedTable[];
  /** Statements of your own, each giving one row with one boolean: true is good. */
  readonly queries: Readonly<Record<string, string>>;
  /** So much is read from end to end by each run, going on where the last one stopped. */
  readonly fullReadMib: number;
}

/** What is expected of a table in a backup. */
export interface VerifiedTable {
  /** With its schema: `public.orders`. */
  readonly name: string;
  readonly minRows: number;
  /** It may have lost so much of the rows that it had in the backup verified before. */
  readonly shrinksAtMostShare: number;
  /** A column of times of which the newest value is never older, when the backup is taken, than so long. */
  readonly newest?: { readonly column: string; readonly withinSeconds: number } | undefined;
}

/** One of the places to which an endpoint's record can send everybody. */
export interface EndpointSite {
  readonly name: string;
  /** What the record says: an address, or a host name for `CNAME` and for an alias. */
  readonly target: string;
  /** Set for an alias record: the hosted zone of what it points to. */
  readonly aliasZoneId?: string | undefined;
  /** Health check of this site alone. */
  readonly healthCheckId: string;
  readonly probeUrl: string;
}

export interface EndpointConfig extends Protected {
  /** Key in `endpoints`; also the target's name: `dns-endpoint/<name>`. */
  readonly name: string;
  readonly zoneId: string;
  readonly recordName: string;
  readonly recordType: 'A' | 'AAAA' | 'CNAME';
  readonly ttlSeconds: number;
  /** Health check that follows the record, so of the site that users reach. */
  readonly healthCheckId: string;
  /** The first is where everybody belongs. */
  readonly sites: readonly EndpointSite[];
  /** Addresses of resolvers that are asked what users get; undefined: none is. */
  readonly resolvers?: readonly string[];
  /** How long the endpoint must have been well before everybody is sent back. */
  readonly dwellSeconds: number;
  readonly failBack: 'auto' | 'person';
}

/** The primary's database refuses writes by itself once its lease, which this region grants, is over. */
export interface SelfFencing {
  readonly by: 'self';
  /** Name of the deployment in the primary's region. */
  readonly deployment: string;
  /** The primary: a key of that deployment's `databases`. */
  readonly database: string;
  readonly leaseSeconds: number;
  /** The clocks of both regions are never further apart. */
  readonly clockMarginSeconds: number;
}

/** How it is made sure that the old primary writes nothing any more: by itself, or by a person's word. */
export type Fencing = SelfFencing | { readonly by: 'attested' };

/** A service in two regions, of which the deployment's own is the standby. Urls of a site ask that site alone. */
export interface PairConfig {
  /** Key in `pairs`. */
  readonly name: string;
  /** The read replica in this region: a key in `databases`, and its instance identifier. */
  readonly replica: string;
  /** By key in `services`: the tasks that each needs to serve everybody. */
  readonly tasks: Readonly<Record<string, number>>;
  readonly primaryProbeUrl: string;
  /** Answered well also while the database can only be read. */
  readonly standbyHealthUrl: string;
  readonly standbyProbeUrl: string;
  /** By the name that users know. */
  readonly userUrl: string;
  /** Names of alarms in this region, all of which fire in an outage. */
  readonly outageAlarms: readonly string[];
  readonly unhealthyForSeconds: number;
  readonly recoveryPointSeconds: number;
  readonly ttlSeconds: number;
  readonly settleSeconds: number;
  readonly fencing: Fencing;
  /** The object that sends users to this region while it is there. */
  readonly switch: { readonly bucket: string; readonly key: string };
  /** The first region, for the way back there by plan. */
  readonly failBack?: FailBack | undefined;
}

/** What serves in the first region, the deployment's `standbyRegion`. */
export interface FailBack {
  /** Identifier of its database, which the rebuilt one gets. */
  readonly database: string;
  /** By the key in `tasks` of the pair. */
  readonly services: Readonly<Record<string, FailBackService>>;
  /** Of that region's site alone, answered well only when the database can be written, too. */
  readonly probeUrl: string;
  /** Keys for the rebuilt databases of the first region and of this one, where they are encrypted. */
  readonly kmsKeyArn?: string | undefined;
  readonly standbyKmsKeyArn?: string | undefined;
}

export interface FailBackService {
  readonly cluster: string;
  readonly service?: string | undefined;
  /** So many does it need to serve everybody. */
  readonly tasks: number;
  readonly balancedBy?: { readonly loadBalancer: string; readonly targetGroup: string } | undefined;
}

/** Limits of the check of secrets. */
export interface SecretChecks {
  readonly olderThanDays: number;
  readonly expiringWithinDays: number;
  /** Names, or beginnings of names that end with `*`. */
  readonly ignore: readonly string[];
}

/** Limits of the morning round. */
export interface HealthChecks {
  readonly storageAbovePercent: number;
  readonly errorsAbovePercent: number;
  readonly firingForHours: number;
}

/** What has to be ready in the standby region. */
export interface StandbyChecks {
  /** By the key in `services`: the service that takes its place there. */
  readonly services: Readonly<
    Record<string, { readonly cluster: string; readonly service?: string | undefined; readonly minTasks: number }>
  >;
  /** By the key in `databases`: its read replica there, and its class where that isn't its source's. */
  readonly databases: Readonly<
    Record<string, { readonly replica: string; readonly instanceClass?: string | undefined }>
  >;
  readonly replicaLagAboveSeconds: number;
}

/** How far what is protected may be used up, and how early it is told. */
export interface CapacityChecks {
  /** What runs out sooner is named. */
  readonly withinDays: number;
  /** Share of an instance's storage. */
  readonly storagePercent: number;
  /** Of an instance; services and connections have limits of their own. */
  readonly cpuPercent: number;
  /** Of small instance classes at most a twentieth of what they have. */
  readonly memoryFreeMib: number;
}

/** Limits of the look into databases. */
export interface DatabaseChecks {
  readonly statementsLongerThanSeconds: number;
  /** On average, since they are counted. */
  readonly statementsSlowerThanSeconds: number;
  /** Age of the oldest transaction id, in transactions. */
  readonly transactionIdsAbove: number;
  readonly replicaLagAboveSeconds: number;
  /** Transaction logs that a slot nobody reads keeps on the disk. */
  readonly retainedLogsAboveMib: number;
  /** Of all indexes together that no statement has used. */
  readonly unusedIndexesAboveMib: number;
}

/** A certificate of AWS Certificate Manager. */
export interface CertificateConfig extends Protected {
  /** Key in `certificates`; also the target's name: `certificate/<name>`. */
  readonly name: string;
  readonly arn: string;
  /** Ids of the hosted zones in which its validation records are, by the zones' names. */
  readonly zones: Readonly<Record<string, string>>;
  /** Where its successor is put, when it was imported: the certificate, its key and its chain. */
  readonly importFrom?: { readonly secretArn: string } | undefined;
  /** How long its renewal may take once it lacks nothing. */
  readonly renewsWithinSeconds: number;
}

/** Which time reports are about, and what services are held to in them. */
export interface ReportsConfig {
  /** IANA name: days, weeks and months are those of this clock. */
  readonly timeZone: string;
  /** By name; what is absent isn't configured. */
  readonly services: Readonly<
    Record<
      string,
      { readonly objectivePercent?: number; readonly latencySeconds?: number; readonly errorsPercent?: number }
    >
  >;
}

/** What is backed up of how things are configured, besides the protected services and the alarms on what is protected. */
export interface ConfigurationBackup {
  /** Ids of hosted zones. */
  readonly zones: readonly string[];
  /** Beginnings of names. */
  readonly parameters: readonly string[];
  readonly alarms: readonly string[];
  readonly rules: readonly string[];
  readonly stateMachines: readonly string[];
  /** So long a backup can't be deleted. */
  readonly lockDays: number;
}

export interface RuntimeConfig {
  readonly version: 1;
  /** Name of this deployment; part of every resource's name. */
  readonly name: string;
  readonly region: string;
  readonly standbyRegion: string;
  readonly services: Readonly<Record<string, ServiceConfig>>;
  readonly databases: Readonly<Record<string, DatabaseConfig>>;
  readonly endpoints: Readonly<Record<string, EndpointConfig>>;
  readonly certificates: Readonly<Record<string, CertificateConfig>>;
  /** Absent: this region is nobody's standby. */
  readonly pairs?: Readonly<Record<string, PairConfig>> | undefined;
  /** By remediation name; one entry for each remediation that is deployed. */
  readonly runbooks: Readonly<Record<string, RunbookLimits>>;
  /** By runbook name (the alarm tag's value): the remediations it climbs, as far as they are deployed and not `off`. */
  readonly ladders: Readonly<Record<string, Ladder>>;
  readonly fleet: {
    readonly changesPerHour: number;
    /** Of those that take capacity away, hand-backs among them. */
    readonly removalsPerHour: number;
    /** Reads of the account's APIs in one second that the reconciler makes itself or has made by its orders. */
    readonly describesPerSecond: number;
  };
  /** More than so many targets with new incidents within this time are a storm: held together, told once (docs/storms.md). */
  readonly storm: { readonly targets: number; readonly withinSeconds: number };
  readonly windows: readonly Window[];
  /**
   * Who may act by link and approve, by name, with the other identities under which each acts (`jane.doe`, `Admin/jane@example.com`: as the journal
   * names them); empty: nobody is known, so nobody counts as one of two.
   */
  readonly people: Readonly<Record<string, { readonly identities: readonly string[] }>>;
  /** How long an approval may be given after it was asked for. */
  readonly approvals: { readonly validForSeconds: number };
  /** Who is called while nobody takes an incident in hand, and when. */
  readonly escalation: Escalation;
  /** Absent: no regular checks. */
  readonly checks?:
    | {
        readonly secrets: SecretChecks;
        readonly health: HealthChecks;
        readonly capacity: CapacityChecks;
        readonly database: DatabaseChecks;
        readonly standby?: StandbyChecks | undefined;
      }
    | undefined;
  /** Absent: no reports are written by themselves. */
  readonly reports?: ReportsConfig | undefined;
  /** By name. Absent: no plan is rehearsed by itself. */
  readonly drills?: Readonly<Record<string, DrillConfig>> | undefined;
  /** Absent: the configuration isn't backed up. */
  readonly configurationBackup?: ConfigurationBackup | undefined;
  /** An alarm younger than this, seen firing on its first evaluation, is looked at again before anything is done. */
  readonly firstEvaluationHoldSeconds: number;
  /** How long a live value that isn't what Nightshift wrote keeps hands off. */
  readonly handsOffSeconds: number;
  /** Events older than this are not acted on; the reconciler looks at the alarm itself. */
  readonly staleAfterSeconds: number;
  readonly reconcileEverySeconds: number;
  /** Period of the alarms that Nightshift makes, and of the usage it reads. */
  readonly alarmPeriodSeconds: number;
  /** Period in which AWS's services publish the metrics that guards read. */
  readonly metricPeriodSeconds: number;
  /** Time from action to verified before a person is called. */
  readonly verifyWithinSeconds: number;
}

let cached: RuntimeConfig | undefined;

/**
 * The configuration in this function's asset (`LAMBDA_TASK_ROOT/config.json`), read once for each process.
 * @throws Error when the file is missing or of another version: the function must not guess.
 */
export function runtimeConfig(): RuntimeConfig {
  if (cached) return cached;
  const path = join(process.env.LAMBDA_TASK_ROOT ?? '.', 'config.json');
  const parsed = JSON.parse(readFileSync(path, 'utf8')) as RuntimeConfig;
  if (parsed.version !== 1)
    throw new Error(`${path}: configuration version ${parsed.version}, expected 1: deploy again`);
  cached = parsed;
  return parsed;
}
