/** Alarms as they should be for what is protected. Pure. */

import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import type { Check } from '../../events/published/doctor.ts';
import type { RuntimeConfig } from '../../functions/engine/config.ts';
import {
  DEPLOYMENT_TAG,
  metricTriggersOf,
  type RemediationManifest,
  RUNBOOK_TAG,
  TARGET_TAG,
} from '../../functions/engine/manifest.ts';
import { type Deployment, protectedTargets } from '../deployment.ts';

/** Runbooks whose alarms a deployment makes by itself for every target; others only with a load balancer, Container Insights or a limit. */
const MADE_HERE: readonly string[] = [
  ...['scale-out-service', 'release-idle-connections', 'end-long-queries', 'fail-over-database', 'fail-over-dns'],
  'database-down',
];

/** An alarm with its tags; `ActionConfiguration` says whether they travel with its events. */
export interface TaggedAlarm {
  readonly alarm: MetricAlarm;
  readonly tags: Readonly<Record<string, string>>;
}

/** What an alarm's metric must be to start a runbook on a target. */
export interface Wanted {
  readonly runbook: string;
  readonly target: string;
  readonly metrics: readonly WantedMetric[];
}

interface WantedMetric {
  readonly namespace: string;
  readonly metricName: string;
  /** Dimensions that it has, and no others. */
  readonly names: readonly string[];
  /** Values of those that name the target. */
  readonly dimensions: Readonly<Record<string, string>>;
}

/** One for each runbook that is deployed and each target it is for. */
export function wantedAlarms({ config, manifests }: Pick<Deployment, 'config' | 'manifests'>): Wanted[] {
  // Whether a database lets anybody in is told by its heartbeat alone.
  const probed = Object.values(config.databases).flatMap(({ heartbeat, name }) =>
    heartbeat ? [`rds-instance/${name}`] : [],
  );
  return Object.entries(config.ladders).flatMap(([runbook, { rungs, startedBy }]) => {
    const first = manifests.find(({ name }) => name === rungs[0]);
    const triggers = metricTriggersOf({ triggers: startedBy });
    // One that only events start has no alarm to look for.
    if (!first || triggers.length === 0) return [];
    const targets = targetsOf(first, config).filter(
      ({ target }) => runbook !== 'database-down' || probed.includes(target),
    );
    return targets.map(({ target, dimensions }) => ({
      ...{ target, runbook },
      metrics: triggers.flatMap(({ namespace, metricName, dimensions: names }): WantedMetric[] => {
        const own = Object.fromEntries(Object.entries(dimensions).filter(([name]) => names.includes(name)));
        // A service without a load balancer is told by no metric of one.
        return Object.keys(own).length > 0 ? [{ namespace, metricName, names, dimensions: own }] : [];
      }),
    }));
  });
}

function targetsOf(
  { targetKind }: RemediationManifest,
  { services, databases, endpoints, certificates }: RuntimeConfig,
): { target: string; dimensions: Record<string, string> }[] {
  switch (targetKind) {
    case 'ecs-service':
      return Object.values(services).map(({ cluster, service, balancedBy }) => ({
        target: `ecs-service/${cluster}/${service}`,
        dimensions: {
          ...{ ClusterName: cluster, ServiceName: service },
          ...(balancedBy && { TargetGroup: balancedBy.targetGroup }),
        },
      }));
    case 'rds-instance':
      return Object.values(databases).map(({ name }) => ({
        target: `rds-instance/${name}`,
        dimensions: { DBInstanceIdentifier: name },
      }));
    case 'dns-endpoint':
      return Object.values(endpoints).map(({ name, healthCheckId }) => ({
        target: `dns-endpoint/${name}`,
        dimensions: { HealthCheckId: healthCheckId },
      }));
    case 'certificate':
      return Object.values(certificates).map(({ name, arn }) => ({
        target: `certificate/${name}`,
        dimensions: { CertificateArn: arn },
      }));
    // They are told by events only.
    case 'aws-health':
    case 'db-snapshot':
      return [];
    // Its alarm is set by a schedule; whether canaries arrive is a check of its own.
    case 'canary':
      return [];
    default:
      return targetKind satisfies never;
  }
}

/** Whether an alarm watches the target that is meant, by one of the metrics that may start the remediation. */
export function watches(alarm: MetricAlarm, wanted: Wanted): boolean {
  const metrics = [alarm, ...(alarm.Metrics ?? []).flatMap(({ MetricStat }) => MetricStat?.Metric ?? [])];
  return metrics.some(({ Namespace, MetricName, Dimensions = [] }) =>
    wanted.metrics.some(
      ({ namespace, metricName, names, dimensions }) =>
        Namespace === namespace &&
        MetricName === metricName &&
        Dimensions.length === names.length &&
        Dimensions.every(
          ({ Name = '', Value }) =>
            names.includes(Name) && (dimensions[Name] === undefined || dimensions[Name] === Value),
        ),
    ),
  );
}

/** What only costs money: nobody is woken for it, so its alarms have no backstop. */
const ENDANGERS_NOTHING = ['scale-in-service'];

/**
 * Judges the alarms of one remediation on one target: is there one, do its tags travel, is it switched on, and does a backstop page without us?
 * @param alarms those that watch the target.
 */
export function judgeAlarms(wanted: Wanted, alarms: readonly TaggedAlarm[], deployment: string): Check[] {
  const ours = alarms.filter(
    ({ tags }) => tags[RUNBOOK_TAG] === wanted.runbook && (tags[DEPLOYMENT_TAG] ?? deployment) === deployment,
  );
  if (ours.length === 0)
    return [
      {
        check: 'alarms',
        subject: wanted.target,
        // Alarms of other runbooks are the user's to make: which trouble it is for isn't known here.
        verdict: MADE_HERE.includes(wanted.runbook) ? 'wrong' : 'unknown',
        what: `no alarm starts ${wanted.runbook} for it`,
        todo: `${MADE_HERE.includes(wanted.runbook) ? 'deploy again, or tag' : 'if you want it to be started, tag'} its alarm on ${wanted.metrics.map(({ metricName }) => metricName).join(' or ')} with ${RUNBOOK_TAG}=${wanted.runbook}`,
      },
    ];
  const others = alarms.filter(({ tags }) => tags[RUNBOOK_TAG] === undefined);
  return ours.flatMap(({ alarm }) => [
    judgeAlarm(alarm),
    ...(ENDANGERS_NOTHING.includes(wanted.runbook) ? [] : [judgeBackstop(alarm, others)]),
  ]);
}

function judgeAlarm(alarm: MetricAlarm): Check {
  const subject = alarm.AlarmName ?? '';
  const wrong = (what: string, todo: string): Check => ({ check: 'alarms', subject, verdict: 'wrong', what, todo });
  // "Alarm tags in action payloads", Amazon CloudWatch User Guide: without it events carry no tags, and the rule matches tags.
  if (alarm.ActionConfiguration?.AlarmTagsPropagation?.Enabled !== true)
    return wrong(
      'its tags do not travel with its events, so only the sweep of the reconciler sees it',
      'enable alarm tags propagation (PutMetricAlarm, ActionConfiguration)',
    );
  if (alarm.ActionsEnabled === false)
    return wrong('its actions are disabled, so Nightshift leaves it alone', 'enable them (EnableAlarmActions)');
  if (alarm.StateValue === 'INSUFFICIENT_DATA')
    return {
      check: 'alarms',
      subject,
      verdict: 'unknown',
      what: 'it has no data',
      todo: 'look whether its metric exists, unless it was made only now',
    };
  return { check: 'alarms', subject, verdict: 'ok', what: `starts Nightshift, is ${alarm.StateValue}` };
}

function judgeBackstop(alarm: MetricAlarm, others: readonly TaggedAlarm[]): Check {
  const subject = alarm.AlarmName ?? '';
  const same = others.filter(({ alarm: other }) => metricOf(other) === metricOf(alarm)).map((each) => each.alarm);
  const faults = same.map((other) => ({ name: other.AlarmName, why: whyNoBackstop(alarm, other) }));
  const pages = faults.find(({ why }) => why === undefined);
  if (pages) return { check: 'backstop', subject, verdict: 'ok', what: `${pages.name} pages without Nightshift` };
  const named = faults.map(({ name, why }) => `${name} ${why}`);
  return {
    check: 'backstop',
    subject,
    verdict: 'wrong',
    what: named.length > 0 ? `it has no backstop: ${named.join(', ')}` : 'it has no backstop',
    todo: 'deploy again, or make an alarm on the same metric and side of the same threshold that waits longer and notifies the page topic itself',
  };
}

/**
 * What a person is woken by: a topic, or a response plan of Incident Manager ("PutMetricAlarm", Amazon CloudWatch API Reference, AlarmActions). Scaling policies,
 * EC2 actions, operations items and functions wake nobody by themselves.
 */
const WAKES = /^arn:[^:]+:(sns|ssm-incidents):/;

/** Why an alarm on the same metric doesn't page when Nightshift leaves this one unanswered; undefined when it does. */
function whyNoBackstop(alarm: MetricAlarm, other: MetricAlarm): string | undefined {
  if (!other.ActionsEnabled || !other.AlarmActions?.length) return 'has no action that is enabled';
  if (!other.AlarmActions.some((action) => WAKES.test(action))) return 'has no action that wakes a person';
  const side = sideOf(alarm);
  if (sideOf(other) !== side) return `watches the other side (${other.ComparisonOperator} ${other.Threshold})`;
  const [ours, theirs] = [alarm.Threshold ?? 0, other.Threshold ?? 0];
  if (side === 'above' ? theirs > ours : side === 'below' && theirs < ours)
    return `begins only at ${theirs}, this one at ${ours}`;
  return undefined;
}

/** Which side of its threshold is trouble; an operator on bands of an anomaly detector is a side of its own. */
function sideOf({ ComparisonOperator: operator }: MetricAlarm): string | undefined {
  if (operator === 'GreaterThanThreshold' || operator === 'GreaterThanOrEqualToThreshold') return 'above';
  return operator === 'LessThanThreshold' || operator === 'LessThanOrEqualToThreshold' ? 'below' : operator;
}

/** The metric by its namespace and name, or what is computed of which; alarms that are compared watch the same target. */
const metricOf = ({ Namespace, MetricName, Metrics = [] }: MetricAlarm): string =>
  MetricName
    ? `${Namespace} ${MetricName}`
    : JSON.stringify(Metrics.map(({ Expression, MetricStat }) => Expression ?? MetricStat?.Metric?.MetricName).sort());

/** A composite or log alarm, which watches no metric, with its tags. */
export interface WithoutMetric {
  readonly kind: 'composite' | 'log';
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * What watches no metric names its target by a tag. A composite without one is answered minutes later, when the reconciler looks at the alarms that it is made
 * of, and only where they all name one target; a log alarm never is.
 */
export function judgeWithoutMetric(
  alarms: readonly WithoutMetric[],
  { config, name }: Pick<Deployment, 'config' | 'name'>,
): Check[] {
  const targets = protectedTargets(config).map(({ key }) => key);
  const todo = `tag it with what it is about: ${TARGET_TAG}=${targets[0] ?? 'rds-instance/orders'}`;
  const ours = alarms.filter(
    ({ tags }) => Object.hasOwn(config.ladders, tags[RUNBOOK_TAG] ?? '') && (tags[DEPLOYMENT_TAG] ?? name) === name,
  );
  return ours.flatMap(({ kind, name: subject, tags }): Check[] => {
    const target = tags[TARGET_TAG];
    const wrong = (what: string): Check[] => {
      const asks = `it asks for ${tags[RUNBOOK_TAG]}`;
      return [{ check: 'alarms', subject, verdict: 'wrong', what: `${asks} ${what}`, todo }];
    };
    if (target === undefined)
      return wrong(
        kind === 'log'
          ? 'and names no target: nothing answers it'
          : 'and names no target: only the reconciler answers, later, where all its alarms name one target',
      );
    return targets.includes(target) ? [] : wrong(`on ${target}, which is not in the configuration`);
  });
}
