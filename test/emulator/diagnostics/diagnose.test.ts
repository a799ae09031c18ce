/** What a person is told when they are called: real services that really are in trouble, read with the calls that are made on AWS. */
import type { PublishCommand } from '@aws-sdk/client-sns';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { JournalEntry } from '../../../events/journal.ts';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { entryMaker, putEntry } from '../../../functions/engine/writes.ts';
import type { DiagnoseContext } from '../../../functions/incidents/diagnose/handler.ts';
import { callFor } from '../../../functions/incidents/publisher/call.ts';
import type { Observation } from '../../../functions/remediations/restart-service/decide.ts';
import { balancerOf, dimensionsOf } from '../../../local/stand-ins/ecs/balancer-metrics.ts';
import { type EcsRemediationWorld, openEcsRemediation } from '../../support/ecs-remediation.ts';
import { config as base, service as baseService } from '../../support/fixtures.ts';
import { eventually, REGION } from '../ecs/support.ts';

jest.setTimeout(90_000);
let w: EcsRemediationWorld<Observation>;
let diagnoseIncident: (event: unknown, context: DiagnoseContext) => Promise<{ diagnosed: boolean }>;
let look: DiagnoseContext['look'];
beforeAll(async () => {
  w = await openEcsRemediation(() => import('../../../functions/remediations/restart-service/handler.ts'), {
    // The load balancer tells what a test says, and nothing else.
    metricsEveryMs: 600_000,
  });
  ({ diagnoseIncident } = await import('../../../functions/incidents/diagnose/handler.ts'));
  ({ lookAtTarget: look } = await import('../../../functions/diagnostics/look.ts'));
});
afterEach(() => w.calm());
afterAll(() => w?.close());

const configOf = (name: string): RuntimeConfig => ({
  ...base,
  region: REGION,
  metricPeriodSeconds: 10,
  alarmPeriodSeconds: 10,
  services: { [name]: { ...baseService, dependsOn: [], name, service: name, balancedBy: balancerOf(name) } },
});

/** What its load balancer and its tasks tell of the last minute and of those to come: half of the requests fail. */
function halfFail(name: string): void {
  const now = Math.ceil(Date.now() / 1000) * 1000;
  const service = { ClusterName: 'orders', ServiceName: name };
  const told = [
    ...Object.entries({ HealthyHostCount: 1, RequestCount: 20, HTTPCode_Target_5XX_Count: 10 }).map(
      ([metric, value]) => ({ namespace: 'AWS/ApplicationELB', name: metric, dimensions: dimensionsOf(name), value }),
    ),
    ...Object.entries({ CPUUtilization: 91, MemoryUtilization: 40 }).map(([metric, value]) => ({
      ...{ namespace: 'AWS/ECS', name: metric, dimensions: service, value },
    })),
  ];
  for (let at = now - 60_000; at < now + 120_000; at += 1000)
    for (const each of told) w.world.cloudwatch.put({ ...each, region: REGION, at: new Date(at) });
}

/** An incident about that service that goes to a person; its entry that calls them. */
async function escalate(name: string): Promise<JournalEntry> {
  const incidentId = `inc-${name}`;
  const make = entryMaker(incidentId, 'restart-service', Date.now());
  const target = `ecs-service/orders/${name}`;
  const opened = make('opened', name, { title: `${name} is sick`, target, severity: 'P1' });
  const escalated = make('escalated', 'beyond help');
  await w.store.transact([opened, escalated].map((entry) => putEntry(w.store.table, entry)));
  return escalated;
}

const diagnosing = (name: string) => async (incidentId: string) => {
  const { diagnosed } = await diagnoseIncident(
    { incidentId },
    { store: w.store, config: configOf(name), now: Date.now, look },
  );
  return diagnosed;
};

/** Calls people for it as the publisher does. @returns what their page says. */
async function page(name: string, diagnose = diagnosing(name)): Promise<string> {
  const sent: string[] = [];
  await callFor(await escalate(name), {
    ...{ deployment: 'main', store: w.store, rules: base, now: Date.now, diagnose },
    sns: { send: async ({ input }: PublishCommand) => sent.push(input.Message ?? '') } as never,
    topics: { everybody: 'arn:aws:sns:eu-west-1:000000000000:pages', own: {} },
  });
  expect(sent).toHaveLength(1);
  return sent[0] ?? '';
}

/** Waits until ECS says so of the service. */
const says = (name: string, words: RegExp) =>
  eventually(`ECS says ${words} of ${name}`, async () =>
    ((await w.describe(name))?.events ?? []).some(({ message = '' }) => words.test(message)),
  );

describe('a page', () => {
  it('says which image can not be fetched, and why, in AWS’s words [3d/diagnose-image-pull]', async () => {
    await w.create('pulling');
    await w.update('pulling', { taskDefinition: await w.register('pulling', { image: 'shop/pulling:missing' }) });
    await eventually('a task failed to start', async () =>
      (await w.describe('pulling'))?.deployments?.some(({ failedTasks = 0 }) => failedTasks > 0),
    );
    const { calls, changing, result } = await w.callsDuring(() => page('pulling'));
    expect(result).toContain(
      "Probably: Tasks of pulling don't start because shop/pulling:missing can't be pulled: it is not in its registry",
    );
    expect(result).toContain('CannotPullContainerError: pull image manifest has been retried');
    expect(result).toContain('Probably: A deployment of pulling is under way: pulling:2');
    expect(result).toMatch(/AWS says: tasks: 1 of 1 running/);
    // Nothing is changed for it, and it is no more than one look.
    expect(changing).toEqual([]);
    expect(calls.map(({ operation }) => operation).sort()).toEqual([
      ...['DescribeServices', 'DescribeTasks', 'GetMetricData', 'GetMetricData', 'ListTasks'],
    ]);
  });

  it('says why no task is placed [3d/diagnose-pod-pending]', async () => {
    await w.create('waiting');
    w.world.ecs.setCapacity('orders', false);
    await w.update('waiting', { desiredCount: 2 });
    await says('waiting', /unable to place a task/);
    const told = await page('waiting');
    w.world.ecs.setCapacity('orders', true);
    expect(told).toContain("Probably: Tasks of waiting aren't placed: AWS has no capacity of that kind at this time");
    expect(told).toContain('AWS says: tasks: 1 of 2 running');
  });

  it('says that a service can not be reached because its health checks fail [3d/diagnose-service]', async () => {
    await w.create('mute');
    const sick = await w.register('mute', { environment: { SERVICE_FAIL_HEALTH: '1' } });
    await w.update('mute', { taskDefinition: sick });
    await says('mute', /is unhealthy in/);
    expect(await page('mute')).toContain('Tasks of mute fail their health checks: Health checks failed.');
  });

  it('says with which exit code tasks end, and repeats no secret that their words hold', async () => {
    await w.create('crashing');
    await w.update('crashing', {
      taskDefinition: await w.register('crashing', { environment: { SERVICE_CRASH_AFTER_MS: '50' } }),
    });
    await eventually('a task of it ended by itself', async () => {
      const { seen } = await look('ecs-service/orders/crashing', configOf('crashing'), Date.now());
      return seen.kind === 'service' && seen.stopped.some(({ stopCode }) => stopCode === 'EssentialContainerExited');
    });
    const leaking: DiagnoseContext['look'] = async (...asked) => {
      const looked = await look(...asked);
      if (looked.seen.kind !== 'service') throw new Error('a service is looked at');
      const leak = { atMs: Date.now(), message: 'retrying postgres://orders:hunter2hunter2@db/orders' };
      return { ...looked, seen: { ...looked.seen, events: [leak, ...looked.seen.events] } };
    };
    const told = await page('crashing', async (incidentId) => {
      const around = { store: w.store, config: configOf('crashing'), now: Date.now, look: leaking };
      return (await diagnoseIncident({ incidentId }, around)).diagnosed;
    });
    expect(told).toMatch(
      /Tasks of crashing end by themselves: \d+ tasks? within the hour, the last with exit code \d+/,
    );
    expect(told).toContain('postgres://[removed]@db/orders');
    expect(told).not.toContain('hunter2');
    expect(JSON.stringify(await readIncident(w.store, 'inc-crashing'))).not.toContain('hunter2');
  });

  it('says how many requests come, what share of them is answered with an error, and what the tasks use', async () => {
    await w.create('failing');
    halfFail('failing');
    const told = await page('failing');
    expect(told).toMatch(/AWS says: clients: \d+ requests a minute, 50 % answered with an error/);
    expect(told).toContain('AWS says: use: CPU 91 %, memory 40 % of what its tasks have');
  });

  it('is sent without what may not be read, and says what that is', async () => {
    await w.create('closed');
    w.fault('ListTasks', 'refused');
    const told = await page('closed');
    expect(told).toContain('Needs a person: beyond help');
    expect(told).toContain('AWS says: tasks: 1 of 1 running');
    expect(told).toMatch(/Could not be read: .*AccessDenied/);
  });

  it('has what was read in time when something never answers', async () => {
    await w.create('slow');
    // Held for longer than anybody waits.
    w.fault('ListTasks', 'timeout-before');
    const told = await page('slow');
    expect(told).toContain('AWS says: tasks: 1 of 1 running, 0 starting');
    expect(told).toContain('Could not be read: reading stopped tasks took longer than 2700 ms');
    expect(told).toContain('Diagnosis: what could be read of it does not explain the trouble');
  });

  it('is sent when nothing can be read at all, or the diagnosis fails', async () => {
    for (const operation of ['DescribeServices', 'ListTasks']) w.fault(operation, 'refused');
    expect(await page('dark')).toContain('what AWS says of it could not be read');
    w.calm();
    expect(await page('ghost')).toContain('There is nothing to mend: ECS service orders/ghost is MISSING');
    expect(await page('unknown', async () => false)).toContain('Needs a person: beyond help');
  });

  it('has one diagnosis, however often people are called within ten minutes', async () => {
    await w.create('once');
    await page('once');
    expect(await diagnosing('once')('inc-once')).toBe(false);
    const incident = await readIncident(w.store, 'inc-once');
    expect(incident?.timeline.filter(({ kind }) => kind === 'diagnosed')).toHaveLength(1);
  });
});
