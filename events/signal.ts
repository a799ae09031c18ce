/** A signal: an alarm's change of state, as the engine understands it after the source's schema accepted it. */
export interface Signal {
  /** Identity of the event; the same event delivered again has the same id. */
  readonly id: string;
  readonly source: 'cloudwatch-alarm';
  /** The alarm's ARN. */
  readonly alarmArn: string;
  readonly alarmName: string;
  readonly state: 'firing' | 'resolved';
  /** When the alarm changed its state (ISO 8601). */
  readonly at: string;
  /** `<kind>/<name...>`, inferred from the alarm's own metric, present in the configuration. */
  readonly target: string;
  /** Set when this is the alarm's first evaluation after it was created or changed. */
  readonly firstEvaluation: boolean;
  /** 0 for the event itself; n when the reconciler brings it up again for the n-th time, because it was held or refused. */
  readonly recheck: number;
  /** What the alarm said, trimmed to a size that the journal can keep. */
  readonly evidence: {
    readonly reason: string;
    readonly metricName: string;
    readonly threshold?: number;
    readonly datapoints: readonly number[];
  };
}
