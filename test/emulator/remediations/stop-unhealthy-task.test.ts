/**
 * The remediation's own handler code on a real journal and on services with real tasks, one of which really fails its health checks: a service of
 * a good and a sick revision at once, which ECS doesn't mend because of the grace period.
 */
import { StopTaskCommand } from '@aws-sdk/client-ecs';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
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
  it('stops the sick task, and another takes its place [3b/force-delete-stuck-pod, 4/recover-pod, D88, D105]', async () => {
    const sick = await withSickTask('happy');
    const { result, changing } = await w.callsDuring(() => w.deliver('happy', unhealthy('happy'), { target }));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual(['StopTask']);
    await w.steady('happy');
    const tasks = await tasksOf('happy');
    expect(tasks).toHaveLength(3);
    expect(tasks.map(({ arn }) => arn)).not.toContain(sick);
    const over = w.alarm('happy', 'UnHealthyContainerHealthStatus', 'OK', 'ECS/ContainerInsights');
    await w.deliver('happy', over, { target });
    expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
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
