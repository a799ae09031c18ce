import { describe, expect, it } from '@jest/globals';
import { getDashboard, putDashboard } from '../../../local/stand-ins/cloudwatch/dashboards.ts';
import type { Region } from '../../../local/stand-ins/cloudwatch/region.ts';

const region = () => ({ name: 'us-east-1', dashboards: new Map() }) as unknown as Region;
const put = (body: unknown, name = 'one') =>
  putDashboard(region(), {
    DashboardName: name,
    DashboardBody: typeof body === 'string' ? body : JSON.stringify(body),
  });
const graph = { type: 'metric', x: 0, width: 12, properties: { region: 'us-east-1', metrics: [['a', 'b']] } };

describe('a dashboard', () => {
  it('is kept as it was put', () => {
    const there = region();
    const DashboardBody = JSON.stringify({ widgets: [graph] });
    putDashboard(there, { DashboardName: 'one', DashboardBody });
    expect(getDashboard(there, { DashboardName: 'one' })).toEqual({ DashboardName: 'one', DashboardBody });
    expect(() => getDashboard(there, { DashboardName: 'two' })).toThrow(/does not exist/);
  });

  it.each<[string, unknown, RegExp]>([
    ['no JSON', '{', /no JSON/],
    ['no widgets', {}, /widgets is missing/],
    ['a graph without a region', { widgets: [{ ...graph, properties: { metrics: [] } }] }, /no region/],
    ['a graph beyond the grid', { widgets: [{ ...graph, x: 18 }] }, /wider/],
    [
      'too many metrics',
      { widgets: [{ ...graph, properties: { region: 'x', metrics: Array(501).fill(['a']) } }] },
      /at most 500/,
    ],
    ['too many alarms', { widgets: [{ type: 'alarm', properties: { alarms: Array(101).fill('a') } }] }, /1 to 100/],
    ['a text without one', { widgets: [{ type: 'text', properties: {} }] }, /no markdown/],
    ['another kind', { widgets: [{ type: 'log', properties: {} }] }, /not yet/],
  ])('is refused with %s', (_what, body, message) => {
    expect(() => put(body)).toThrow(message);
  });

  it('is refused with a name that CloudWatch refuses', () => {
    expect(() => put({ widgets: [] }, 'no spaces')).toThrow(/name/);
  });
});
