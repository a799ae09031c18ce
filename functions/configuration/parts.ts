/** What is backed up: the parts that a run reads one after the other, by the configuration. Pure. */
import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import type { RuntimeConfig, ServiceConfig } from '../engine/config.ts';
import { isAutoScalingAlarm } from '../engine/sources/cloudwatch-alarm.ts';
import type { TaskLimits } from './diff.ts';

export type Part =
  | { readonly kind: 'services'; readonly name: string; readonly services: readonly ServiceConfig[] }
  | { readonly kind: 'zone'; readonly name: string; readonly zone: string }
  | { readonly kind: 'alarms' | 'certificates' | 'parameters' | 'rules' | 'state-machines'; readonly name: string };

/** So many services are read within one turn, at the fleet's rate of reading. */
const SERVICES_A_PART = 10;

/** In a steady order. Nothing where `configurationBackup` isn't configured. */
export function partsOf({ services, certificates, configurationBackup }: RuntimeConfig): Part[] {
  if (!configurationBackup) return [];
  const { zones, parameters, rules, stateMachines } = configurationBackup;
  const all = Object.values(services).sort((a, b) => (serviceId(a) < serviceId(b) ? -1 : 1));
  const chunks = Array.from({ length: Math.ceil(all.length / SERVICES_A_PART) }, (_, index) =>
    all.slice(index * SERVICES_A_PART, (index + 1) * SERVICES_A_PART),
  );
  return [
    ...chunks.map((chunk, index): Part => ({ kind: 'services', name: `services-${index + 1}`, services: chunk })),
    { kind: 'alarms', name: 'alarms' },
    ...(Object.keys(certificates).length > 0 ? [{ kind: 'certificates', name: 'certificates' } as const] : []),
    ...zones.map((zone): Part => ({ kind: 'zone', name: `zone-${zone}`, zone })),
    ...(parameters.length > 0 ? [{ kind: 'parameters', name: 'parameters' } as const] : []),
    ...(rules.length > 0 ? [{ kind: 'rules', name: 'rules' } as const] : []),
    ...(stateMachines.length > 0 ? [{ kind: 'state-machines', name: 'state-machines' } as const] : []),
  ];
}

export const serviceId = ({ cluster, service }: Pick<ServiceConfig, 'cluster' | 'service'>): string =>
  `${cluster}/${service}`;

/** Between which numbers of tasks Nightshift and auto scaling move a service by themselves. */
export const taskLimitsOf = ({ services }: Pick<RuntimeConfig, 'services'>): TaskLimits =>
  Object.fromEntries(
    Object.values(services).map((each) => [serviceId(each), { min: each.minTasks, max: each.maxTasks }]),
  );

/**
 * Whether an alarm is backed up: its metric is one of a protected service, load balancer, database, endpoint or certificate, or its name begins as the configuration says. Auto scaling's own alarms
 * are its policies'.
 */
export function isBackedUpAlarm(alarm: MetricAlarm, config: RuntimeConfig): boolean {
  const { AlarmName = '', AlarmDescription, Dimensions = [], Metrics = [] } = alarm;
  if (isAutoScalingAlarm(AlarmName, AlarmDescription)) return false;
  if (config.configurationBackup?.alarms.some((prefix) => AlarmName.startsWith(prefix))) return true;
  const metrics = [Dimensions, ...Metrics.map(({ MetricStat }) => MetricStat?.Metric?.Dimensions ?? [])];
  return metrics.some((dimensions) =>
    isProtected(Object.fromEntries(dimensions.map(({ Name = '', Value = '' }) => [Name, Value])), config),
  );
}

function isProtected(dimensions: Readonly<Record<string, string>>, config: RuntimeConfig): boolean {
  const { ClusterName, ServiceName, LoadBalancer, DBInstanceIdentifier, HealthCheckId, CertificateArn } = dimensions;
  const services = Object.values(config.services);
  return (
    services.some(({ cluster, service }) => cluster === ClusterName && service === ServiceName) ||
    services.some(({ balancedBy }) => balancedBy !== undefined && balancedBy.loadBalancer === LoadBalancer) ||
    (DBInstanceIdentifier !== undefined && Object.hasOwn(config.databases, DBInstanceIdentifier)) ||
    Object.values(config.endpoints).some(
      ({ healthCheckId, sites }) =>
        HealthCheckId !== undefined &&
        [healthCheckId, ...sites.map((site) => site.healthCheckId)].includes(HealthCheckId),
    ) ||
    Object.values(config.certificates).some(({ arn }) => arn === CertificateArn)
  );
}
