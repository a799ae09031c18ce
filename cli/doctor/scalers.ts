/** Who else changes a service's number of tasks: two scalers of one service take turns at undoing each other. Reads only. */
import type { ScalingPolicy } from '@aws-sdk/client-application-auto-scaling';
import type { Check } from '../../events/published/doctor.ts';
import type { ServiceConfig } from '../../functions/engine/config.ts';
import { DEPLOYMENT_TAG, RUNBOOK_TAG } from '../../functions/engine/manifest.ts';
import type { TaggedAlarm, Wanted } from './alarms.ts';
import type { Around } from './checks.ts';

/** What Application Auto Scaling has of a service. */
export interface Scaling {
  /** Tasks; undefined: it has no scalable target. */
  readonly limits: { readonly min: number; readonly max: number } | undefined;
  readonly policies: readonly ScalingPolicy[];
}

/** Which of Nightshift's remediations answer for the service. */
export interface OwnScaling {
  readonly out: boolean;
  readonly in: boolean;
}

const SCALE_OUT = 'scale-out-service';
const SCALE_IN = 'scale-in-service';
const keyOf = ({ cluster, service }: ServiceConfig): string => `ecs-service/${cluster}/${service}`;

export async function checkScalers({
  deployment: { config, manifests },
  aws,
}: Pick<Around, 'deployment' | 'aws'>): Promise<Check[]> {
  const answers = (name: string): boolean =>
    manifests.some((each) => each.name === name) && config.runbooks[name]?.mode !== 'off';
  const own = { out: answers(SCALE_OUT), in: answers(SCALE_IN) };
  const found: Check[] = [];
  // One after the other: whoever runs doctor shares the account's describe rate with what is protected.
  for (const service of Object.values(config.services))
    found.push(...judgeScalers(service, await aws.scaling(service), own));
  return found;
}

/** Pure. Every fault that is found, else what scales the service. */
export function judgeScalers(service: ServiceConfig, { limits, policies }: Scaling, own: OwnScaling): Check[] {
  const base = { check: 'scalers', subject: keyOf(service) };
  const faults = limits ? [...fights(policies), ...crossings(service, policies, own), ...idle(service, own)] : [];
  if (faults.length > 0) return faults.map((fault) => ({ ...base, verdict: 'wrong', ...fault }));
  return [{ ...base, verdict: 'ok', what: scaledBy(limits, policies, own) }];
}

type Fault = Required<Pick<Check, 'what' | 'todo'>>;

function scaledBy(limits: Scaling['limits'], policies: readonly ScalingPolicy[], own: OwnScaling): string {
  if (!limits) return own.out || own.in ? 'nothing but Nightshift scales it' : 'nothing scales it';
  const by = policies.length > 0 ? policies.map(nameOf).sort().join(', ') : 'no policy';
  const besides = own.out ? '; Nightshift only raises its minimum for a while' : '';
  return `Application Auto Scaling keeps it between ${limits.min} and ${limits.max} tasks by ${by}${besides}`;
}

const nameOf = ({ PolicyName = 'a policy without a name' }: ScalingPolicy): string => PolicyName;

/** Policies of one service that work against each other. */
function fights(policies: readonly ScalingPolicy[]): Fault[] {
  const tracking = policies.filter(({ PolicyType }) => PolicyType === 'TargetTrackingScaling');
  return [
    ...twiceTracked(tracking),
    // "PutScalingPolicy", Application Auto Scaling API Reference: a scale-in by steps isn't blocked by target tracking, which may scale out again right after it.
    ...(tracking.length === 0 ? [] : policies.filter(takesTasksAway)).map((step) => ({
      what: `${nameOf(step)} takes tasks away by steps, which ${tracking.map(nameOf).join(', ')} may add again at once`,
      todo: `let target tracking alone take tasks away: delete ${nameOf(step)} (DeleteScalingPolicy), or its steps that do`,
    })),
  ];
}

/** "Target tracking scaling policies", Application Auto Scaling User Guide: several are meant for different metrics; of all the one that wants most tasks counts. */
function twiceTracked(tracking: readonly ScalingPolicy[]): Fault[] {
  const byMetric = Map.groupBy(tracking, trackedMetric);
  return [...byMetric].flatMap(([metric, several]) =>
    metric === undefined || several.length < 2
      ? []
      : [
          {
            what: `${several.map((each) => `${nameOf(each)} (${targetOf(each)})`).join(' and ')} track the same metric, ${metric}: only the lower target counts`,
            todo: 'keep one of them (DeleteScalingPolicy)',
          },
        ],
  );
}

const targetOf = ({ TargetTrackingScalingPolicyConfiguration: how }: ScalingPolicy): number | undefined =>
  how?.TargetValue;

/** Of predefined metrics by what they are read from ("PredefinedMetricSpecification", Application Auto Scaling API Reference). */
const PREDEFINED: Readonly<Record<string, string>> = {
  ECSServiceAverageCPUUtilization: 'AWS/ECS CPUUtilization',
  ECSServiceAverageMemoryUtilization: 'AWS/ECS MemoryUtilization',
};

/** Undefined for what is computed of several: nobody can tell whether two of these are the same. */
function trackedMetric({ TargetTrackingScalingPolicyConfiguration: how }: ScalingPolicy): string | undefined {
  const { PredefinedMetricSpecification: given, CustomizedMetricSpecification: own } = how ?? {};
  if (given) {
    const { PredefinedMetricType: type = '', ResourceLabel: label } = given;
    return PREDEFINED[type] ?? [type, label].filter(Boolean).join(' ');
  }
  if (own?.MetricName === undefined) return undefined;
  const name = `${own.Namespace} ${own.MetricName}`;
  // Those of ECS are about the service as a whole; of others the dimensions say whose they are.
  return Object.values(PREDEFINED).includes(name) ? name : `${name} ${JSON.stringify(dimensionsOf(own.Dimensions))}`;
}

const dimensionsOf = (dimensions: readonly { Name?: string | undefined; Value?: string | undefined }[] = []) =>
  dimensions.map(({ Name, Value }) => `${Name}=${Value}`).sort();

function takesTasksAway({ PolicyType, StepScalingPolicyConfiguration: how }: ScalingPolicy): boolean {
  if (PolicyType !== 'StepScaling') return false;
  // An exact number is fewer than there are whenever there are more.
  return (
    how?.AdjustmentType === 'ExactCapacity' ||
    (how?.StepAdjustments ?? []).some(({ ScalingAdjustment = 0 }) => ScalingAdjustment < 0)
  );
}

/** Tracked at or above what Nightshift's alarm calls too much, it fires whenever auto scaling is content, and the minimum is raised and handed back in turns. */
function crossings(service: ServiceConfig, policies: readonly ScalingPolicy[], own: OwnScaling): Fault[] {
  if (!own.out) return [];
  const limits = [
    { metric: 'AWS/ECS CPUUtilization', field: 'cpuAbovePercent', limit: service.cpuAbovePercent },
    { metric: 'AWS/ECS MemoryUtilization', field: 'memoryAbovePercent', limit: service.memoryAbovePercent },
  ];
  return limits.flatMap(({ metric, field, limit }) =>
    policies
      .filter((policy) => trackedMetric(policy) === metric && (targetOf(policy) ?? 0) >= limit)
      .map((policy) => ({
        what: `${nameOf(policy)} keeps ${metric} at ${targetOf(policy)} %, and ${SCALE_OUT} is started above ${limit} %: both would scale it in turns`,
        todo: `set ${field} in the configuration above ${targetOf(policy)}, or track a lower target`,
      })),
  );
}

/** What was asked for and can never happen. */
function idle(service: ServiceConfig, own: OwnScaling): Fault[] {
  if (!own.in || service.cpuBelowPercent === 0) return [];
  return [
    {
      what: `${SCALE_IN} is to take tasks away below ${service.cpuBelowPercent} % of CPU, and never does: Application Auto Scaling owns their number`,
      todo: 'leave cpuBelowPercent out of the configuration: its policies take tasks away, too',
    },
  ];
}

/** Pure: alarms by which another deployment scales the same service. Two deployments have a journal each, and don't know of each other's changes. */
export function judgeOtherDeployments(
  { runbook, target }: Wanted,
  alarms: readonly TaggedAlarm[],
  deployment: string,
): Check[] {
  if (runbook !== SCALE_OUT && runbook !== SCALE_IN) return [];
  return alarms.flatMap(({ alarm, tags }): Check[] => {
    const other = tags[DEPLOYMENT_TAG] ?? deployment;
    if (tags[RUNBOOK_TAG] !== runbook || other === deployment) return [];
    return [
      {
        ...{ check: 'scalers', subject: target, verdict: 'wrong' },
        what: `the alarm ${alarm.AlarmName} has another deployment, ${other}, answer with ${runbook}, too`,
        todo: `let one of them answer: take the service out of the configuration of ${other} or of ${deployment}`,
      },
    ];
  });
}
