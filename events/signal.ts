/** A signal: an alarm's change of state, or something that happened, as the engine understands it after the source's schema accepted it. */

export const SOURCES = [
  'cloudwatch-alarm',
  'cloudwatch-contributor',
  'ecs-deployment',
  'ecs-service',
  'ecs-task',
  'rds-event',
  'acm',
  'backup',
  'health',
  'schedule',
  'person',
] as const;
export type SourceName = (typeof SOURCES)[number];

export interface Signal {
  /** Identity of the event; the same event delivered again has the same id. */
  readonly id: string;
  readonly source: SourceName;
  /** What it is about: the alarm's ARN, or `<source>:<target>:<what>` for an event without a level; of one time series of an alarm, that alarm's ARN after it. */
  readonly subject: string;
  /** The alarm as a whole, where the subject is only one of its time series. */
  readonly alarmArn?: string;
  /** For people: the alarm's name, or what happened in AWS's own words (`SERVICE_DEPLOYMENT_FAILED`). */
  readonly name: string;
  /** An event without a level is `firing`: it is over when the target is seen to be well. Of AWS Health alone the end is told, too. */
  readonly state: 'firing' | 'resolved';
  /** When the alarm changed its state, or it happened (ISO 8601). */
  readonly at: string;
  /** `<kind>/<name...>`, inferred from the alarm's own metric or the event's own resource, present in the configuration. */
  readonly target: string;
  /** Set when this is the alarm's first evaluation after it was created or changed. */
  readonly firstEvaluation: boolean;
  /** Until when a mute rule of its owner keeps the alarm quiet (ISO 8601). */
  readonly mutedUntil?: string;
  /** 0 for the event itself; n when the reconciler brings it up again for the n-th time, because it was held or refused. */
  readonly recheck: number;
  /** The runbook whose ladder it climbs; absent: the one that the invoked remediation begins. */
  readonly runbook?: string;
  /** The rung it is for: 0 is the first remediation of its runbook. */
  readonly rung: number;
  /** What the alarm or event said, trimmed to a size that the journal can keep. Never a secret. */
  readonly evidence: {
    readonly reason: string;
    /** Only of alarms. */
    readonly metricName?: string;
    readonly threshold?: number;
    readonly datapoints: readonly number[];
    /** Further facts of an event (deployment id, stop code, ...), few and short. */
    readonly facts?: Readonly<Record<string, string | number | boolean>>;
  };
}

/** Whether a signal's subject is an alarm (an ARN), which tells again when it is over. */
export const isAlarm = (subject: string): boolean => subject.startsWith('arn:');

/** An alarm has a level: it tells again when it is over, and can be asked. Everything else only tells that something happened, and, of AWS Health, that it is over. */
export const hasLevel = ({ source }: Pick<Signal, 'source'>): boolean => source === 'cloudwatch-alarm';
