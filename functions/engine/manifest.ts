/** What a remediation declares about itself: data only, so that synthesis, documentation and tests can read it without running it. */
import type { EventSourceName } from './sources/source.ts';

/**
 * An IAM permission. In `resources`, `{partition} {region} {standbyRegion} {account}` stand for the deployment's own, and `{services}` / `{databases}`
 * patterns (below) are repeated for each protected target. `'*'` needs `whyAnyResource`.
 *   `{cluster}` `{service}`: each protected ECS service.   `{taskRole}`: ARN of each role that their tasks have.
 *   `{database}`: each protected database instance.   `{verifiedDatabase}` `{verifySubnetGroup}` `{verifyUser}`: each whose backups are proved.
 *   `{copiedDatabase}` `{provedCopiedDatabase}` `{copyKey}`: each whose backups are copied to the standby region, those that are proved, too, and the keys for copies; `{copies}` `{provedCopies}`: `*` where there is such a database.
 *   `{exportedDatabase}` `{exportRole}` `{exportKey}`: each whose backups are exported to S3, and what RDS does that with; `{exportedSnapshots}`: `*` where there is any.
 *   `{guardedCluster}` `{guardedService}` `{standbyCluster}` `{standbyService}` `{guardedDatabase}` `{standbyReplica}`: what `checks.standby` compares, here and there; `{standbyServices}` `{standbyReplicas}`: `*` where there is any.
 *   `{restoredDatabase}`: each that a recovery plan may restore; `{connectionSecret}` `{connectionSecretKey}`: the secret by which services find it, and its key.
 *   `{pairReplica}` `{pairObject}` `{pairCluster}` `{pairService}`: of each pair, the replica, `bucket/key` of its switch, and each of its services.
 *   `{zone}` `{recordName}` `{recordType}`: each protected endpoint's record.   `{siteHealthCheck}`: the health check of each of its sites.
 *   `{configurationFolder}`: where backups of the configuration lie in the archive, if there are any.
 *   `{backedUpZone}` `{backedUpParameter}` `{backedUpRule}` `{backedUpStateMachine}`: of what `configurationBackup` names, the zones and the beginnings of names.
 *   `{certificate}`: ARN of each protected certificate; `{issuedCertificate}` `{importedCertificate}`: without and with `importFrom`.   `{validationZone}` `{validationDomain}`: each zone of their validation records.
 *   `{certificateSecret}` `{certificateSecretKey}`: ARNs of the secrets of imported ones, and of the keys that encrypt them.
 */
export interface Permission {
  readonly actions: readonly `${string}:${string}`[];
  readonly resources: readonly string[];
  /** Condition keys that must have exactly these values (StringEquals): where an ARN can't say what is meant. `{partition} {region} {standbyRegion} {account} {deployment}` as in `resources`. */
  readonly onlyWhere?: Readonly<Record<string, string>>;
  /**
   * Condition keys that may have several values (as `events:source` has one for each event of a call), each of which must be like one of these (ForAllValues:StringLike). Placeholders as in `resources`: then each target has a
   * statement of its own.
   */
  readonly onlyEach?: Readonly<Record<string, readonly string[]>>;
  /** Why a wildcard stands in `resources`: no resource-level permission or no id known beforehand, with AWS's page that says so. */
  readonly whyAnyResource?: string;
}

/** `db-snapshot`: one of ours of a database whose backups are copied. `aws-health`: an event of AWS Health, `canary`: the deployment itself; of both nothing is changed. */
export type TargetKind =
  | 'ecs-service'
  | 'rds-instance'
  | 'db-snapshot'
  | 'dns-endpoint'
  | 'certificate'
  | 'aws-health'
  | 'canary';

/** Something that happened, told by an event without a level, that may start this remediation. */
export interface TriggerEvent {
  readonly source: EventSourceName;
  /** Kinds of happenings in AWS's own words: values of `Signal.name`. */
  readonly what: readonly string[];
}

export type Trigger = TriggerMetric | TriggerEvent;

/** A metric whose alarm may start this remediation. Dimensions must be exactly these: they name the target. */
export interface TriggerMetric {
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: readonly string[];
}

/**
 * How a repeated action behaves (design section 1): `absolute` sets a value; `conditional` is compared by the API;
 * `evidence` can't be repeated safely, so the remediation must be able to see whether it already happened.
 */
export type Idempotency = 'absolute' | 'conditional' | 'evidence';

export interface RemediationManifest {
  /** Equal to the folder's name; also the value of the alarm tag `nightshift:runbook`. */
  readonly name: string;
  readonly summary: string;
  readonly targetKind: TargetKind;
  readonly triggers: readonly Trigger[];
  readonly permissions: readonly Permission[];
  /** `database-vpc`: the function speaks SQL, so it runs beside the database and reaches nothing but it and DynamoDB. */
  readonly network: 'none' | 'database-vpc';
  /** It takes capacity away (stops, removes, fails over): then it also claims a slot of the removal budget, as every hand-back does. */
  readonly removesCapacity?: boolean;
  /** The canary's: it claims no budget, and its incidents are kept where nobody is told of them. */
  readonly changesNothing?: boolean;
  /** Its change is the start of a run of this recovery plan (functions/plan-rungs). It is deployed where `plansByAlarm` of the configuration names the plan. */
  readonly startsPlan?: string;
  /** Fields that it changes for a while (`Change.hold.field`), so that it knows what another remediation holds of them. */
  readonly holds?: readonly string[];
  /** Its own change isn't for a while: `holds` only says of which fields it minds that another remediation holds them. */
  readonly handsNothingBack?: true;
  readonly risk: 'low' | 'medium' | 'high';
  readonly idempotency: Idempotency;
  /**
   * Its changes need so many people's approval in every mode that changes anything. Absent: only mode `approve` asks, one person, or two where the
   * risk is high.
   */
  readonly approval?: { readonly people: 1 | 2 };
  readonly defaults: {
    readonly cooldownSeconds: number;
    readonly perTargetPerHour: number;
    readonly perRunbookPerHour: number;
    /** Where AWS takes longer for the change than most: at least so long, before a person is called for want of proof. */
    readonly verifyWithinSeconds?: number;
  };
  /** For the page of docs/remediations: what neither its permissions nor its triggers tell. Every folder of `functions/remediations` has it. */
  readonly documentation?: {
    /** What keeps it from acting, each in a few words that go on from "It refuses when". */
    readonly refusesWhen: readonly [string, ...string[]];
    /** How its change is put back, or that it can't be; whole sentences. */
    readonly undo: string;
  };
  /** The function's hard timeout. */
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
}

/** Identity, so that a manifest is checked where it is written. */
export const defineManifest = <const M extends RemediationManifest>(manifest: M): M => manifest;

export const metricTriggersOf = ({ triggers }: Pick<RemediationManifest, 'triggers'>): readonly TriggerMetric[] =>
  triggers.filter((trigger): trigger is TriggerMetric => 'metricName' in trigger);
export const eventTriggersOf = ({ triggers }: Pick<RemediationManifest, 'triggers'>): readonly TriggerEvent[] =>
  triggers.filter((trigger): trigger is TriggerEvent => 'what' in trigger);

/** The alarm tag that opts an alarm in; its value is the remediation's name. */
export const RUNBOOK_TAG = 'nightshift:runbook';
/** Names the deployment that an alarm is for; one that names none is every deployment's in its account and region. */
export const DEPLOYMENT_TAG = 'nightshift:deployment';
/**
 * Names the target of an alarm that watches no metric itself (a composite or log alarm), as the journal does: `rds-instance/orders-db`. It selects among
 * what is configured, no more.
 */
export const TARGET_TAG = 'nightshift:target';
