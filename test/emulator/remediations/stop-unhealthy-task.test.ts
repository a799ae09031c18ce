/**
 * The remediation's own handler code on a real journal and on services with real tasks, one of which really fails its health checks: a service of
 * a good and a sick revision at once, which ECS doesn't mend because of the grace period.
 */
import { StopTaskCommand } from '@aws-sdk/client-ecs';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { nextIn } from '../../../functions/engine/ladder.ts';
import type { Observation } from '../../../functions/remediations/stop-unhealthy-task/decide.ts';
import { keepsItsPromises } from '../../support/ecs-guarantees.ts';
import { type EcsRemediationWorld, openEcsRemediation } from '../../support/ecs-remediation.ts';
import { eventually } from '../ecs/support.ts';

jest.setTimeout(90_000);
let w: EcsRemediationWorld<Observation>;
beforeAll(async () => {
  w = await openEcsRemediation(() => import('../../../functions/remediations/stop-unhealthy-task/handler.ts'));
});
afterEach(() => w.calm());
afterAll(() => w?.close());

/** Nobody waits two minutes here: what counts as sick is so after a second. */
const target = { taskUnhealthyForSeconds: 1 };
const GRACE = { healthCheckGracePeriodSeconds: 3_600 };
const unhealthy = (name: string) => w.alarm(name, 'UnHealthyContainerHealthStatus', 'ALARM', 'ECS/ContainerInsights');
const observe = (name: string) =>
  w.remediation.observe(
    { cluster: 'orders', service: name } as Parameters<typeof w.remediation.observe>[0],
    {} as never,
  );
const tasksOf = async (name: string) => {
  const seen = await observe(name);
  return seen.kind === 'missing' ? [] : seen.tasks;
};
const sickOf = async (name: string) => (await tasksOf(name)).filter(({ health }) => health === 'UNHEALTHY');

/** Three tasks, of which one turns sick. */
async function withSickTask(name: string): Promise<string> {
  await w.create(name, {}, { desiredCount: 3, ...GRACE });
  const [first] = await tasksOf(name);
  const [process] = w.world.ecs.processes('orders', name).filter(({ taskArn }) => taskArn === first?.arn);
  globalThis.process.kill(process?.pid ?? 0, 'SIGUSR2');
  await w.world.ecs.checkHealth('orders', name);
  await eventually(`a task of ${name} is sick`, async () => {
    const [sick] = await sickOf(name);
    return sick && sick.inStatusForSeconds >= 1;
  });
  return first?.arn ?? '';
}

describe('stop-unhealthy-task', () => {
  it('stops the sick task, and another takes its place while the others serve [2a/partial-degradation, 3b/force-delete-stuck-pod, 4/recover-pod, D87, D88, D105]', async () => {
    const sick = await withSickTask('happy');
    const { result, changing } = await w.callsDuring(() => w.deliver('happy', unhealthy('happy'), { target }));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual(['StopTask']);
    expect((await fetch(w.world.ecs.serviceUrl('orders', 'happy'))).status).toBe(200);
    await w.steady('happy');
    const tasks = await tasksOf('happy');
    expect(tasks).toHaveLength(3);
    expect(tasks.map(({ arn }) => arn)).not.toContain(sick);
    const over = w.alarm('happy', 'UnHealthyContainerHealthStatus', 'OK', 'ECS/ContainerInsights');
    await w.deliver('happy', over, { target });
    expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
  });

  it('tells whoever is called that the sick tasks are those of one zone', async () => {
    const name = 'zonal';
    const subnets = ['subnet-0a', 'subnet-0b', 'subnet-0c'];
    const networkConfiguration = { awsvpcConfiguration: { subnets } };
    await w.create(name, {}, { desiredCount: 4, networkConfiguration, ...GRACE });
    const tasks = await tasksOf(name);
    // Spread as evenly as can be: the first subnet has the fourth.
    expect(tasks.map(({ zone }) => zone).sort()).toEqual(['eu-west-1a', 'eu-west-1a', 'eu-west-1b', 'eu-west-1c']);
    const inFirst = tasks.flatMap(({ zone, arn }) => (zone === 'eu-west-1a' ? [arn] : []));
    for (const { pid, taskArn } of w.world.ecs.processes('orders', name))
      if (pid && inFirst.includes(taskArn)) globalThis.process.kill(pid, 'SIGUSR2');
    await w.world.ecs.checkHealth('orders', name);
    await eventually(`both tasks of ${name} in the zone are sick`, async () => {
      const sick = await sickOf(name);
      return sick.length === 2 && sick.every(({ inStatusForSeconds }) => inStatusForSeconds >= 1);
    });
    const { result } = await w.callsDuring(() => w.deliver(name, unhealthy(name), { target }));
    const told = (await w.incident(result))?.timeline.map(({ summary }) => summary).join('; ');
    expect(told).toContain('all 2 sick ones are in eu-west-1a');
  });

  it('hands a service that answers nobody any more on, and its tasks are replaced until it answers again [2a/service-down]', async () => {
    const name = 'down';
    await w.create(name, {}, { desiredCount: 2, ...GRACE });
    const url = w.world.ecs.serviceUrl('orders', name);
    const hung = w.world.ecs.processes('orders', name).flatMap(({ pid }) => pid ?? []);
    for (const pid of hung) globalThis.process.kill(pid, 'SIGUSR2');
    await w.world.ecs.checkHealth('orders', name);
    await eventually(`both tasks of ${name} are sick`, async () => {
      const sick = await sickOf(name);
      return sick.length === 2 && sick.every(({ inStatusForSeconds }) => inStatusForSeconds >= 1);
    });
    const answer = async () => (await fetch(`${url}/health`).catch(() => undefined))?.status;
    expect(await answer()).not.toBe(200);
    const limits = { mode: 'auto', cooldownSeconds: 60, perTargetPerHour: 5, perRunbookPerHour: 50 } as const;
    const runbooks = { 'stop-unhealthy-task': limits, 'restart-service': limits };
    const { result, changing } = await w.callsDuring(() =>
      w.deliver(name, unhealthy(name), { target, config: { runbooks } }),
    );
    expect(result).toMatchObject({ kind: 'handed-on', to: 'restart-service' });
    expect(changing).toEqual([]);
    // The order that the follow-through reads of the journal.
    const entries = (await w.incident(result))?.timeline ?? [];
    const next = nextIn(entries.find(({ kind }) => kind === 'handed-on') ?? { data: {} });
    const { remediation } = await import('../../../functions/remediations/restart-service/handler.ts');
    expect(
      await w.deliver(name, next?.command, { target, config: { runbooks }, by: remediation as never }),
    ).toMatchObject({
      kind: 'remediated',
    });
    await w.steady(name);
    expect(await answer()).toBe(200);
    expect(
      w.world.ecs.processes('orders', name).filter(({ pid = 0, status }) => hung.includes(pid) && status === 'RUNNING'),
    ).toEqual([]);
  });

  it('changes nothing when every task is well, or while a deployment replaces them', async () => {
    await w.create('well', {}, { desiredCount: 2 });
    const sick = { environment: { SERVICE_FAIL_HEALTH: '1' } };
    const { result, changing } = await w.callsDuring(() => w.deliver('well', unhealthy('well'), { target }));
    expect(result).toMatchObject({ kind: 'already-fine' });
    expect(changing).toEqual([]);
    await w.create('epidemic', {}, GRACE);
    await w.update('epidemic', { taskDefinition: await w.register('epidemic', sick) });
    const many = await w.callsDuring(() => w.deliver('epidemic', unhealthy('epidemic'), { target }));
    expect(many.result).toMatchObject({ kind: 'held', reason: 'change-under-way' });
    expect(many.changing).toEqual([]);
  });

  keepsItsPromises({
    world: () => w,
    trouble: async (name) => {
      await withSickTask(name);
    },
    told: unhealthy,
    options: { target },
    changing: ['StopTask'],
    state: async (name) => (await sickOf(name)).map(({ arn }) => arn),
    interfere: async (name) => {
      const [sick] = await sickOf(name);
      await w.world.clients.ecs.send(new StopTaskCommand({ cluster: 'orders', task: sick?.arn }));
    },
    givesUp: 'handed-on',
  });
});
