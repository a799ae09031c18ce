/** What the crash matrix is made of: points at which something goes wrong, and the targets on which they are tried. */
import type {
  CertificateConfig,
  DatabaseConfig,
  EndpointConfig,
  ServiceConfig,
} from '../../functions/engine/config.ts';
import type { StatementWatcher } from '../../local/stand-ins/rds/statements.ts';
import type { AwsCall, AwsEvent } from '../../local/world/types.ts';
import type { Place } from './place.ts';

/**
 * Deliveries to a remediation in the life of an incident: the alarm, its end, and the order to hand a temporary change back. In mode `approve`: the
 * alarm, for which people are asked (`asked`), and the order that the last approval gives (`approved`).
 */
export const STAGES = ['firing', 'resolved', 'hand-back', 'asked', 'approved'] as const;
export type Stage = (typeof STAGES)[number];
export const APPROVE_STAGES: readonly Stage[] = ['asked', 'approved'];
/** The alarm still fires after it. */
export const isFiring = (stage: Stage): boolean => stage === 'firing' || APPROVE_STAGES.includes(stage);

/**
 * What goes wrong. `throttled`, `timeout-before` and `answers-lost` last until the function's run has ended, so the SDK's own retries meet them
 * too; `timeout-after` (one answer is lost, the SDK tries again by itself), `refused` and `killed` happen once.
 */
export const KINDS = ['throttled', 'refused', 'timeout-before', 'timeout-after', 'answers-lost', 'killed'] as const;
export type Kind = (typeof KINDS)[number];

/**
 * How the delivery comes again: `retry` by Lambda's own retries; `concurrent`: a second delivery of the same event at the same time, and for an
 * alarm a second alarm of the same target too; `reconciler`: not at all, so that only the reconciler is left.
 */
export const MODES = ['retry', 'concurrent', 'reconciler'] as const;
/** Besides: `rival`, for cases that name one. As soon as the fault is met, an alarm of another kind of the same target comes to another remediation. */
export type Mode = (typeof MODES)[number] | 'rival';

/** An AWS call or (service `postgres`) an SQL statement, and which of its kind within one delivery: 1 is the first. */
export interface Seam {
  readonly service: string;
  readonly operation: string;
  readonly nth: number;
}

export interface Point {
  readonly remediation: string;
  readonly stage: Stage;
  readonly seam: Seam;
  readonly kind: Kind;
  readonly mode: Mode;
}

export const nameOf = ({ remediation, stage, seam, kind, mode }: Point): string =>
  `${remediation} ${stage}: ${seam.service} ${seam.operation} #${seam.nth} ${kind}, ${mode}`;

/** Marks everything that belongs to one target: part of its name, of its alarms' names, and so of every item the journal keeps of it. */
export const TOKENS = /mx\d{4}x/g;
export const tokenOf = (index: number): string => `mx${String(index).padStart(4, '0')}x`;

/** What became of the thing itself, as the stand-in and not the journal knows it. */
export interface Inspection {
  /** `before` and `after` are the recorded intent's states; `beyond` is anything else. */
  readonly state: 'before' | 'after' | 'beyond';
  /** How often its state was changed. */
  readonly changes: number;
  readonly detail: string;
  /** What tells of the trouble happened once: nobody can ask whether it still does. */
  readonly withoutLevel?: true;
}

/** One thing to protect, used for one point only. */
export interface MatrixTarget {
  readonly token: string;
  /** As in signals: `ecs-service/orders/mx0001x`. */
  readonly key: string;
  /** What the alarms are about; not used where `tell` is there. */
  readonly metric: {
    readonly Namespace: string;
    readonly MetricName: string;
    readonly Dimensions: { Name: string; Value: string }[];
  };
  /** What the alarm of the case's rival is about. */
  readonly metricOfRival?: MatrixTarget['metric'];
  /** Its alarms say that there is too little of it. */
  readonly below?: true;
  /** For what no alarm tells of: the service's own event of the beginning or the end of the trouble. */
  tell?(state: 'ALARM' | 'OK'): AwsEvent;
  /** Sees to what a stage needs besides the journal: data that CloudWatch must have, tasks that must run. */
  ready(stage: Stage): Promise<void>;
  /** Has the statements of Nightshift's login on this target looked at; absent where no SQL is spoken. */
  watchStatements?(watcher: StatementWatcher | undefined): void;
  /** Compares with the changes that the journal recorded (`before` and `after` of each intent, in their order). */
  inspect(intents: readonly RecordedIntent[]): Promise<Inspection>;
  dispose(): Promise<void>;
}

export interface RecordedIntent {
  readonly remediation: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** A remediation's side of the matrix; one file in `cases/`, named after it. */
export interface MatrixCase {
  readonly remediation: string;
  readonly stages: readonly Stage[];
  /** Another remediation whose alarms the same target has: in mode `rival` one of them fires while the first is interrupted. */
  readonly rival?: string;
  /** It is told by a service's own events: when Lambda's retries have failed, the failure queue is all that is left of one. So there is no mode `reconciler`. */
  readonly toldByEvents?: true;
  /** It changes nothing: a person is called each time, and that is no end, because the end is told. */
  readonly callsOnly?: true;
  /** Targets alive at a time: each costs processes. */
  readonly targetsAtOnce: number;
  /** Makes what all its targets share. Called once, before the functions are built. */
  open(place: Place): Promise<OpenCase>;
}

export interface OpenCase {
  /** Configuration of the target with that token. */
  configure(
    token: string,
    index: number,
  ): {
    service?: ServiceConfig;
    database?: DatabaseConfig;
    endpoint?: EndpointConfig;
    certificate?: CertificateConfig;
  };
  /** Makes the target; a database waits for a free server. */
  target(token: string, index: number): Promise<MatrixTarget>;
  /** Whose target (token) a changing call of the customer's API is about; undefined: none of this case's. Told before it takes effect. */
  changes(call: AwsCall): string | undefined;
  /** Whether an SQL statement changes the target. */
  changesBySql?(sql: string): boolean;
}
