import { describe, expect, it } from '@jest/globals';
import { preflight } from '../../../functions/engine/guard.ts';
import { NEW_TARGET } from '../../../functions/engine/items.ts';
import { type OpenedIncident, stormAround, stormStory } from '../../../functions/engine/storm.ts';
import { pageFor } from '../../../functions/incidents/publisher/page.ts';
import { config, limits, NOW, service, signal } from '../../support/fixtures.ts';

const incident = (index: number, target = `ecs-service/orders/s${index}`): OpenedIncident => ({
  id: `inc-${String(index).padStart(4, '0')}`,
  target,
  remediation: 'scale-out-service',
});
const incidents = (count: number) => Array.from({ length: count }, (_, index) => incident(index));
const OTHER = 'ecs-service/orders/other';

describe('a storm', () => {
  it('begins with the first target beyond the limit', () => {
    expect(stormAround(incidents(9), OTHER, undefined, 10)).toBeUndefined();
    expect(stormAround(incidents(10), OTHER, undefined, 10)).toMatchObject({ targets: 10 });
  });

  it('is of many targets, not of many incidents of one', () => {
    const flapping = Array.from({ length: 30 }, (_, index) => incident(index, 'ecs-service/orders/flapping'));
    expect(stormAround([...flapping, ...incidents(9)], OTHER, undefined, 10)?.targets).toBe(10);
    expect(stormAround(flapping, OTHER, undefined, 10)).toBeUndefined();
  });

  it('does not count the target itself', () => {
    expect(stormAround([...incidents(9), incident(9, OTHER)], OTHER, undefined, 10)).toBeUndefined();
  });

  it('leaves alone what was in hand before it began', () => {
    const opened = incidents(30);
    expect(stormAround(opened, opened[9]?.target ?? '', opened[9]?.id, 10)).toBeUndefined();
    expect(stormAround(opened, opened[10]?.target ?? '', opened[10]?.id, 10)).toBeDefined();
    expect(stormAround(opened, OTHER, 'inc-', 10)).toBeUndefined();
  });
});

describe('a signal in a storm', () => {
  const storm = { opened: incidents(12), targets: 12 };
  const input = {
    signal,
    remediation: 'scale-out-service',
    limits,
    target: NEW_TARGET,
    alarm: undefined,
    switchState: 'run' as const,
    upstreamsInTrouble: [],
    storm,
    config: { ...config, storm: { targets: 10, withinSeconds: 300 } },
    now: NOW,
  };

  it('is held until the incidents before it are older than a storm lasts', () => {
    expect(preflight(input)).toEqual({
      kind: 'held',
      reason: 'storm',
      detail: 'at least 12 other targets got incidents within 300 s (storm.targets 10)',
      recheckAt: NOW + 300_000,
    });
  });

  it('is not held when its alarm has recovered meanwhile', () => {
    expect(preflight({ ...input, alarm: { state: 'OK', stateAt: NOW } })?.kind).toBe('recovered');
  });

  it('is held as part of the storm also while Nightshift is paused, so that it is told with the storm', () => {
    expect(preflight({ ...input, switchState: 'pause' })).toMatchObject({ reason: 'storm' });
  });
});

describe('the page of a storm', () => {
  const services = {
    a: { ...service, name: 'a', service: 's0' },
    b: { ...service, name: 'b', service: 's1' },
    c: { ...service, name: 'c', service: 's2', dependsOn: [] },
  };
  const story = (opened: readonly OpenedIncident[], present: OpenedIncident) =>
    stormStory({ opened, targets: opened.length }, present, {
      region: 'us-east-1',
      services,
      storm: { targets: 2, withinSeconds: 300 },
    });

  it('says what most of the targets have in common, the most common first', () => {
    const { summary } = story(incidents(2), incident(2));
    expect(summary).toContain(
      'In common: 3 of 3 run in cluster orders; 3 of 3 start scale-out-service; 3 of 3 are in us-east-1; 2 of 3 are or need database orders-db.',
    );
  });

  it('counts the database itself among what needs it', () => {
    const database = { ...incident(3, 'rds-instance/orders-db'), remediation: 'release-idle-connections' };
    expect(story(incidents(2), database).summary).toContain('3 of 3 are or need database orders-db');
  });

  it('leaves out what only few have in common', () => {
    const others = ['a', 'b', 'c', 'd'].map((name, index) => incident(index, `ecs-service/${name}/x`));
    expect(story(others, incident(9, 'ecs-service/e/x')).summary).not.toContain('run in cluster');
  });

  it('names the storm where the incident it is written in would be named', () => {
    const { headline, summary } = story(incidents(40), incident(41));
    const entry = {
      id: '1',
      incidentId: 'inc-1',
      at: '2026-11-20T03:00:00.000Z',
      kind: 'escalated' as const,
      by: 'x',
      summary,
      data: { headline },
    };
    const page = pageFor(entry, undefined);
    expect(page.subject).toBe('[P2] storm: 41 targets or more in trouble within 300 s');
    expect(page.message).toContain(`Needs a person: ${summary}`);
    expect(summary).toMatch(/ and 33 more$/);
  });
});
