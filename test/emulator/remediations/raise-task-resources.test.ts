/** The remediation's own handler code on a real journal and on services with real tasks, which are killed for want of memory. */
import { DescribeTaskDefinitionCommand, ListTaskDefinitionsCommand } from '@aws-sdk/client-ecs';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { InFlightError, RetryableError } from '../../../functions/engine/errors.ts';
import type { Observation } from '../../../functions/remediations/raise-task-resources/decide.ts';
import { type EcsRemediationWorld, openEcsRemediation } from '../../support/ecs-remediation.ts';
import { config, service } from '../../support/fixtures.ts';
import { eventually, REGION } from '../ecs/support.ts';

jest.setTimeout(90_000);
const LATER_MS = 90_000;
/** More than the 512 MiB that tasks have, and less than the next size. */
const HUNGRY = { environment: { SERVICE_MEMORY_MIB: '700' } };
let w: EcsRemediationWorld<Observation>;
beforeAll(async () => {
  w = await openEcsRemediation(() => import('../../../functions/remediations/raise-task-resources/handler.ts'));
});
afterEach(() => w.calm());
afterAll(() => w?.close());

const short = (name: string) => w.alarm(name, 'MemoryUtilization');
const ecs = () => w.world.clients.ecs;
const revisionOf = async (name: string) => (await w.describe(name))?.taskDefinition ?? '';
const memoryOf = async (name: string) => {
  const taskDefinition = await revisionOf(name);
  return (await ecs().send(new DescribeTaskDefinitionCommand({ taskDefinition }))).taskDefinition?.memory;
};
const revisionsOf = async (familyPrefix: string) =>
  (await ecs().send(new ListTaskDefinitionsCommand({ familyPrefix }))).taskDefinitionArns?.length;
const seenOf = async (name: string) => {
  const seen = await w.remediation.observe({ ...service, name, service: name }, config);
  if (seen.kind === 'missing') throw new Error(seen.why);
  return seen;
};
/** As Amazon ECS tells of a task whose container was killed (events/sources/ecs-task/samples). */
const killedEvent = (name: string, taskDefinitionArn: string) =>
  w.event(name, 'ECS Task State Change', {
    clusterArn: `arn:aws:ecs:${REGION}:000000000000:cluster/orders`,
    taskArn: `arn:aws:ecs:${REGION}:000000000000:task/orders/1234`,
    ...{ taskDefinitionArn, group: `service:${name}`, lastStatus: 'STOPPED', stopCode: 'EssentialContainerExited' },
    containers: [{ exitCode: 137, reason: 'OutOfMemoryError: Container killed due to memory usage' }],
  });

describe('raise-task-resources', () => {
  it('ends out-of-memory kills by a greater revision, once [2b/out-of-memory-kill, 3a/scale-service-vertically, 4/relieve-memory]', async () => {
    await w.create('hungry', { ...HUNGRY, tags: { 'nightshift:schema': '3' } });
    const taskDefinitionArn = await revisionOf('hungry');
    await eventually('a task was killed', async () => (await seenOf('hungry')).outOfMemory.length > 0);
    const killed = () => killedEvent('hungry', taskDefinitionArn);
    const { result, changing } = await w.callsDuring(() => w.deliver('hungry', killed()));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual(['RegisterTaskDefinition', 'UpdateService']);
    await w.steady('hungry');
    expect(await memoryOf('hungry')).toBe('1024');
    const seen = await seenOf('hungry');
    expect(seen).toMatchObject({ definition: { raisedFrom: taskDefinitionArn }, running: 1 });
    expect(seen.outOfMemory).toEqual([taskDefinitionArn]);
    const read = { taskDefinition: await revisionOf('hungry'), include: ['TAGS' as const] };
    const { tags } = await ecs().send(new DescribeTaskDefinitionCommand(read));
    expect(tags).toContainEqual({ key: 'nightshift:schema', value: '3' });
    const again = await w.callsDuring(() => w.deliver('hungry', killed()));
    expect(again.result.kind).not.toBe('remediated');
    expect(again.changing).toEqual([]);
  });

  it('only ever raises: for a kill, then for an alarm, and what was killed before lowers nothing [D10]', async () => {
    await w.create('growing', HUNGRY);
    const first = await revisionOf('growing');
    await eventually('a task was killed', async () => (await seenOf('growing')).outOfMemory.length > 0);
    const own = { limits: { cooldownSeconds: 0 } };
    expect(await w.deliver('growing', killedEvent('growing', first), own)).toMatchObject({ kind: 'remediated' });
    await w.steady('growing');
    const seen = [await memoryOf('growing')];
    expect(await w.deliver('growing', short('growing'), own)).toMatchObject({ kind: 'remediated' });
    await w.steady('growing');
    seen.push(await memoryOf('growing'));
    // The kill of the smallest is told again, late.
    await w.deliver('growing', killedEvent('growing', first), own);
    seen.push(await memoryOf('growing'));
    expect(seen).toEqual(['1024', '2048', '2048']);
  });

  it('is verified when the alarm is OK and the greater tasks run', async () => {
    await w.create('verified');
    const outcome = await w.deliver('verified', short('verified'));
    await w.steady('verified');
    await w.deliver('verified', w.alarm('verified', 'MemoryUtilization', 'OK'));
    expect(await w.incident(outcome)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
  });

  it('finds that all is well where nothing of what runs was killed', async () => {
    await w.create('well');
    const { result, changing } = await w.callsDuring(async () =>
      w.deliver('well', killedEvent('well', await revisionOf('well'))),
    );
    expect(result).toMatchObject({ kind: 'already-fine' });
    expect(changing).toEqual([]);
  });

  it('calls a person beyond the limit, and for a service that isn’t there', async () => {
    await w.create('limited');
    const limited = await w.callsDuring(() =>
      w.deliver('limited', short('limited'), { target: { maxTaskMemoryMib: 512 } }),
    );
    expect(limited.result).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('maxTaskMemoryMib 512'),
    });
    expect(limited.changing).toEqual([]);
    expect(await w.deliver('nowhere', short('nowhere'))).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('MISSING'),
    });
  });

  it('calls a person when a release just before is to blame, with the revision to go back to', async () => {
    await w.create('released');
    await w.update('released', { taskDefinition: await w.register('released', { digest: 'b' }) });
    await w.steady('released');
    const { result, changing } = await w.callsDuring(() => w.deliver('released', short('released')));
    expect(result).toMatchObject({
      kind: 'escalated',
      reason: expect.stringMatching(/going back to released:1, which was steady, is the better step/),
    });
    expect(changing).toEqual([]);
  });

  it('calls a person when it may not register or not change', async () => {
    await w.create('refused');
    const before = await revisionOf('refused');
    w.fault('RegisterTaskDefinition', 'refused');
    expect(await w.deliver('refused', short('refused'))).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('AccessDenied'),
    });
    await w.create('unchanged');
    w.fault('UpdateService', 'refused');
    expect(await w.deliver('unchanged', short('unchanged'))).toMatchObject({ kind: 'escalated' });
    expect([await revisionOf('refused'), await memoryOf('unchanged')]).toEqual([before, '512']);
  });

  it('keeps the intent when throttled, and finishes it with the revision that it had registered', async () => {
    await w.create('throttled');
    w.fault('UpdateService', 'throttled', 3);
    const event = short('throttled');
    await expect(w.deliver('throttled', event)).rejects.toBeInstanceOf(RetryableError);
    expect(await memoryOf('throttled')).toBe('512');
    await expect(w.deliver('throttled', event)).rejects.toBeInstanceOf(InFlightError);
    w.calm();
    const now = () => Date.now() + LATER_MS;
    const { result, changing } = await w.callsDuring(() => w.deliver('throttled', event, { now }));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual(['UpdateService']);
    expect([await memoryOf('throttled'), await revisionsOf('throttled')]).toEqual(['1024', 2]);
  });

  it.each(['RegisterTaskDefinition', 'UpdateService'])(
    'makes one revision and one roll-out when the answer of %s was lost',
    async (operation) => {
      const name = `lost-${operation.toLowerCase()}`;
      await w.create(name);
      w.fault(operation, 'timeout-after', 1);
      const event = short(name);
      await w.deliver(name, event).catch((error: unknown) => expect(error).toBeInstanceOf(RetryableError));
      const now = () => Date.now() + LATER_MS;
      await w.deliver(name, event, { now });
      await w.steady(name);
      expect([await memoryOf(name), await revisionsOf(name)]).toEqual(['1024', 2]);
      expect((await w.describe(name))?.taskDefinition).toMatch(/:2$/);
    },
  );

  it('raises once when the same event comes ten times at once', async () => {
    await w.create('tenfold');
    const event = short('tenfold');
    const { changing } = await w.callsDuring(() =>
      Promise.allSettled(Array.from({ length: 10 }, () => w.deliver('tenfold', event))),
    );
    expect(changing).toEqual(['RegisterTaskDefinition', 'UpdateService']);
  });

  it('leaves a service alone that somebody deployed between look and write', async () => {
    await w.create('touched');
    const act: typeof w.remediation.act = async (...args) => {
      await w.update('touched', { taskDefinition: await w.register('touched', { digest: 'b' }) });
      return w.remediation.act(...args);
    };
    const { result, changing } = await w.callsDuring(() => w.deliver('touched', short('touched'), { act }));
    expect(result).toMatchObject({ kind: 'held', reason: 'hands-off' });
    expect(changing).toEqual([]);
  });

  it('makes no changing call in observe mode', async () => {
    await w.create('observed');
    const { result, changing, calls } = await w.callsDuring(() =>
      w.deliver('observed', short('observed'), { limits: { mode: 'observe' } }),
    );
    expect(result).toMatchObject({ kind: 'would-act' });
    expect(calls.length).toBeGreaterThan(0);
    expect(changing).toEqual([]);
  });
});
