/** The remediation's own handler code on a real journal and on services with real tasks. */
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { RetryableError } from '../../../functions/engine/errors.ts';
import type { Observation } from '../../../functions/remediations/restart-service/decide.ts';
import { keepsItsPromises } from '../../support/ecs-guarantees.ts';
import { type EcsRemediationWorld, openEcsRemediation } from '../../support/ecs-remediation.ts';

jest.setTimeout(90_000);
const LATER_MS = 60_000;
let w: EcsRemediationWorld<Observation>;
beforeAll(async () => {
  w = await openEcsRemediation(() => import('../../../functions/remediations/restart-service/handler.ts'));
});
afterEach(() => w.calm());
afterAll(() => w?.close());

const full = (name: string) => w.alarm(name, 'MemoryUtilization');
const processes = (name: string) =>
  w.world.ecs.processes('orders', name).flatMap(({ status, pid }) => (status === 'RUNNING' ? [pid] : []));
const deploymentOf = async (name: string) => (await w.describe(name))?.deployments?.[0]?.id;

describe('restart-service', () => {
  it('replaces every process while the service answers, and is verified [3b/restart-service, M27]', async () => {
    await w.create('happy', {}, { desiredCount: 2 });
    const before = processes('happy');
    const url = w.world.ecs.serviceUrl('orders', 'happy');
    const { result, changing } = await w.callsDuring(() => w.deliver('happy', full('happy')));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual(['UpdateService']);
    const answers = new Set<number>();
    for (let until = Date.now() + 1_500; Date.now() < until; ) answers.add((await fetch(url)).status);
    await w.steady('happy');
    expect([...answers]).toEqual([200]);
    expect(processes('happy')).toHaveLength(2);
    expect(processes('happy').filter((pid) => before.includes(pid))).toEqual([]);
    await w.deliver('happy', w.alarm('happy', 'MemoryUtilization', 'OK'));
    expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
  });

  it('waits for a deployment that is under way', async () => {
    await w.create('busy');
    const bad = await w.register('busy', { digest: 'b', environment: { SERVICE_FAIL_HEALTH: '1' } });
    await w.update('busy', { taskDefinition: bad });
    const { result, changing } = await w.callsDuring(() => w.deliver('busy', full('busy')));
    expect(result).toMatchObject({ kind: 'held', reason: 'change-under-way' });
    expect(changing).toEqual([]);
  });

  it('calls a person when all tasks could go at once, and for a service that isn’t there', async () => {
    await w.create('risky', {}, { deploymentConfiguration: { minimumHealthyPercent: 0, maximumPercent: 100 } });
    const { result, changing } = await w.callsDuring(() => w.deliver('risky', full('risky')));
    expect(result).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('minimumHealthyPercent 0') });
    expect(changing).toEqual([]);
    expect(await w.deliver('ghost', full('ghost'))).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('MISSING'),
    });
  });

  it('stops and asks when somebody deployed meanwhile and the answer was lost', async () => {
    await w.create('unclear');
    w.fault('UpdateService', 'timeout-before', 1);
    const event = full('unclear');
    await expect(w.deliver('unclear', event)).rejects.toBeInstanceOf(RetryableError);
    w.calm();
    await w.update('unclear', { taskDefinition: await w.register('unclear', { digest: 'b' }) });
    const now = () => Date.now() + LATER_MS;
    const { result, changing } = await w.callsDuring(() => w.deliver('unclear', event, { now }));
    expect(result).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('not repeated') });
    expect(changing).toEqual([]);
  });

  keepsItsPromises({
    world: () => w,
    trouble: (name) => w.create(name),
    told: full,
    changing: ['UpdateService'],
    // A forced deployment is known by itself only.
    state: deploymentOf,
    interfere: async (name) => w.update(name, { taskDefinition: await w.register(name, { digest: 'b' }) }),
    alreadyFine: [
      {
        called: 'somebody replaced its tasks since',
        make: async (name) => {
          await w.create(name);
          const event = full(name);
          await w.update(name, { forceNewDeployment: true });
          await w.steady(name);
          return event;
        },
      },
      {
        called: 'its alarm is OK again',
        make: async (name) => {
          await w.create(name);
          const event = full(name);
          await w.deliver(name, w.alarm(name, 'MemoryUtilization', 'OK', 'AWS/ECS', Date.now() + 1_000));
          return event;
        },
      },
    ],
  });
});
