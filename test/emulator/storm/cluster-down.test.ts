/** A whole cluster is gone: every service loses every task at once. ECS starts them again; what Nightshift owes people is one story and no change, and an end. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Outcome } from '../../../events/outcome.ts';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import { listIncidents } from '../../../functions/engine/journal-reader.ts';
import { type EcsRemediationWorld, openEcsRemediation } from '../../support/ecs-remediation.ts';
import { config as base, service } from '../../support/fixtures.ts';

jest.setTimeout(90_000);
const NAMES = ['carts', 'catalogue', 'checkout', 'stock', 'users'];
/** So many are handled by their own ladder before the rest is one trouble. */
const STORM_TARGETS = 2;
let w: EcsRemediationWorld<unknown>;

beforeAll(async () => {
  w = (await openEcsRemediation(
    () => import('../../../functions/remediations/roll-back-deployment/handler.ts'),
  )) as unknown as EcsRemediationWorld<unknown>;
  await Promise.all(NAMES.map((name) => w.create(name)));
});
afterAll(() => w?.close());

/** All of the cluster is protected by one deployment. */
const config: Partial<RuntimeConfig> = {
  services: Object.fromEntries(
    NAMES.map((name) => [name, { ...service, minTasks: 1, dependsOn: [], name, service: name }]),
  ),
  storm: { targets: STORM_TARGETS, withinSeconds: base.storm.withinSeconds },
};
const tasksAlarm = (name: string, state: 'ALARM' | 'OK') =>
  w.alarm(name, 'RunningTaskCount', state, 'ECS/ContainerInsights');
const processOf = (name: string) => w.world.ecs.processes('orders', name).find(({ status }) => status === 'RUNNING');

describe('a cluster all of whose services lose all their tasks', () => {
  it('[2a/cluster-down] calls people for the first services and once for all others, is changed nowhere, and is over when ECS has started its tasks again', async () => {
    const before = NAMES.map((name) => processOf(name)?.pid);
    for (const pid of before) process.kill(pid ?? Number.NaN, 'SIGKILL');
    const { result: outcomes, changing } = await w.callsDuring(async () => {
      const all: Outcome[] = [];
      for (const name of NAMES) all.push(await w.deliver(name, tasksAlarm(name, 'ALARM'), { config }));
      return all;
    });
    // Each by its own ladder first: there is no deployment to blame.
    for (const outcome of outcomes.slice(0, STORM_TARGETS)) expect(outcome).toMatchObject({ kind: 'escalated' });
    for (const outcome of outcomes.slice(STORM_TARGETS))
      expect(outcome).toMatchObject({ kind: 'held', reason: 'storm' });
    expect(changing).toEqual([]);

    const calls = (await listIncidents(w.store, { limit: 100 })).flatMap(({ timeline }) =>
      timeline.filter(({ kind }) => kind === 'escalated').map(({ summary }) => summary),
    );
    expect(calls).toHaveLength(STORM_TARGETS + 1);
    expect(calls.filter((summary) => summary.includes('run in cluster orders'))).toHaveLength(1);

    await Promise.all(NAMES.map((name) => w.steady(name)));
    const after = NAMES.map((name) => processOf(name)?.pid);
    expect(after.filter((pid) => pid === undefined || before.includes(pid))).toEqual([]);
    for (const name of NAMES) await w.deliver(name, tasksAlarm(name, 'OK'), { config });
    const incidents = await listIncidents(w.store, { limit: 100 });
    expect(incidents.map(({ target, state }) => [target, state]).sort()).toEqual(
      NAMES.map((name) => [`ecs-service/orders/${name}`, 'resolved']),
    );
  });
});
