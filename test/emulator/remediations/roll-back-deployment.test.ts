/** The remediation's own handler code on a real journal and on services whose bad revisions really fail. */
import { ListTagsForResourceCommand } from '@aws-sdk/client-ecs';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Observation } from '../../../functions/remediations/roll-back-deployment/decide.ts';
import { keepsItsPromises } from '../../support/ecs-guarantees.ts';
import { type EcsRemediationWorld, openEcsRemediation } from '../../support/ecs-remediation.ts';
import { eventually } from '../ecs/support.ts';

jest.setTimeout(90_000);
let w: EcsRemediationWorld<Observation>;
beforeAll(async () => {
  w = await openEcsRemediation(() => import('../../../functions/remediations/roll-back-deployment/handler.ts'));
});
afterEach(() => w.calm());
afterAll(() => w?.close());

const BAD = `sha256:${'b'.repeat(64)}`;
const impaired = (name: string) =>
  w.event(name, 'ECS Service Action', {
    ...{ eventType: 'WARN', eventName: 'SERVICE_TASK_START_IMPAIRED' },
    clusterArn: 'arn:aws:ecs:eu-west-1:000000000000:cluster/orders',
  });
const deployment = (name: string, eventName: string) =>
  w.event(name, 'ECS Deployment State Change', { eventType: 'INFO', eventName, deploymentId: 'ecs-svc/1' });
type Balancer = { readonly loadBalancer: string; readonly targetGroup: string };
/** Too large a share of its answers are errors: the load balancer tells, by metric math. */
const errors = (name: string, { loadBalancer: LoadBalancer, targetGroup: TargetGroup }: Balancer) => {
  const alarm = w.alarm(name, 'HTTPCode_Target_5XX_Count', 'ALARM', 'AWS/ApplicationELB');
  const input = (id: string, metricName: string) => ({
    ...{ id, returnData: false },
    metricStat: {
      metric: { namespace: 'AWS/ApplicationELB', name: metricName, dimensions: { LoadBalancer, TargetGroup } },
    },
  });
  const metrics = [
    { id: 'share', expression: '100 * FILL(errors, 0) / requests', returnData: true },
    input('errors', 'HTTPCode_Target_5XX_Count'),
    input('requests', 'RequestCount'),
  ];
  const alarmTags = { 'nightshift:runbook': 'high-error-rate' };
  return { ...alarm, detail: { ...(alarm.detail as object), configuration: { metrics }, alarmTags } };
};
const definitionOf = async (name: string) => (await w.describe(name))?.taskDefinition?.split('/').at(-1);
async function quarantineOf(name: string): Promise<string | undefined> {
  const resourceArn = (await w.describe(name))?.serviceArn;
  const { tags } = await w.world.clients.ecs.send(new ListTagsForResourceCommand({ resourceArn }));
  return tags?.find(({ key }) => key === 'nightshift:quarantined')?.value;
}

/** A service with a steady revision and, after it, one that was deployed as well and is said to be bad. */
async function deployed(name: string, bad = {}): Promise<void> {
  await w.create(name);
  await w.update(name, { taskDefinition: await w.register(name, { digest: 'b', ...bad }) });
  await w.steady(name);
}

describe('roll-back-deployment', () => {
  it('takes back a revision whose tasks fail their health checks, while the old tasks still serve [3b/rollback-deployment, M8, M37]', async () => {
    await w.create('failing');
    const bad = await w.register('failing', { digest: 'b', environment: { SERVICE_FAIL_HEALTH: '1' } });
    await w.update('failing', { taskDefinition: bad });
    await eventually('ECS calls its start impaired', () =>
      w.world.events.some(
        ({ detailType, resources, detail }) =>
          detailType === 'ECS Service Action' &&
          resources[0]?.endsWith('/failing') &&
          (detail as { eventName: string }).eventName === 'SERVICE_TASK_START_IMPAIRED',
      ),
    );
    const { result, changing } = await w.callsDuring(() => w.deliver('failing', impaired('failing')));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual(['TagResource', 'UpdateService']);
    await w.steady('failing');
    expect(await definitionOf('failing')).toBe('failing:1');
    expect(await quarantineOf('failing')).toBe(BAD);
    expect((await fetch(w.world.ecs.serviceUrl('orders', 'failing'))).status).toBe(200);
    const target = 'ecs-service/orders/failing';
    const alarms = { [`ecs-service:${target}:SERVICE_TASK_START_IMPAIRED`]: 'OK' };
    const order = { nightshift: 1, command: 'settle', target, alarms };
    await w.deliver('failing', order);
    expect(await w.incident(result)).toMatchObject({ actions: [{ status: 'verified' }] });
  });

  it('leaves a task that ended to ECS, and takes a revision back whose tasks end three times within a quarter of an hour [2a/crash-loop, 3d/self-heal-first, 4/respond-crash-loop, D38, D62]', async () => {
    await w.create('looping');
    const bad = await w.register('looping', { digest: 'b', environment: { SERVICE_CRASH_AFTER_MS: '150' } });
    await w.update('looping', { taskDefinition: bad });
    const crashes = () =>
      w.world.events.filter(({ detailType, detail }) => {
        const { group, lastStatus, stopCode } = detail as { group?: string; lastStatus?: string; stopCode?: string };
        const ended = lastStatus === 'STOPPED' && stopCode === 'EssentialContainerExited';
        return detailType === 'ECS Task State Change' && group === 'service:looping' && ended;
      });
    await eventually('three tasks ended by themselves', () => crashes().length >= 3);
    const told = crashes().at(-1);
    const event = {
      ...w.event('looping', 'ECS Task State Change', told?.detail as object),
      resources: told?.resources,
    };
    // Restarts of long ago count for nothing: of those that were in the last quarter of an hour there would be none then.
    const lateMs = Date.now() + 20 * 60_000;
    const late = { ...event, id: 'looping-late', time: new Date(lateMs).toISOString() };
    const before = await w.callsDuring(() => w.deliver('looping', late, { now: () => lateMs }));
    expect(before.result).toMatchObject({ kind: 'already-fine', reason: expect.stringContaining('ECS replaces it') });
    expect(before.changing).toEqual([]);
    const { result, changing } = await w.callsDuring(() => w.deliver('looping', event));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual(['TagResource', 'UpdateService']);
    await w.steady('looping');
    expect(await definitionOf('looping')).toBe('looping:1');
  });

  it('leaves alone what the circuit breaker has rolled back by itself', async () => {
    const deploymentConfiguration = { deploymentCircuitBreaker: { enable: true, rollback: true } };
    await w.create('broken', {}, { deploymentConfiguration });
    const bad = await w.register('broken', { digest: 'b', environment: { SERVICE_FAIL_START: '1' } });
    await w.update('broken', { taskDefinition: bad });
    await eventually('it is rolled back', async () => (await definitionOf('broken')) === 'broken:1');
    await w.steady('broken');
    const event = deployment('broken', 'SERVICE_DEPLOYMENT_FAILED');
    const { result, changing } = await w.callsDuring(() => w.deliver('broken', event));
    expect(result).toMatchObject({ kind: 'already-fine' });
    expect(changing).toEqual([]);
  });

  it('calls a person when an image that was rolled back is deployed again', async () => {
    await deployed('returning');
    expect(await w.deliver('returning', impaired('returning'))).toMatchObject({ kind: 'remediated' });
    await w.steady('returning');
    // Its own deployment is its echo: known, and no trouble.
    const own = await w.deliver('returning', deployment('returning', 'SERVICE_DEPLOYMENT_IN_PROGRESS'));
    expect(['noted', 'joined', 'already-fine']).toContain(own.kind);
    await w.update('returning', { taskDefinition: 'returning:2' });
    const later = Date.now() + 7_200_000;
    const began = deployment('returning', 'SERVICE_DEPLOYMENT_IN_PROGRESS');
    const event = { ...began, time: new Date(later).toISOString() };
    const { result, changing } = await w.callsDuring(() => w.deliver('returning', event, { now: () => later }));
    expect(result).toMatchObject({ kind: 'escalated', reason: expect.stringContaining(BAD) });
    expect(changing).toEqual([]);
  });

  it.each<[string, object, object, object]>([
    ['an image without its digest', { image: 'old:latest' }, {}, {}],
    ['another schema', { tags: { 'nightshift:schema': '1' } }, { tags: { 'nightshift:schema': '2' } }, {}],
    ['no schema’s name beside a database', {}, {}, { dependsOn: ['orders-db'] }],
  ])('calls a person and changes nothing for %s', async (what, first, second, target) => {
    const name = what.replace(/[^a-z]/g, '');
    await w.create(name, first);
    await w.update(name, { taskDefinition: await w.register(name, { digest: 'b', ...second }) });
    await w.steady(name);
    const { result, changing } = await w.callsDuring(() => w.deliver(name, impaired(name), { target }));
    expect(result).toMatchObject({ kind: 'escalated', reason: expect.stringContaining("isn't rolled back") });
    expect(changing).toEqual([]);
  });

  it('calls a person for a service that isn’t there, and for one without an earlier revision', async () => {
    expect(await w.deliver('ghost', impaired('ghost'))).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('MISSING'),
    });
    await w.create('first');
    expect(await w.deliver('first', impaired('first'))).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('never steady'),
    });
    expect(await definitionOf('first')).toBe('first:1');
  });

  it('takes back the release whose answers are errors, and nothing when none is to blame [2b/high-error-rate, 4/mitigate-errors]', async () => {
    await deployed('erring');
    const balancedBy = {
      ...{ loadBalancer: 'app/erring/0123456789abcdef', targetGroup: 'targetgroup/erring/0123456789abcdef' },
    };
    const { result, changing } = await w.callsDuring(() =>
      w.deliver('erring', errors('erring', balancedBy), { target: { balancedBy } }),
    );
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual(['TagResource', 'UpdateService']);
    await w.steady('erring');
    expect(await definitionOf('erring')).toBe('erring:1');
    await w.create('blameless');
    const other = { ...balancedBy, targetGroup: 'targetgroup/blameless/0123456789abcdef' };
    const blameless = await w.callsDuring(() =>
      w.deliver('blameless', errors('blameless', other), { target: { balancedBy: other } }),
    );
    expect(blameless.result).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('never steady') });
    expect(blameless.changing).toEqual([]);
  });

  it('calls a person for a service whose tasks are gone and whose release is too old to be blamed', async () => {
    await deployed('gone');
    const later = Date.now() + 3_600_000;
    const missing = w.alarm('gone', 'RunningTaskCount', 'ALARM', 'ECS/ContainerInsights', later);
    const { result, changing } = await w.callsDuring(() =>
      w.deliver('gone', missing, { target: { rollBackWithinSeconds: 1_800 }, now: () => later }),
    );
    expect(result).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining("its deployment isn't blamed"),
    });
    expect(changing).toEqual([]);
  });

  keepsItsPromises({
    world: () => w,
    trouble: (name) => deployed(name),
    told: impaired,
    changing: ['TagResource', 'UpdateService'],
    state: definitionOf,
    interfere: async (name) => w.update(name, { taskDefinition: await w.register(name, { digest: 'c' }) }),
  });
});
