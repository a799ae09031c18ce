/**
 * What a person writes in `nightshift.config.ts`. Every choice has a default and a unit in its name; facts about your account
 * (regions, clusters, hosts, ids) have none, because a guess could change the wrong thing. Objects are closed: a name that isn't
 * known is a fault. Faults that concern several fields are in `cross-checks.ts`.
 *
 * Defaults marked with a runbook's line are the thresholds the source runbooks prescribe.
 *
 * One long file, because it is read as one document; parts with rules of their own (endpoints, people, escalation, jobs) have theirs beside it.
 */
import { z } from 'zod';
import { MODES } from '../../functions/engine/config.ts';
import { DAYS } from '../../functions/engine/windows.ts';
import { archiveSchema } from './archive.ts';
import { certificateSchema } from './certificates.ts';
import { checksSchema } from './checks.ts';
import { configurationBackupSchema } from './configuration-backup.ts';
import { drillSchema } from './drills.ts';
import { endpointSchema } from './endpoints.ts';
import { escalationSchema } from './escalation.ts';
import { backupSchema, jobSchema } from './jobs.ts';
import { channelSchema, routeSchema } from './notifications.ts';
import { pairSchema } from './pairs.ts';
import { approvalsSchema, linksSchema, personName, personSchema } from './people.ts';
import { reportsSchema } from './reports.ts';
import { keyArn, secretsManagerArn } from './secret-arn.ts';
import { clockTime, timeZoneName } from './times.ts';

const seconds = (minimum: number, maximum = 604_800) => z.int().min(minimum).max(maximum);
const share = z.number().gt(0).lte(1);
const percent = z.number().gt(0).lte(100);
const perHour = z.int().min(1).max(1000);
const name = (maximum: number) =>
  z
    .string()
    .max(maximum)
    .regex(/^[a-z][a-z0-9-]*[a-z0-9]$/, 'lower-case letters, digits and hyphens, beginning with a letter');
const awsId = (prefix: string) =>
  z.string().regex(new RegExp(`^${prefix}-[0-9a-f]+$`), `an id such as ${prefix}-0abc1234`);
const region = z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'a region such as eu-west-1');
/** Written into a policy as it is: no wildcard. */
const roleArn = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/,
    'the ARN of a role, such as arn:aws:iam::111122223333:role/name',
  );
/** The id is written into IAM resources: wildcards and separators have no place in any name below. */
const plainName = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[A-Za-z0-9_.-]+$/, 'letters, digits, dot, hyphen and underscore');

/** P1 is acknowledged in 5 minutes, P2 in 15, P3 in 1 hour, P4 on the next business day. */
export const severity = z.enum(['P1', 'P2', 'P3', 'P4']);

/** What is watched of a service's load balancer (`balancedBy`). */
export const requestAlarmsSchema = z.strictObject({
  /** Share of answers that are server errors (runbooks 001, line 541; 002, line 146; 003, line 245: 5 %). */
  errorsAbovePercent: percent.default(5),
  /** How long it must stay above it (runbook 001, line 542: 5 minutes). */
  errorsForSeconds: seconds(10, 86_400).default(300),
  /** Fewer requests than this in a period are too few for a share to mean anything. */
  errorsFromRequests: z.int().min(1).default(20),
  /** 95th percentile of the targets' response times (runbooks 001, line 546; 002, line 156: 2 s). */
  latencyAboveSeconds: z.number().gt(0).max(3600).default(2),
  /** How long it must stay above it (runbooks 001, line 547; 002, line 157: 10 minutes). */
  latencyForSeconds: seconds(10, 86_400).default(600),
  /** How long a target must have been unhealthy. */
  unhealthyForSeconds: seconds(10, 86_400).default(300),
  /** Share of requests that must not fail, for the alarms on how fast its error budget of 30 days burns; none when left out. */
  objectivePercent: z.number().gte(90).lt(100).optional(),
});

/** An ECS service whose number of tasks may be raised. */
export const serviceSchema = z.strictObject({
  /** Name of the ECS cluster. */
  cluster: plainName,
  /** Name of the ECS service; the key in `services` when left out. */
  service: plainName.optional(),
  /** Nightshift never sets fewer tasks than this. */
  minTasks: z.int().min(0).max(5000).default(1),
  /** Nightshift never sets more tasks than this. */
  maxTasks: z.int().min(1).max(5000),
  /** CPU of the service, averaged over its tasks, that raises the alarm (runbook 001, line 556: 0.8). */
  cpuAbovePercent: percent.default(80),
  /** How long CPU must stay above it (runbook 001, line 557: 15 minutes). */
  cpuForSeconds: seconds(10, 86_400).default(900),
  /** Memory of the service, averaged over its tasks, that raises the alarm (runbook 002, line 112: 0.9). */
  memoryAbovePercent: percent.default(90),
  /** How long memory must stay above it (runbook 002, line 113: 10 minutes). */
  memoryForSeconds: seconds(10, 86_400).default(600),
  /**
   * A service of which this CPU wouldn't be exceeded with one task less, for `idleForSeconds`, is scaled in; 0: never. Needs `containerInsights`, which
   * counts its tasks.
   */
  cpuBelowPercent: z.number().min(0).max(100).default(0),
  /** How long it must have had more tasks than it needs. */
  idleForSeconds: seconds(10, 86_400).default(3600),
  /** How long the alarm must have been OK before the extra tasks are handed back. */
  stabiliseForSeconds: seconds(1).default(600),
  /** Trouble that begins later after a deployment isn't blamed on it (runbook 001, lines 389 to 425: watch for 30 minutes, else roll back). */
  rollBackWithinSeconds: seconds(60, 86_400).default(1800),
  /** A task that ECS hasn't replaced so long after its start although it is unhealthy is stopped; one that hangs while it starts, after 5 times as long. */
  taskUnhealthyForSeconds: seconds(1, 86_400).default(120),
  /** CPU units (1024 are one vCPU) that Nightshift never gives a task more than; 0: never more than it has. */
  maxTaskCpuUnits: z.int().min(0).max(16_384).default(0),
  /** Memory in MiB that Nightshift never gives a task more than; 0: never more than it has. */
  maxTaskMemoryMib: z.int().min(0).max(122_880).default(0),
  /** ARNs of the task role and the task execution role of its tasks: Nightshift may pass these to ECS and no others. */
  taskRoles: z.array(roleArn).default([]),
  /** Written on the alarms and read by whoever is paged. */
  severity: severity.default('P2'),
  /** Databases (keys in `databases`) it can't do without: while one of them is in trouble, the service isn't scaled out. */
  dependsOn: z.array(z.string()).default([]),
  /** Connections one more task opens on each of those databases; 0 when unknown. */
  connectionsPerTask: z.int().min(0).max(10_000).default(0),
  /**
   * The Application Load Balancer and target group that send it requests, by the ends of their ARNs. With it a change counts as proved only if healthy
   * hosts, requests, errors and latency are no worse than before; without it those aren't known.
   */
  balancedBy: z
    .strictObject({
      loadBalancer: z
        .string()
        .regex(/^app\/[A-Za-z0-9-]{1,32}\/[0-9a-f]{16}$/, 'the end of its ARN: app/<name>/<16 digits>'),
      targetGroup: z
        .string()
        .regex(/^targetgroup\/[A-Za-z0-9-]{1,32}\/[0-9a-f]{16}$/, 'the end of its ARN: targetgroup/<name>/<16 digits>'),
    })
    .optional(),
  /** Alarms on errors, latency and unhealthy targets of `balancedBy` are made, too. */
  requestAlarms: requestAlarmsSchema.optional(),
  /**
   * The cluster has Container Insights on (it costs extra): an alarm on missing tasks is made, too. `enhanced`: with enhanced observability, which also
   * counts unhealthy tasks ("Amazon ECS Container Insights with enhanced observability metrics"): an alarm on these, too.
   */
  containerInsights: z.union([z.boolean(), z.literal('enhanced')]).default(false),
  /** How long fewer tasks than `minTasks` must run, or a task be unhealthy. */
  tasksForSeconds: seconds(10, 86_400).default(300),
  /** Whether Nightshift makes the alarms; otherwise tag alarms of your own with `nightshift:runbook`. */
  createAlarms: z.boolean().default(true),
});

/** How services find a database. */
export const restoreSchema = z.strictObject({
  /** The secret in Secrets Manager that names its address: as `host`, `host:port`, a URL, or JSON with `host` and `port`. */
  connectionSecretArn: secretsManagerArn,
  /** The key that encrypts it, when it is one of yours. */
  connectionKeyArn: keyArn.optional(),
});

const roleName = z.string().regex(/^[a-z_][a-z0-9_]{0,62}$/, 'a PostgreSQL role name in lower case');

/** How the password of a database's services is rotated (docs/recovery.md, `secret-rotation`): by two users that take turns. */
export const rotationSchema = z.strictObject({
  /** The secret in Secrets Manager by which services log in: JSON with `username` and `password`. */
  secretArn: secretsManagerArn,
  /** The key that encrypts it, when it is one of yours. */
  keyArn: keyArn.optional(),
  /** Both have the same rights; the secret names one of them. */
  users: z.tuple([roleName, roleName]).refine(([one, other]) => one !== other, 'two different users'),
  /** Nightshift's login that may change those two. */
  login: roleName.default('nightshift_rotation'),
});

/** A PostgreSQL database on RDS whose idle sessions may be ended. The key is its instance identifier. */
export const databaseSchema = z.strictObject({
  /** Host name that sessions connect to. */
  host: z.string().min(1).max(255),
  port: z.int().min(1).max(65_535).default(5432),
  /** Database to log in to. */
  databaseName: z.string().min(1).max(63).default('postgres'),
  /** Login of Nightshift's own, by IAM database authentication; needs pg_signal_backend and pg_read_all_stats, to vacuum pg_maintain. */
  user: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/, 'a PostgreSQL role name in lower case')
    .default('nightshift'),
  /** The DB cluster that the instance belongs to (Aurora, or a Multi-AZ DB cluster): the cluster's events, such as a failover, are the instance's then. */
  clusterIdentifier: z
    .string()
    .regex(/^[a-z](-?[a-z0-9])*$/, 'a DB cluster identifier such as orders-cluster')
    .max(63)
    .optional(),
  /** `DbiResourceId` of the instance (`db-...`), or `cluster-...` for Aurora: what `rds-db:connect` is granted on. */
  resourceId: z.string().regex(/^(db|cluster)-[A-Z0-9]+$/, 'a DbiResourceId such as db-ABCDEFGHIJKL01234'),
  /** Security group of the database; it gets one ingress rule, from Nightshift's function. */
  securityGroupId: awsId('sg'),
  /** Value of `max_connections`; the alarm needs it because CloudWatch counts connections, not shares. */
  maxConnections: z.int().min(10).max(262_143),
  /** Share of `max_connections` in use that raises the alarm. */
  connectionsAboveShare: share.default(0.8),
  /** How long it must stay above it. */
  connectionsForSeconds: seconds(10, 86_400).default(180),
  /** Release ends no more sessions than it takes to get down to this share. */
  releaseToShare: share.default(0.7),
  /** Sessions idle for longer may be ended (runbook 001, line 279: 10 minutes). */
  idleForSeconds: seconds(1).default(600),
  /** Storage in GiB that the instance is never grown beyond; 0: it is never grown. Storage of a DB instance can't shrink again. */
  maxStorageGib: z.int().min(0).max(65_536).default(0),
  /**
   * Classes that the instance may have, smallest first: it gets the next one when it is too small, and is never made smaller again by Nightshift. Empty: its
   * class is never changed.
   */
  instanceClasses: z
    .array(
      z.strictObject({
        name: z.string().regex(/^db(\.[a-z0-9-]+)+$/, 'a DB instance class such as db.m7g.large'),
        /** Price of an hour of it as you run it (Multi-AZ, region, reservation): whoever approves is told the difference. */
        usdPerHour: z.number().positive().max(1000).optional(),
      }),
    )
    .max(20)
    .default([]),
  /** Read replicas, whoever made them, up to which one more is added (named `<instance>-nightshift-<n>`); 0: none is ever added. */
  maxReadReplicas: z.int().min(0).max(5).default(0),
  /** So many people approve each change that costs more by the hour (a larger class, a read replica), in mode `auto` too; 0: the runbook's mode decides. */
  costApprovals: z.literal([0, 1, 2]).default(1),
  /** Tables with a larger share of dead rows, or of rows changed since they were analyzed, are vacuumed (autovacuum's own limit is 0.2). */
  deadRowsAboveShare: share.default(0.2),
  /** Tables larger than this, with their indexes, are never vacuumed by Nightshift: a function has 20 seconds for it. */
  vacuumTablesUpToMib: z.int().min(1).max(2048).default(512),
  /** Statements that run for longer may be cancelled (runbook 004, lines 124-127 and 1040-1048: 5 minutes). */
  queryLongerThanSeconds: seconds(1).default(300),
  /** Whether sessions idle inside a transaction may be ended too: their work is rolled back. */
  includeIdleInTransaction: z.boolean().default(false),
  /** Roles whose sessions are never ended. */
  allowUsers: z.array(z.string().min(1)).default([]),
  /** Values of `application_name` whose sessions are never ended. */
  allowApplications: z.array(z.string().min(1)).default([]),
  /** A pooler shares its sessions among clients, so behind one Nightshift only advises. */
  pooler: z.enum(['none', 'rds-proxy', 'pgbouncer']).default('none'),
  /** How long after a release the sessions are counted again, to see whether they came back. */
  recheckAfterSeconds: seconds(1, 3600).default(60),
  /** Free storage that raises the alarm when less is left, in GiB; 0: no alarm. */
  storageFreeBelowGib: z.number().min(0).max(65_536).default(5),
  /** Free memory that raises the alarm when less is left, in MiB; 0: no alarm. */
  memoryFreeBelowMib: z.number().min(0).max(4_194_304).default(128),
  /** CPU that raises the alarm (runbook 002, line 110: 90 %): statements that run for too long are looked for. */
  cpuAbovePercent: percent.default(90),
  /** Time of one write to storage that raises the alarm: a sick instance, not a slow statement. */
  writeLatencyAboveSeconds: z.number().gt(0).max(60).default(0.5),
  /**
   * Age in transactions of the oldest transaction id that raises the alarm; 0: no alarm. Autovacuum comes at 200 million, the server stops at two billion; at 500
   * million autovacuum doesn't keep up (AWS Database Blog, "Implement an Early Warning System for Transaction ID Wraparound").
   */
  transactionIdsAbove: z.int().min(0).max(2_000_000_000).default(500_000_000),
  /**
   * For a read replica: how far it may be behind its source (runbook 004, lines 1185-1194: 60 s); 0: no alarm. Statements that run too long on the
   * replica hold its replay back. Where the source is idle the lag grows although nothing is wrong ("Monitoring read replication").
   */
  replicaLagAboveSeconds: z.number().min(0).max(86_400).default(0),
  /**
   * Sessions at work for each vCPU that raise the alarm; 0: no alarm. Needs Performance Insights or Database Insights, which publishes `DBLoadRelativeToNumVCPUs`. Statements
   * that run for too long are looked for.
   */
  loadAbovePerVcpu: z.number().min(0).max(1000).default(0),
  /** Whether people are called when the server ends transactions that wait for each other, which no runbook can mend. Needs Performance Insights, too. */
  pageForDeadlocks: z.boolean().default(false),
  /** How long storage, memory, CPU, write latency, transaction ids, lag and load must be beyond their limits. */
  resourcesForSeconds: seconds(10, 86_400).default(900),
  severity: severity.default('P2'),
  /** The time is written into the table `nightshift.heartbeat` every ten seconds, so that the age of a copy is exact (docs/backups.md, Heartbeat). */
  heartbeat: z.boolean().default(false),
  /** With `heartbeat`: how long nobody must have got in, nor be connected, for the alarm that it is down (runbook 001, line 552: 1 minute; RDS restarts and fails over by itself in that time). */
  unansweredForSeconds: seconds(60, 86_400).multipleOf(60).default(120),
  /** It takes writes only while the standby's region grants it, so that a failover is fenced without a person (docs/recovery.md, Fencing by itself). Needs the guard in the database. */
  authority: z.boolean().default(false),
  /** Backups that Nightshift takes and proves; none when left out. */
  backup: backupSchema.optional(),
  /** How its services are pointed at a restored one (docs/recovery.md, `database-restore`). Needs `backup.verify`. */
  restore: restoreSchema.optional(),
  /** How the password of its services is rotated (docs/recovery.md, `secret-rotation`). */
  rotation: rotationSchema.optional(),
  /** Whether Nightshift makes the alarms; otherwise tag alarms of your own with `nightshift:runbook`. */
  createAlarms: z.boolean().default(true),
});

/** Where functions that speak SQL run: private subnets from which the databases can be reached. */
export const networkSchema = z.strictObject({
  vpcId: awsId('vpc'),
  /** Subnets of the function, best in two zones. They need no way to the internet. */
  subnetIds: z.array(awsId('subnet')).min(1),
  /** Route tables of those subnets: the free DynamoDB gateway endpoint is entered there. */
  routeTableIds: z.array(awsId('rtb')).min(1),
  /** `com.amazonaws.<region>.dynamodb` in `aws ec2 describe-managed-prefix-lists`: the only way out besides the databases. */
  dynamoDbPrefixListId: awsId('pl'),
  /**
   * `exists` when the route tables already have a DynamoDB gateway endpoint (a second one can't be made). Making one interrupts the
   * subnets' open connections to DynamoDB for a moment.
   */
  dynamoDbEndpoint: z.enum(['create', 'exists']).default('create'),
});

const windowBase = {
  /** How it is named in timelines. */
  name: z.string().min(1).max(64),
  /** `freeze`: nothing is changed. `change`: changes only then. `quiet`: people aren't told, except by pages. */
  kind: z.enum(['freeze', 'change', 'quiet']),
  /** Keys of `services`, `databases`, `endpoints` and `certificates` that it is about; all of them when left out. */
  for: z.array(z.string()).min(1).optional(),
};

/** Every week by the wall clock of a time zone, or once. */
export const windowSchema = z.discriminatedUnion('repeats', [
  z.strictObject({
    ...windowBase,
    repeats: z.literal('weekly'),
    /** IANA name, such as Europe/Paris. */
    timeZone: timeZoneName,
    /** Days on which it begins. */
    days: z
      .array(z.enum(DAYS))
      .min(1)
      .default([...DAYS]),
    from: clockTime,
    /** When it isn't after `from`, the window ends on the next day. */
    to: clockTime,
  }),
  z.strictObject({
    ...windowBase,
    repeats: z.literal('never'),
    begins: z.iso.datetime({ offset: true }),
    ends: z.iso.datetime({ offset: true }),
  }),
]);

/** Limits of one runbook; what is left out comes from its manifest and from `mode`. */
export const runbookSchema = z.strictObject({
  /** `off`, `observe` (says what it would do), `approve` (asks first), `auto` (does it). A high-risk runbook is `auto` only by its own line. */
  mode: z.enum(MODES).optional(),
  /** Least time between two changes of one target. */
  cooldownSeconds: seconds(0, 86_400).optional(),
  /** Changes of one target within one hour. */
  perTargetPerHour: perHour.optional(),
  /** Changes within one hour, over all targets. */
  perRunbookPerHour: perHour.optional(),
  /**
   * Time from its change to proof of it before a person is called. By default the deployment's, or longer where AWS takes longer. Backstop alarms
   * keep to the deployment's.
   */
  verifyWithinSeconds: seconds(1, 86_400).optional(),
  /**
   * Concurrent executions set aside for its function. None by default: what is set aside is taken from the account's limit, of
   * which a new account has little, and Lambda refuses a deployment that leaves fewer than 100 for everyone else.
   */
  reservedConcurrency: z.int().min(1).max(1000).optional(),
});

export const configSchema = z.strictObject({
  /** Name of this deployment, part of every resource's name. */
  name: name(20).default('main'),
  /** Region that is protected and deployed to. */
  region,
  /** Region that is to take over when `region` is lost; never the same. From there it is watched that Nightshift lives (docs/self-watch.md). */
  standbyRegion: region,
  /** Mode of every runbook without one of its own. */
  mode: z.enum(MODES).default('observe'),
  services: z.record(name(64), serviceSchema).default({}),
  /** By RDS instance identifier. */
  databases: z.record(name(63), databaseSchema).default({}),
  /** Services that users reach by one name at one of several sites (docs/endpoints.md). */
  endpoints: z.record(name(63), endpointSchema).default({}),
  /** Certificates whose expiry is watched (docs/certificates.md). */
  certificates: z.record(name(63), certificateSchema).default({}),
  /** Services in two regions of which `region` is the standby (docs/recovery.md, `region-failover`). */
  pairs: z.record(name(63), pairSchema).default({}),
  /** Needed as soon as there are databases. */
  network: networkSchema.optional(),
  /** By runbook name: the folders in `functions/remediations`. */
  runbooks: z.record(z.string(), runbookSchema).default({}),
  /** Scheduled jobs by name: the folders in `functions/jobs`. */
  jobs: z.record(z.string(), jobSchema).default({}),
  /** Recovery plans that a person may start, by name: the folders in `functions/recovery` (docs/recovery.md). */
  plans: z.array(z.string()).default([]),
  /** Those of `plans` that the ladders of alarms may start, too (docs/recovery.md, Started by an alarm). */
  plansByAlarm: z.array(z.string()).default([]),
  /** Rehearsals of plans on schedule, by a name of yours (docs/recovery.md). */
  drills: z.record(name(32), drillSchema).default({}),
  contacts: z
    .strictObject({
      /** Addresses that get every page; each must confirm a mail from Amazon SNS once. */
      pageEmails: z.array(z.email()).default([]),
      /** Who leads incidents, and where they meet; written in the first message of an incident. */
      commander: z.string().min(1).max(200).optional(),
      bridge: z.string().min(1).max(200).optional(),
      /**
       * Concurrent executions set aside for the notifier, which also keeps it from taking more in a storm. None by default, for the reason given
       * at `reservedConcurrency` of runbooks.
       */
      reservedConcurrency: z.int().min(1).max(1000).optional(),
    })
    .prefault({}),
  /** Who is called, one after the other, while nobody acknowledges an incident that needs a person (docs/escalation.md). */
  escalation: escalationSchema.prefault({}),
  /** Ways of telling people besides pages. Without any, nothing is deployed for it. */
  channels: z.record(name(32), channelSchema).default({}),
  /** Who is told of what. */
  routing: z.array(routeSchema).default([]),
  /** Who may act by link and approve, by the name that the journal uses. */
  people: z.record(personName, personSchema).default({}),
  approvals: approvalsSchema,
  /** Signed links in messages, and the public endpoint behind them. Without it nothing public is deployed. */
  links: linksSchema.optional(),
  /** How incidents that are over are kept in S3 (docs/records.md). */
  archive: archiveSchema,
  /** Regular checks of secrets and of everything protected (docs/checks.md); none when left out. */
  checks: checksSchema.optional(),
  /** Whether people are called for events of AWS Health that concern what is protected. */
  awsHealth: z.boolean().default(false),
  /** Reports of days, weeks and months (docs/reports.md); none when left out. */
  reports: reportsSchema.optional(),
  /** Daily backups of how services, records, alarms and the like are configured (docs/configuration-backups.md); none when left out. */
  configurationBackup: configurationBackupSchema.optional(),
  /** A page of graphs of what is protected, in CloudWatch (docs/operating.md): free for the account's first three with at most 50 metrics each, else 3 USD a month. */
  dashboard: z.boolean().default(false),
  fleet: z
    .strictObject({
      /** Changes within any one hour, over all runbooks and targets. */
      changesPerHour: perHour.default(30),
      /** Of what takes capacity away (hand-backs, and runbooks that stop or remove something), within any one hour. */
      removalsPerHour: perHour.default(10),
      /**
       * Reads of the account's APIs in one second that the reconciler makes itself or has made by its orders. What is answered at once, on an
       * alarm's own event, isn't slowed down. The rest waits for its next run.
       */
      describesPerSecond: z.int().min(1).max(1000).default(5),
    })
    .prefault({}),
  /**
   * Incidents that begin on more targets than this within this time have a common cause: new ones are held, and a person is called once
   * for all of them (docs/storms.md). Fleets of no more targets never get there.
   */
  storm: z
    .strictObject({
      /** Other targets whose incidents began before the one that is held. */
      targets: z.int().min(1).max(1000).default(10),
      withinSeconds: seconds(10, 3600).default(300),
    })
    .prefault({}),
  /** How Nightshift is watched itself (docs/self-watch.md). */
  selfWatch: z
    .strictObject({
      /** How often a canary goes the way of an alarm; two that don't arrive call a person. */
      canaryEveryMinutes: z.int().min(1).max(700).default(15),
      /** Every measure as a metric, 0.30 USD a month each; else only what an alarm watches is one, and the rest can be asked of the logs. */
      metrics: z.boolean().default(false),
      /** A page of graphs in CloudWatch: free for the account's first three, else 3 USD a month. What Nightshift measures of itself is on it where `metrics` is on. */
      dashboard: z.boolean().default(false),
    })
    .prefault({}),
  /** Times in which nothing is changed, or only then. */
  windows: z.array(windowSchema).default([]),
  /** Period of the alarms made here. Amazon ECS and RDS publish once a minute. */
  alarmPeriodSeconds: z.int().default(60),
  /** Period in which what guards read is published: a minute ("CloudWatch metrics for your Application Load Balancer"), but in a world whose time is compressed. */
  metricPeriodSeconds: seconds(1, 60).default(60),
  /** How often alarms and journal are compared. EventBridge Scheduler's unit is the minute. */
  reconcileEverySeconds: seconds(60, 3600).multipleOf(60).default(300),
  /** Time from an action to its proof; afterwards a person is paged. */
  verifyWithinSeconds: seconds(1, 86_400).default(600),
  /** What the backstop alarm waits beyond that before it pages by itself, without Nightshift. */
  backstopMarginSeconds: seconds(0, 86_400).default(300),
  /** An alarm seen firing on its first evaluation after it was made is looked at again after this. */
  firstEvaluationHoldSeconds: seconds(0, 86_400).default(300),
  /** How long a live value that Nightshift didn't write keeps its hands off. */
  handsOffSeconds: seconds(0).default(3600),
  /** Events older than this aren't acted on; the reconciler looks at the alarm itself. */
  staleAfterSeconds: seconds(1, 86_400).default(900),
  /** How long the functions' logs are kept. */
  logRetentionDays: z.literal([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731]).default(30),
  /**
   * Key of your own to encrypt pages at rest; its policy must let cloudwatch.amazonaws.com decrypt and generate data keys. None by
   * default: alarms can't publish through AWS's own key (docs/decisions/0012), and a key costs 1 USD a month.
   */
  pageTopicKeyArn: z
    .string()
    .regex(/^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/, 'the ARN of a KMS key')
    .optional(),
});

/** What `nightshift.config.ts` hands over. */
export type ConfigInput = z.input<typeof configSchema>;
/** The same with every default filled in. */
export type DeploymentConfig = z.output<typeof configSchema>;
export type ServiceInput = z.input<typeof serviceSchema>;
export type DatabaseInput = z.input<typeof databaseSchema>;

/** Identity, so that a configuration is checked by the editor where it is written. */
export const defineConfig = (config: ConfigInput): ConfigInput => config;
