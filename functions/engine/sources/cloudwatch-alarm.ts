/** From a CloudWatch alarm event to a signal with a target, or the reason why not. Pure; alarms are untrusted input. */
import type { RejectReason } from '../../../events/outcome.ts';
import type { Signal } from '../../../events/signal.ts';
import { type AlarmStateChange, alarmStateChange } from '../../../events/sources/cloudwatch-alarm/schema.ts';
import type { RuntimeConfig } from '../config.ts';
import {
  metricTriggersOf,
  type RemediationManifest,
  RUNBOOK_TAG,
  TARGET_TAG,
  type TargetKind,
  type TriggerMetric,
} from '../manifest.ts';
import type { Ladder } from '../runbook.ts';
import { certificateTarget } from './certificates.ts';
import { malformed, mutedUntil, REASON_LIMIT, type Rejection } from './source.ts';

const DATAPOINTS_LIMIT = 10;
/**
 * A composite whose suppressor keeps it quiet is looked at again after so long. CloudWatch sends another event when that is over ("Suppressing composite alarm actions",
 * Amazon CloudWatch User Guide), and the reconciler waits on as long as it is not.
 */
const SUPPRESSED_MS = 10 * 60_000;

type Dimensions = Readonly<Record<string, string>>;

/** How a target's key is made of the values of the alarm's dimensions. */
type Known = Pick<RuntimeConfig, 'services' | 'endpoints' | 'certificates' | 'region'>;
const TARGET_OF: Record<TargetKind, (dimensions: Dimensions, known: Known) => string> = {
  'ecs-service': ({ ClusterName, ServiceName, TargetGroup }, { services }) =>
    TargetGroup === undefined ? `ecs-service/${ClusterName}/${ServiceName}` : serviceBehind(TargetGroup, services),
  // No metric is about them.
  'aws-health': () => 'aws-health/',
  'db-snapshot': () => 'db-snapshot/',
  canary: (dimensions) => `canary/${dimensions.Deployment}`,
  'rds-instance': (dimensions) => `rds-instance/${dimensions.DBInstanceIdentifier}`,
  certificate: ({ CertificateArn = '' }, known) =>
    certificateTarget(CertificateArn, known) ?? `certificate/${CertificateArn}`,
  // A health check says nothing of what it is for: the configuration does. One that isn't there names a target that isn't, either.
  'dns-endpoint': ({ HealthCheckId }, { endpoints }) => {
    const found = Object.values(endpoints).find(({ healthCheckId }) => healthCheckId === HealthCheckId);
    return `dns-endpoint/${found?.name ?? HealthCheckId}`;
  },
};

/** The target that a metric's dimensions name; one that isn't configured is named, too. */
export const targetOfDimensions = (kind: TargetKind, dimensions: Dimensions, known: Known): string =>
  TARGET_OF[kind](dimensions, known);

const KINDS: Readonly<Record<string, TargetKind>> = {
  'AWS/ECS': 'ecs-service',
  'ECS/ContainerInsights': 'ecs-service',
  'AWS/ApplicationELB': 'ecs-service',
  'AWS/RDS': 'rds-instance',
  'AWS/Route53': 'dns-endpoint',
  'AWS/CertificateManager': 'certificate',
  // DatabaseUnanswered; no other metric of ours starts a runbook.
  Nightshift: 'rds-instance',
};
/** What the metrics of a namespace are about; undefined for one that no runbook knows. */
export const kindOfMetrics = (namespace: string): TargetKind | undefined =>
  Object.hasOwn(KINDS, namespace) ? KINDS[namespace] : undefined;

/** Metrics that AWS publishes in one region for things that have none, or whose dimensions name the region themselves (an ARN). */
const OF_ANY_REGION: readonly string[] = ['AWS/Route53', 'AWS/CertificateManager'];
/**
 * Whether an alarm's metrics are about things of another region: an alarm watches metrics of its own region only ("Using Amazon CloudWatch alarms"), and alarms of us-east-1 are
 * brought to deployments elsewhere. The same names there are other things, which Nightshift doesn't protect from here.
 * @param arn of the alarm. @param own the deployment's region.
 */
export const isElsewhere = (namespace: string, arn: string, own: string): boolean =>
  !OF_ANY_REGION.includes(namespace) && arn.split(':')[3] !== own;

/** The configured service that a load balancer's target group leads to; what isn't configured is named, and protected by nobody. */
function serviceBehind(targetGroup: string, services: RuntimeConfig['services']): string {
  const found = Object.values(services).find((each) => each.balancedBy?.targetGroup === targetGroup);
  return found ? `ecs-service/${found.cluster}/${found.service}` : `ecs-service/behind/${targetGroup}`;
}

/**
 * Reads an event.
 * @param event Anything: a value that isn't such an event is rejected as malformed.
 * @param manifest The remediation that was invoked. It listens to the runbooks that begin with it, and of these to the metrics that start them.
 */
export function readAlarmEvent(
  event: unknown,
  manifest: Pick<RemediationManifest, 'name' | 'targetKind'>,
  config: Pick<RuntimeConfig, 'ladders'> & Known,
): Signal | Rejection {
  const { ladders } = config;
  const parsed = alarmStateChange.safeParse(event);
  if (!parsed.success) return malformed(event, parsed.error);
  const alarm = parsed.data;
  const refuse = (rejected: RejectReason, detail: string): Rejection => ({ rejected, detail, id: alarm.id });
  const { alarmName, state, alarmTags, configuration } = alarm.detail;
  const tag = alarmTags?.[RUNBOOK_TAG];
  const ladder = tag === undefined ? undefined : ladders[tag];
  if (tag === undefined || ladder?.rungs[0] !== manifest.name) {
    const expected = Object.keys(ladders).filter((name) => ladders[name]?.rungs[0] === manifest.name);
    return refuse(
      'wrong-runbook',
      `tag ${RUNBOOK_TAG} is ${tag ?? 'missing'}, expected ${expected.join(' or ') || 'none'}`,
    );
  }
  if (isAutoScalingAlarm(alarmName, configuration.description))
    return refuse('auto-scaling-alarm', `${alarmName} belongs to an auto scaling policy, which acts on it itself`);
  if (state.value === 'INSUFFICIENT_DATA')
    return refuse('insufficient-data', `${alarmName} has too little data to tell`);
  const { metrics = [], alarmRule } = configuration;
  // A composite and a log alarm watch no metric: their tag, or the reconciler in its place, says what they are about.
  if (metrics.length === 0) {
    const named = alarmTags?.[TARGET_TAG];
    if (named === undefined)
      return refuse('no-target', `${alarmName} ${alarm.detail.whyNoTarget ?? withoutMetric(alarmRule)}`);
    if (!named.startsWith(`${manifest.targetKind}/`))
      return refuse('no-target', `${alarmName}: its tag ${TARGET_TAG} is ${named}, which is no ${manifest.targetKind}`);
    return toSignal(alarm, named, '', tag);
  }
  const found = oneTargetOf(alarm, manifest.targetKind, ladder, config);
  if ('rejected' in found)
    return refuse(
      found.rejected,
      `${alarmName} ${found.why}${found.rejected === 'foreign-metric' ? ` of ${tag}` : ''}`,
    );
  return toSignal(alarm, found.target, found.metricName, tag);
}

const withoutMetric = (alarmRule: string | undefined): string =>
  alarmRule === undefined
    ? `watches no metric and has no tag ${TARGET_TAG}, so it names no target`
    : `is a composite alarm without the tag ${TARGET_TAG}: the reconciler looks at the alarms that it is made of`;

type OneTarget =
  | { readonly target: string; readonly metricName: string }
  | { readonly rejected: RejectReason; readonly why: string };

/**
 * The one target that an alarm's metrics name, as triggers of the ladder.
 * @param alarm an event, or what an alarm's event would be.
 */
function oneTargetOf(
  alarm: AlarmStateChange,
  kind: TargetKind,
  { startedBy }: Pick<Ladder, 'startedBy'>,
  known: Known,
): OneTarget {
  const targets = targetsOf(alarm, kind, metricTriggersOf({ triggers: startedBy }), known);
  if (targets.kind === 'foreign')
    return { rejected: 'foreign-metric', why: `watches ${targets.metrics}, not a metric` };
  const [target, ...others] = targets.keys;
  if (target === undefined)
    return { rejected: 'no-target', why: 'has no metric with dimensions, so it names no target' };
  if (others.length > 0) return { rejected: 'several-targets', why: `names ${targets.keys.join(' and ')}` };
  return { target, metricName: targets.metricName };
}

/**
 * What a composite alarm is about: the one target that each of the firing alarms that it is made of names, by a metric that starts the runbook. One that
 * names another or none makes it nobody's: what it is about must not be guessed.
 * @param children the metric alarms that fire below it, as their own events would be.
 */
export function targetOfChildren(
  children: readonly unknown[],
  ladder: Pick<Ladder, 'startedBy'>,
  known: Known,
): { readonly target: string } | { readonly whyNoTarget: string } {
  const targets = new Set<string>();
  for (const child of children) {
    const parsed = alarmStateChange.safeParse(child);
    if (!parsed.success) return { whyNoTarget: 'is made of an alarm that can not be read' };
    const { alarmName, configuration } = parsed.data.detail;
    const kinds = new Set(
      (configuration.metrics ?? []).flatMap(
        ({ metricStat }) => kindOfMetrics(metricStat?.metric.namespace ?? '') ?? [],
      ),
    );
    const [kind, ...others] = kinds;
    const found: OneTarget =
      kind === undefined || others.length > 0
        ? { rejected: 'no-target', why: 'names no target' }
        : oneTargetOf(parsed.data, kind, ladder, known);
    if ('rejected' in found) return { whyNoTarget: `is made of ${alarmName}, which ${found.why}` };
    targets.add(found.target);
  }
  const [target, ...others] = targets;
  if (target === undefined) return { whyNoTarget: 'is made of no metric alarm that is firing' };
  if (others.length > 0) return { whyNoTarget: `is made of alarms on ${[...targets].join(' and ')}` };
  return { target };
}

/** Application Auto Scaling names the alarms of its target tracking policies so, and describes them as its own. */
export const isAutoScalingAlarm = (name: string, description: string | undefined): boolean =>
  name.startsWith('TargetTracking-') || /TargetTrackingScaling/.test(description ?? '');

type Targets =
  | { readonly kind: 'found'; readonly keys: readonly string[]; readonly metricName: string }
  | { readonly kind: 'foreign'; readonly metrics: string };

function targetsOf(
  { detail, account, resources: [arn = ''] }: AlarmStateChange,
  kind: TargetKind,
  triggers: readonly TriggerMetric[],
  known: Known,
): Targets {
  const keys = new Set<string>();
  const foreign: string[] = [];
  let metricName = '';
  for (const { metricStat, accountId = account } of detail.configuration.metrics ?? []) {
    if (!metricStat) continue;
    const { namespace, name, dimensions = {} } = metricStat.metric;
    // The same names in another account are other things, which Nightshift doesn't protect from here.
    if (accountId !== account) {
      foreign.push(`${namespace} ${name} of account ${accountId}`);
      continue;
    }
    if (isElsewhere(namespace, arn, known.region)) {
      foreign.push(`${namespace} ${name} of another region than ${known.region}`);
      continue;
    }
    const trigger = triggers.find((each) => each.namespace === namespace && each.metricName === name);
    const names = Object.keys(dimensions);
    if (!trigger) foreign.push(`${namespace} ${name}`);
    else if (names.length === trigger.dimensions.length && trigger.dimensions.every((each) => dimensions[each])) {
      keys.add(targetOfDimensions(kind, dimensions, known));
      metricName ||= name;
    }
  }
  if (keys.size === 0 && foreign.length > 0) return { kind: 'foreign', metrics: foreign.join(', ') };
  return { kind: 'found', keys: [...keys], metricName };
}

function toSignal(alarm: AlarmStateChange, target: string, metricName: string, runbook: string): Signal {
  const { alarmName, state, previousState, muteDetail } = alarm.detail;
  const data = readReasonData(state.reasonData);
  return {
    id: alarm.id,
    source: 'cloudwatch-alarm',
    subject: alarm.resources[0] ?? '',
    name: alarmName,
    state: state.value === 'OK' ? 'resolved' : 'firing',
    at: new Date(state.timestamp).toISOString(),
    target,
    firstEvaluation:
      previousState?.value === 'INSUFFICIENT_DATA' && /initial alarm creation/i.test(previousState.reason ?? ''),
    ...(state.actionsSuppressedBy && {
      mutedUntil: new Date(Date.parse(state.timestamp) + SUPPRESSED_MS).toISOString(),
    }),
    ...mutedUntil(muteDetail),
    recheck: 0,
    runbook,
    rung: 0,
    evidence: { reason: (state.reason ?? '').slice(0, REASON_LIMIT), metricName, ...data },
  };
}

/** CloudWatch puts the numbers into a string of JSON; when it can't be read, the reason in words has to do. */
function readReasonData(text: string | undefined): { datapoints: number[]; threshold?: number } {
  let data: unknown;
  try {
    data = JSON.parse(text ?? '{}');
  } catch {
    return { datapoints: [] };
  }
  if (typeof data !== 'object' || data === null) return { datapoints: [] };
  const { recentDatapoints, threshold } = data as { recentDatapoints?: unknown; threshold?: unknown };
  const points = Array.isArray(recentDatapoints) ? recentDatapoints.filter(canBeKept) : [];
  return { datapoints: points.slice(-DATAPOINTS_LIMIT), ...(canBeKept(threshold) && { threshold }) };
}

/**
 * The journal can't keep every number that a metric may have (`marshall` of attributes.ts refuses what JavaScript doesn't hold exactly): the event must not
 * be lost for a figure that its reason tells in words.
 */
const canBeKept = (value: unknown): value is number =>
  typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
