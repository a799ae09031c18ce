/**
 * One page that shows how what is protected does: alarms, then services, what their clients meet, databases, endpoints and certificates, each graph with a line for each target. It is made from the
 * configuration, so that a deployment brings it up to date; and only when asked for (`dashboard`), because a dashboard costs 3 USD a month beyond an account's first three with at most 50
 * metrics each ("Amazon CloudWatch Pricing", free tier).
 */
import { CfnAlarm, CfnDashboard } from 'aws-cdk-lib/aws-cloudwatch';
import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { DeploymentConfig } from '../config/schema.ts';

type Metric = readonly [string, string, ...string[]];
interface Graph {
  readonly title: string;
  readonly stat: 'Average' | 'Maximum' | 'Minimum' | 'Sum' | 'p95';
  readonly metrics: readonly Metric[];
  /** Of metrics that are published in one region only; else that of the deployment. */
  readonly region?: string;
}
interface Section {
  readonly title: string;
  readonly graphs: readonly Graph[];
}

/** "GetMetricWidgetImage" and "Dashboard body structure and syntax": at most 500 metrics a graph, 100 alarms a list. */
const METRICS_MOST = 500;
const ALARMS_MOST = 100;
const COLUMNS = 3;
const WIDTH = 24 / COLUMNS;
const HEIGHT = 6;

/** @param alarms where the alarms on what is protected are made. */
export function protectedDashboard(scope: Construct, config: DeploymentConfig, alarms: Construct): CfnDashboard {
  const stack = Stack.of(scope);
  const names = alarms.node
    .findAll()
    .flatMap((each) => (each instanceof CfnAlarm && each.alarmName ? [each.alarmName] : []))
    // A backstop is the same signal, later.
    .filter((name) => !name.endsWith('-backstop'))
    .slice(0, ALARMS_MOST);
  const arns = names.map((resourceName) =>
    stack.formatArn({
      ...{ service: 'cloudwatch', resource: 'alarm', resourceName },
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    }),
  );
  return new CfnDashboard(scope, 'ProtectedDashboard', {
    dashboardName: `nightshift-${config.name}-protected`,
    dashboardBody: stack.toJsonString({ widgets: widgetsOf(config, arns) }),
  });
}

/** "Dashboard body structure and syntax", Amazon CloudWatch API Reference. Pure. */
export function widgetsOf(config: DeploymentConfig, alarmArns: readonly string[]): object[] {
  const links = { type: 'text', properties: { markdown: linksOf(config) } };
  const alarms = { type: 'alarm', properties: { title: 'Alarms', alarms: alarmArns } };
  const head = [links, ...(alarmArns.length > 0 ? [alarms] : [])];
  const widgets: object[] = head.map((each, place) => ({ ...each, x: place * 12, y: 0, width: 12, height: HEIGHT }));
  let y = HEIGHT;
  for (const { title, graphs } of sectionsOf(config)) {
    const shown = graphs.filter(({ metrics }) => metrics.length > 0);
    if (shown.length === 0) continue;
    widgets.push({ type: 'text', x: 0, y, width: 24, height: 1, properties: { markdown: `## ${title}` } });
    widgets.push(...shown.map((graph, place) => widget(graph, place, y + 1, config.region)));
    y += 1 + HEIGHT * Math.ceil(shown.length / COLUMNS);
  }
  return widgets;
}

const widget = ({ title, stat, metrics, region }: Graph, place: number, y: number, own: string) => ({
  ...{ type: 'metric', width: WIDTH, height: HEIGHT },
  ...{ x: (place % COLUMNS) * WIDTH, y: y + Math.floor(place / COLUMNS) * HEIGHT },
  properties: {
    ...{ title, stat, metrics: metrics.slice(0, METRICS_MOST), region: region ?? own },
    ...{ period: 300, view: 'timeSeries' },
  },
});

function sectionsOf({ services, databases, endpoints, certificates }: DeploymentConfig): Section[] {
  const all = Object.entries(services).map(([name, each]) => ({ name, ...each }));
  const ecs = (metric: string, namespace = 'AWS/ECS') =>
    all
      .filter(({ containerInsights }) => namespace === 'AWS/ECS' || containerInsights)
      .map(
        ({ name, cluster, service = name }): Metric => [
          namespace,
          metric,
          'ClusterName',
          cluster,
          'ServiceName',
          service,
        ],
      );
  const balanced = (metric: string) =>
    all.flatMap(({ balancedBy }): Metric[] =>
      balancedBy
        ? [
            [
              'AWS/ApplicationELB',
              metric,
              'LoadBalancer',
              balancedBy.loadBalancer,
              'TargetGroup',
              balancedBy.targetGroup,
            ],
          ]
        : [],
    );
  const rds = (metric: string) =>
    Object.keys(databases).map((id): Metric => ['AWS/RDS', metric, 'DBInstanceIdentifier', id]);
  const checks = Object.values(endpoints).flatMap(({ healthCheckId, sites }) => [
    healthCheckId,
    ...sites.map((site) => site.healthCheckId),
  ]);
  return [
    {
      title: 'Services',
      graphs: [
        { title: 'CPU (%)', stat: 'Average', metrics: ecs('CPUUtilization') },
        { title: 'Memory (%)', stat: 'Average', metrics: ecs('MemoryUtilization') },
        { title: 'Running tasks', stat: 'Minimum', metrics: ecs('RunningTaskCount', 'ECS/ContainerInsights') },
      ],
    },
    {
      title: 'What clients meet',
      graphs: [
        { title: 'Requests', stat: 'Sum', metrics: balanced('RequestCount') },
        { title: 'Server errors', stat: 'Sum', metrics: balanced('HTTPCode_Target_5XX_Count') },
        { title: 'Response time (s, 95th percentile)', stat: 'p95', metrics: balanced('TargetResponseTime') },
        { title: 'Unhealthy targets', stat: 'Maximum', metrics: balanced('UnHealthyHostCount') },
      ],
    },
    {
      title: 'Databases',
      graphs: [
        { title: 'CPU (%)', stat: 'Average', metrics: rds('CPUUtilization') },
        { title: 'Connections', stat: 'Maximum', metrics: rds('DatabaseConnections') },
        { title: 'Free storage (bytes)', stat: 'Minimum', metrics: rds('FreeStorageSpace') },
        { title: 'Free memory (bytes)', stat: 'Minimum', metrics: rds('FreeableMemory') },
        { title: 'Time of a read (s)', stat: 'Average', metrics: rds('ReadLatency') },
        { title: 'Time of a write (s)', stat: 'Average', metrics: rds('WriteLatency') },
      ],
    },
    {
      title: 'Endpoints and certificates',
      graphs: [
        {
          // "Monitoring health checks using CloudWatch": published in us-east-1 only.
          ...{ title: 'Health checks (1 is healthy)', stat: 'Minimum', region: 'us-east-1' },
          metrics: checks.flatMap((id): Metric[] =>
            id ? [['AWS/Route53', 'HealthCheckStatus', 'HealthCheckId', id]] : [],
          ),
        },
        {
          ...{ title: 'Days left of certificates', stat: 'Minimum' },
          metrics: Object.values(certificates).map(
            ({ arn }): Metric => ['AWS/CertificateManager', 'DaysToExpiry', 'CertificateArn', arn],
          ),
        },
      ],
    },
  ];
}

/** Where to look next, for who is signed in to the console. */
function linksOf({ name, region, services, databases, selfWatch }: DeploymentConfig): string {
  const console_ = `https://${region}.console.aws.amazon.com`;
  const link = (text: string, path: string) => `[${text}](${console_}/${path})`;
  return [
    `# What Nightshift ${name} protects`,
    [
      link('All alarms', `cloudwatch/home?region=${region}#alarmsV2:`),
      link('All dashboards', `cloudwatch/home?region=${region}#dashboards:`),
      ...(selfWatch.dashboard
        ? [link('Nightshift itself', `cloudwatch/home?region=${region}#dashboards/dashboard/nightshift-${name}`)]
        : []),
    ].join(' | '),
    ...Object.entries(services).map(([key, { cluster, service = key }]) =>
      link(`Service ${service}`, `ecs/v2/clusters/${cluster}/services/${service}/health?region=${region}`),
    ),
    ...Object.keys(databases).map((id) =>
      link(`Database ${id}`, `rds/home?region=${region}#database:id=${id};is-cluster=false`),
    ),
  ].join('\n\n');
}
