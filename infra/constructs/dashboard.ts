/**
 * One page that shows how Nightshift does. A dashboard costs 3 USD a month beyond an account's first three with at most 50 metrics each ("Amazon
 * CloudWatch Pricing", free tier), so it is made only when asked for, and stays below that many.
 */
import { CfnDashboard } from 'aws-cdk-lib/aws-cloudwatch';
import { Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { METRICS, type MetricName, NAMESPACE } from '../../functions/engine/metrics.ts';
import type { DeploymentConfig } from '../config/schema.ts';
import type { NightshiftFunction } from './nightshift-function.ts';

/** Three metrics each, within the free tier's limit; a part is kept for the searches, whose number of results isn't known before. */
const FUNCTIONS_SHOWN = 10;
const WIDTH = 8;
const HEIGHT = 6;

type Metric = readonly (string | Readonly<Record<string, unknown>>)[];
interface Graph {
  readonly title: string;
  readonly metrics: readonly Metric[];
  readonly stat: 'Sum' | 'Maximum' | 'p50';
}

export function dashboard(
  scope: Construct,
  config: DeploymentConfig,
  functions: readonly NightshiftFunction[],
): CfnDashboard {
  const { region } = Stack.of(scope);
  const names = functions.slice(0, FUNCTIONS_SHOWN).map((each) => each.function.functionName);
  const ofLambdas: Graph[] = (['Invocations', 'Errors', 'Throttles'] as const).map((metric) => ({
    title: `${metric} of functions`,
    metrics: names.map((name) => ofLambda(metric, name)),
    stat: 'Sum',
  }));
  const graphs = config.selfWatch.metrics ? [...ownGraphs(config), ...ofLambdas] : ofLambdas;
  return new CfnDashboard(scope, 'Dashboard', {
    dashboardName: `nightshift-${config.name}`,
    dashboardBody: Stack.of(scope).toJsonString({
      widgets: graphs.map((graph, place) => widget(graph, place, region)),
    }),
  });
}

/** Of what Nightshift measures of itself. */
function ownGraphs(config: DeploymentConfig): readonly Graph[] {
  return [
    { title: 'Outcomes', metrics: [search(config, 'Outcomes')], stat: 'Sum' },
    { title: 'Held or refused, by guardrail', metrics: [search(config, 'Held')], stat: 'Sum' },
    { title: 'Verified, and not', metrics: [search(config, 'Verifications')], stat: 'Sum' },
    { title: 'Alarm to change (ms, median)', metrics: [own(config, 'AlarmToChange')], stat: 'p50' },
    {
      title: 'People called, and not reached',
      metrics: (['Pages', 'PageFailures', 'NotifyFailures'] as const).map((name) => own(config, name)),
      stat: 'Sum',
    },
    {
      title: 'Work due, its longest wait (s), trouble',
      metrics: (['WorkDue', 'WorkOverdue', 'Trouble'] as const).map((name) => own(config, name)),
      stat: 'Maximum',
    },
    { title: 'What the follow-through did', metrics: [search(config, 'FollowSteps')], stat: 'Sum' },
    {
      title: 'How late people were called, incidents archived (s)',
      metrics: (['CallLateness', 'ArchiveAge'] as const).map((name) => own(config, name)),
      stat: 'Maximum',
    },
    { title: 'Runs of jobs', metrics: [search(config, 'JobRuns')], stat: 'Sum' },
  ];
}

/** "Dashboard body structure and syntax", Amazon CloudWatch API Reference. */
const widget = ({ title, metrics, stat }: Graph, place: number, region: string) => ({
  type: 'metric',
  x: (place % 3) * WIDTH,
  y: Math.floor(place / 3) * HEIGHT,
  width: WIDTH,
  height: HEIGHT,
  properties: { title, metrics, stat, region, period: 300, view: 'timeSeries' },
});

const own = ({ name }: DeploymentConfig, metric: MetricName): Metric => [NAMESPACE, metric, 'Deployment', name];

const ofLambda = (metric: 'Invocations' | 'Errors' | 'Throttles', name: string): Metric => [
  'AWS/Lambda',
  metric,
  'FunctionName',
  name,
];

/** All values of its dimensions that were sent lately ("Use search expressions in graphs"). */
function search({ name }: DeploymentConfig, metric: MetricName): Metric {
  const dimensions = ['Deployment', ...METRICS[metric].dimensions].join(',');
  const expression = `SEARCH('{${NAMESPACE},${dimensions}} MetricName="${metric}" Deployment="${name}"', 'Sum', 300)`;
  return [{ expression, id: metric.toLowerCase() }];
}
