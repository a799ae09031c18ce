/** The page of graphs of what is protected: made when asked for, within CloudWatch's limits however much there is. */
import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../infra/config/parse.ts';
import type { ConfigInput } from '../../../infra/config/schema.ts';
import { widgetsOf } from '../../../infra/constructs/protected-dashboard.ts';
import example from '../../../nightshift.config.ts';
import { buildStack, resourcesOf } from './stack-fixture.ts';

interface Widget {
  readonly type: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: {
    readonly title?: string;
    readonly region?: string;
    readonly markdown?: string;
    readonly metrics?: readonly (readonly string[])[];
  };
}
const widgets = (config: ConfigInput, alarms: readonly string[] = []): Widget[] =>
  widgetsOf(parseConfig(config, []).config, alarms) as Widget[];
const titles = (of: readonly Widget[]) => of.flatMap(({ properties }) => properties.title ?? []);
const named = (stack: ReturnType<typeof buildStack>) =>
  resourcesOf(stack, 'AWS::CloudWatch::Dashboard').map(({ properties }) => properties.DashboardName);

describe('the dashboard of what is protected', () => {
  it('is made only when asked for, beside that of Nightshift itself', () => {
    expect(named(buildStack())).toEqual([]);
    const both = buildStack((config) => ({ ...config, dashboard: true, selfWatch: { dashboard: true } }));
    expect(named(both).sort()).toEqual(['nightshift-main', 'nightshift-main-protected']);
    const body = JSON.stringify(resourcesOf(both, 'AWS::CloudWatch::Dashboard'));
    expect(body).toContain('alarm:nightshift-main-backend-cpu');
    expect(body).not.toContain('-backstop');
  });

  it('has no graph without a metric, and says in which region a metric is', () => {
    const shown = widgets(example);
    for (const { properties } of shown.filter(({ type }) => type === 'metric')) {
      expect(properties.region).toBe('us-east-1');
      expect(properties.metrics?.length).toBeGreaterThan(0);
    }
    expect(titles(shown)).not.toContain('Running tasks');
    expect(titles(shown)).not.toContain('Days left of certificates');
    expect(titles(widgets({ ...example, services: {} }))).not.toContain('Requests');
  });

  it('follows an endpoint’s health checks where Route 53 publishes them, whatever the deployment’s region', () => {
    const site = (name: string, check: string) => ({ name, value: `${name}.example.com`, healthCheckId: check });
    const [one, two, three] = [1, 2, 3].map((digit) => `${digit}`.repeat(8).concat('-0000-4000-8000-000000000000'));
    const shown = widgetsOf(
      {
        ...parseConfig({ ...example, region: 'eu-west-1', standbyRegion: 'eu-central-1' }, []).config,
        endpoints: { shop: { healthCheckId: one, sites: [site('a', two ?? ''), site('b', three ?? '')] } },
      } as never,
      [],
    ) as Widget[];
    const checks = shown.find(({ properties }) => properties.title?.startsWith('Health checks'));
    expect(checks?.properties).toMatchObject({ region: 'us-east-1' });
    expect(checks?.properties.metrics?.map((metric) => metric.at(-1))).toEqual([one, two, three]);
  });

  it('stays within 24 columns and 500 metrics a graph, and puts nothing over anything else', () => {
    const services = Object.fromEntries(
      Array.from({ length: 600 }, (_, index) => [`service-${index}`, { cluster: 'orders', maxTasks: 2 }]),
    );
    const shown = widgets({ ...example, services }, ['arn:a']);
    const taken = new Set<string>();
    for (const { x, y, width, height, properties } of shown) {
      expect(x + width).toBeLessThanOrEqual(24);
      expect(properties.metrics?.length ?? 0).toBeLessThanOrEqual(500);
      for (let column = x; column < x + width; column++)
        for (let row = y; row < y + height; row++) {
          expect(taken.has(`${column},${row}`)).toBe(false);
          taken.add(`${column},${row}`);
        }
    }
  });
});
