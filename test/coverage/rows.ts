/** One procedure of the source runbooks, and why it isn't covered where no test proves it. */

/** Why something isn't done yet: what has to be built first. */
export const LATER = {
  ladder: 'A runbook, remediation or part of the incident process that is still to be built or proved under this id.',
  proof: 'Built at least in part; no test plays this very thing in the local world and looks at what came of it yet.',
  unit: 'Built and held by unit tests; no test plays it in the local world yet.',
  scalers:
    'Nobody looks for a second scaler of the same service yet; a minimum that somebody else’s scaler owns is raised and given back.',
  severities: 'Nightshift knows P1 to P4: what the runbooks call P0 is its P1 and has no path of its own.',
  diagnosis:
    'A page tells what AWS says of its target (events, why tasks ended, use, requests and errors); the lines of its logs, and stored queries of them, such as for users concerned, aren’t collected: they are the application’s own words, and may hold what a page must not.',
  ingress:
    'A page says why targets behind the load balancer are unhealthy; its listeners, their rules, its own logs and its certificate aren’t looked at.',
  auditLog:
    'Who made each change that a backup of the configuration finds is looked up in CloudTrail; what changed nothing there (log-ins, reads, refusals) isn’t looked at.',
  channels: 'Needs a vendor’s API for chat rooms or status pages, which no channel of notifications uses yet.',
  plans:
    'Belongs to a recovery plan, or a step of one, that is still to be built, or to be proved under this id; docs/recovery.md says which plans are there.',
  startedByPerson:
    '`region-failover` does it, with two signs of the outage; lacks an alarm that starts it: a person does.',
  platform:
    'Services, databases, their passwords, the configuration and a pair of regions have a plan each; lacks one that recovers a whole platform in phases.',
  drills:
    'Plans are rehearsed on schedule, and measured (`drills`, the scenario `drill`); lacks a test that plays a drill in the local world: its decisions have unit tests.',
  trafficDrill:
    'A rehearsal changes nothing that users use: lacks a drill that moves their traffic, which a person starts as a real run.',
  validation:
    'Each plan ends with a proof of its own (tasks, deployment, requests, rows); lacks limits for response times, and requests from end to end.',
  watching: 'Once a run has ended, alarms watch as before it; lacks a watch of its own, and its report.',
  standbyRegion:
    'What Nightshift needs of a standby region is deployed there; lacks the services and databases, which whoever owns them deploys and `checks.standby` compares.',
  failoverMachine:
    'The scenario `region-failover` plays the state machine on two regions of the local world; lacks a test under this id.',
  slack:
    'Each step has one owner and a budget; lacks slack: the budgets of some plans add up to more than their target.',
  logsOfLost: 'A run’s story is kept where it runs, not in what failed; lacks the logs of what failed.',
  noReversal:
    'The old primary is fenced before the promotion; lacks a reversal of the promotion, which no database knows: a person is called.',
  allProbes:
    'Probes are asked several times, and the steps say how many were answered well; lacks a report of all of them where the first fails.',
  wholeBackup:
    'Each thing is restored from its own backup; lacks a check that all that was backed up together is restored together.',
  pinned: 'Services go back to revisions whose images are pinned by digest; lacks a recovery of hosts.',
  noPassword:
    'Several signs, a fence, and an API call without a password; lacks a test under this id that looks for one.',
  stuck:
    'RDS can’t cancel a snapshot that is being made: a person is called when one takes too long (2c/backup-too-slow), and another is taken of a database whose backup failed (M26).',
  backups: 'Part of backups that is still to be built, or to be proved under this id.',
  checks: 'A regular check that is still to be built, or to be proved under this id.',
  reports: 'A report, or a part of one, that is still to be built or proved under this id.',
  dns: 'No part of `fail-over-dns` yet, or still to be proved under this id.',
  certificates: 'No part of `renew-certificate` yet, or still to be proved under this id.',
  costs:
    'What a change costs an hour is said before and after it; the bill is in AWS Cost Explorer, which no report asks yet: each question costs money, and its answer is a day old.',
  secrets:
    'No part of `secret-rotation`, which changes the password of a database user and nothing else, or still to be proved under this id.',
  weekly:
    'The weekly report has alarms, trends and the scheduled jobs (certificates, restored backups); updates, audit logs and documents aren’t looked at.',
  security: 'Security work comes after recovery; nothing is built for it yet.',
  cache: 'Nightshift reaches ECS, RDS and Route 53 first; ElastiCache comes later.',
  kubernetes: 'Nightshift acts on ECS first; Kubernetes comes later.',
  dumps:
    'A logical copy needs a task with pg_dump beside the database; what runs here are functions, and what they take and prove are snapshots.',
  network:
    '`fail-over-dns` puts names right and asks resolvers, `renew-certificate` puts certificates right; no plan does both in one run.',
  inventory:
    'Certificates are protected by their ARN in the configuration; those of the account that are missing there are named by `back-up-configuration`, and none is protected by what it is.',
  zones:
    'ECS starts lost tasks in the zones that are left, and RDS fails a Multi-AZ instance over, by themselves; `stop-unhealthy-task` tells whoever is called when all sick tasks of a service are in one zone. Lacks moving a service or its traffic away from a zone that is only sick.',
  hosts: 'Nightshift acts on services and databases; single hosts come later.',
  release: 'Releasing software is a pipeline’s work; Nightshift watches and rolls back.',
} as const;

/** Why a machine shouldn't or can't do it. */
export const NOT_AUTOMATABLE = {
  people: 'People report, judge or review here; a tool can only remind them.',
  peopleDecide: 'A design decision about somebody’s system: it is advised on, never made by a tool at night.',
  application: 'Inside an application, which offers no interface for operations.',
  foreign: 'Concerns a product that is no part of AWS as Nightshift protects it.',
  awsDoes: 'A setting of AWS’s own that needs no automation.',
  text: 'A fault in a text: nothing runs that could be right or wrong.',
} as const;

export type Reason = keyof typeof LATER | keyof typeof NOT_AUTOMATABLE;

export interface Row {
  /** `<section>/<name>` of the catalogue, or the number of an item that is left to people (M) or wrong (D). */
  readonly id: string;
  /** Source runbooks that ask for it, by number. */
  readonly seeds: readonly string[];
  /** What is asked for, in our own words. */
  readonly asks: string;
  /** Holds as long as no test proves it. */
  readonly otherwise: Reason;
}

export const row = (id: string, seeds: string, asks: string, otherwise: Reason): Row => ({
  id,
  seeds: seeds.split(' '),
  asks,
  otherwise,
});

export const isLater = (reason: Reason): reason is keyof typeof LATER => reason in LATER;
