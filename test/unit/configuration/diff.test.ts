import { describe, expect, it } from '@jest/globals';
import { changesBetween, type Side, tellChange } from '../../../functions/configuration/diff.ts';
import type { ConfigItem, Settings } from '../../../functions/configuration/item.ts';

const item = (id: string, settings: Settings, kind: ConfigItem['kind'] = 'service'): ConfigItem => ({
  ...{ kind, id, settings },
});
const side = (...items: ConfigItem[]): Side => ({ items, unread: [] });

describe('changes between two backups', () => {
  it('are named by thing and field, with both values', () => {
    const before = side(item('orders/backend', { taskDefinition: 'backend:12', definition: { cpu: '256' } }));
    const after = side(item('orders/backend', { taskDefinition: 'backend:13', definition: { cpu: '512' } }));
    expect(changesBetween(before, after).map(tellChange)).toEqual([
      'service/orders/backend: definition.cpu: 256 -> 512, taskDefinition: backend:12 -> backend:13',
    ]);
  });

  it('name what came and what is gone', () => {
    const found = changesBetween(side(item('a', {})), side(item('b', {})));
    expect(found.map(tellChange)).toEqual(['service/a: removed', 'service/b: added']);
  });

  it('take nothing for added or removed that one of them couldn’t read', () => {
    const unread = [{ kind: 'record', scope: 'Z1/', why: 'refused' } as const];
    const gone = changesBetween(side(item('Z1/a/A', {}, 'record'), item('Z2/a/A', {}, 'record')), {
      items: [],
      unread,
    });
    expect(gone.map(tellChange)).toEqual(['record/Z2/a/A: removed']);
    const back = changesBetween({ items: [], unread }, side(item('Z1/a/A', {}, 'record')));
    expect(back).toEqual([]);
  });

  it('leave out a number of tasks that moves within its limits, and no other', () => {
    const limits = { 'orders/backend': { min: 2, max: 10 } };
    const tasks = (desiredCount: number) => side(item('orders/backend', { desiredCount }));
    expect(changesBetween(tasks(2), tasks(10), limits)).toEqual([]);
    expect(changesBetween(tasks(2), tasks(0), limits).map(tellChange)).toEqual([
      'service/orders/backend: desiredCount: 2 -> 0',
    ]);
    expect(changesBetween(tasks(2), tasks(3))).toHaveLength(1);
  });

  it('tell a long value by its beginning', () => {
    const [change] = changesBetween(side(item('a', { x: 'y'.repeat(1000) })), side(item('a', {})));
    expect(change && tellChange(change).length).toBeLessThan(150);
  });
});
