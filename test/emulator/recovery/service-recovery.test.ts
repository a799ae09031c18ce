/** The plan's own handler code on a real journal and on services that are really sick: what helps, and that it ends as it began when nothing does. */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { CONFIGURATION_JOB, SUBJECT } from '../../../functions/configuration/runs.ts';
import { serviceItem } from '../../../functions/configuration/shapes.ts';
import { finishBackup, folderOf, writePart } from '../../../functions/configuration/stored.ts';
import type { RuntimeConfig, ServiceConfig } from '../../../functions/engine/config.ts';
import { readTarget } from '../../../functions/engine/context.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { requestStop } from '../../../functions/engine/plan-stop.ts';
import { putRun } from '../../../functions/jobs/writes.ts';
import type { PlanCode } from '../../../functions/recovery/around.ts';
import { takeOrder } from '../../../functions/recovery/handler.ts';
import { type RunItem, readRun } from '../../../functions/recovery/items.ts';
import type { Observation } from '../../../functions/remediations/restart-service/decide.ts';
import { type EcsRemediationWorld, openEcsRemediation } from '../../support/ecs-remediation.ts';
import { config as base, service as baseService, limits } from '../../support/fixtures.ts';
import { playPlan } from '../../support/plan-play.ts';
import { eventually, REGION } from '../ecs/support.ts';

jest.setTimeout(120_000);
let w: EcsRemediationWorld<Observation>;
let code: PlanCode<{ readonly service: string }>;
beforeAll(async () => {
  w = await openEcsRemediation(() => import('../../../functions/remediations/restart-service/handler.ts'));
  ({ code } = await import('../../../functions/recovery/service-recovery/handler.ts'));
});
afterEach(() => w.calm());
afterAll(() => w?.close());

interface Ended {
  readonly how: string;
  readonly item: RunItem;
  readonly changing: readonly string[];
  /** Every operation beside the journal's. */
  readonly asked: readonly string[];
}

interface Playing {
  readonly late?: boolean;
  readonly rehearse?: boolean;
  readonly before?: (step: string) => Promise<void>;
  readonly configured?: Partial<RuntimeConfig>;
  readonly protectedAs?: Partial<ServiceConfig>;
}

/** @param late whether waits use up the budgets; else they are short. */
async function recover(
  name: string,
  {
    late = false,
    rehearse = false,
    before = async (_step: string) => {},
    configured = {},
    protectedAs = {},
  }: Playing = {},
): Promise<Ended> {
  let skewMs = 0;
  let requests = 0;
  const run = `service-recovery-${name}${rehearse ? '-rehearsal' : ''}`;
  const target = { ...baseService, name, service: name, minTasks: 1, dependsOn: [], ...protectedAs };
  const around = () => ({
    ...{ code, store: w.store, now: () => Date.now() + skewMs, random: Math.random, remaining: () => 30_000 },
    config: { ...base, region: REGION, services: { [name]: target }, ...configured },
    requestId: `request-${requests++}`,
  });
  const playing = {
    take: (order: Parameters<typeof takeOrder>[1]) => takeOrder(around(), order),
    wait: async (seconds: number) => {
      if (late) skewMs += seconds * 10_000;
      // Longer than between two looks: nobody looks before a change that was begun is surely over.
      else if (seconds > 5) skewMs += seconds * 1000;
      await sleep(100);
    },
  };
  const {
    result: how,
    changing,
    calls,
  } = await w.callsDuring(() => playPlan(playing, code.manifest, run, { service: name, rehearse }, before));
  const item = await readRun(w.store, code.manifest.name, run);
  if (!item) throw new Error(`${run} is not in the journal`);
  return { how, item, changing, asked: calls.map(({ operation }) => operation) };
}

const notes = ({ item }: Ended) =>
  Object.fromEntries(Object.entries(item.steps).map(([step, { forward }]) => [step, forward?.note]));
const definitionOf = async (name: string) => (await w.describe(name))?.taskDefinition?.split('/').at(-1);

const BUCKET = { name: 'backups', region: REGION };
const BACKED_UP: Partial<RuntimeConfig> = {
  configurationBackup: { zones: [], parameters: [], alarms: [], rules: [], stateMachines: [], lockDays: 1 },
};

/** A backup of how a service is configured now, and the run of its job in the journal. @returns its folder. */
async function backUp(name: string): Promise<string> {
  process.env.NIGHTSHIFT_ARCHIVE_BUCKET = BUCKET.name;
  const headers = { 'x-amz-bucket-object-lock-enabled': 'true' };
  await fetch(`${w.world.gateway.upstreamUrl}/${BUCKET.name}`, { method: 'PUT', headers });
  const now = Date.now();
  const [scheduledAt, lockedUntil] = [new Date(now).toISOString(), new Date(now + 86_400_000)];
  const folder = folderOf(scheduledAt);
  const items = [serviceItem(`orders/${name}`, (await w.describe(name)) ?? {}, undefined)];
  const parts = [await writePart(BUCKET, folder, 'services-1', { items, unread: [] }, lockedUntil)];
  const about = { version: 1, deployment: 'test', scheduledAt, comparedWith: null, changes: 0, parts } as const;
  await finishBackup(BUCKET, folder, about, [], lockedUntil);
  const verdict = { kind: 'passed', summary: '', report: { folder } } as const;
  const times = { scheduledAt, startedAt: now, deadlineAt: now, endedAt: now };
  const run = {
    job: CONFIGURATION_JOB,
    subject: SUBJECT,
    ...times,
    version: 0,
    phase: 'ended',
    state: {},
    verdict,
  } as const;
  expect(await w.store.transact([putRun(w.store.table, run)])).toMatchObject({ ok: true });
  return folder;
}

/** A revision whose tasks never get healthy, deployed over a steady one; ECS has noticed. */
async function deployBad(name: string, isThere = false): Promise<void> {
  if (!isThere) await w.create(name);
  const bad = await w.register(name, { digest: 'b', environment: { SERVICE_FAIL_HEALTH: '1' } });
  await w.update(name, { taskDefinition: bad });
  await eventually('three of its tasks have failed', async () => {
    const primary = (await w.describe(name))?.deployments?.find(({ status }) => status === 'PRIMARY');
    return (primary?.failedTasks ?? 0) >= 3;
  });
}

describe('service-recovery', () => {
  it('changes nothing of a service that is well', async () => {
    await w.create('well');
    const ended = await recover('well');
    expect([ended.how, ended.item.verdict, ended.changing]).toEqual(['done', 'recovered', []]);
  });

  it('restarts a service of which a task has gone sick, and stops there [4/restore-component]', async () => {
    await w.create('sick', {}, { desiredCount: 2, healthCheckGracePeriodSeconds: 3600 });
    await w.sicken('sick');
    const ended = await recover('sick');
    expect(ended.changing).toEqual(['UpdateService']);
    expect(ended.item.verdict).toBe('recovered');
    // What ECS tells of its restart is told in its incident, and opens none of the service.
    const event = w.event('sick', 'ECS Deployment State Change', {
      ...{ eventType: 'INFO', eventName: 'SERVICE_DEPLOYMENT_IN_PROGRESS', deploymentId: 'ecs-svc/1' },
      ...{ updatedAt: new Date().toISOString(), reason: 'ECS deployment ecs-svc/1 in progress.' },
    });
    const { remediation: rollBack } = await import('../../../functions/remediations/roll-back-deployment/handler.ts');
    const heard = await w.deliver('sick', event, {
      by: rollBack as unknown as typeof w.remediation,
      config: { runbooks: { 'roll-back-deployment': limits } },
    });
    expect(heard).toMatchObject({
      kind: 'noted',
      detail: expect.stringContaining(`echo of ${ended.item.run}/restart`),
    });
    expect((await readIncident(w.store, ended.item.incidentId))?.timeline.at(-1)?.summary).toContain('in progress');
    expect((await readTarget(w.store, 'ecs-service/orders/sick')).openIncidentId).toBeUndefined();
    expect(notes(ended)).toMatchObject({
      restart: expect.stringMatching(/^2 tasks of sick:1 run/),
      'roll-back': expect.stringMatching(/nothing to do/),
    });
  });

  it('rolls a release back that never gets healthy, and keeps its image in quarantine', async () => {
    await deployBad('released');
    const ended = await recover('released');
    expect(ended.changing).toEqual(['TagResource', 'UpdateService']);
    expect(ended.item.verdict).toBe('recovered');
    expect(await definitionOf('released')).toBe('released:1');
    expect((await fetch(w.world.ecs.serviceUrl('orders', 'released'))).status).toBe(200);
  });

  it('puts the revision back that a backup of the configuration has, where no release is to blame, and shows it before', async () => {
    const name = 'configured';
    await w.create(name);
    const folder = await backUp(name);
    await deployBad(name, true);
    // However short ago it was deployed, it isn't blamed.
    const playing = { configured: BACKED_UP, protectedAs: { rollBackWithinSeconds: -1 } };
    const shown = await recover(name, { ...playing, rehearse: true });
    expect([shown.item.verdict, shown.changing]).toEqual(['rehearsed', []]);
    const ended = await recover(name, playing);
    expect([ended.item.verdict, ended.changing]).toEqual(['recovered', ['UpdateService']]);
    expect(notes(shown)['restore-configuration']).toContain(`from ${name}:2 to ${name}:1, as in ${folder}`);
    expect(notes(ended)['roll-back']).toMatch(/^left out: .*isn't blamed/);
    // Its index and its one part, to decide; while its proof is waited for nobody needs the archive.
    expect(ended.asked.filter((operation) => operation === 'GetObject')).toHaveLength(2);
    expect(await definitionOf(name)).toBe(`${name}:1`);
  });

  it('gives a service that has no tasks its least number back', async () => {
    await w.create('empty');
    await w.update('empty', { desiredCount: 0 });
    await w.steady('empty');
    const ended = await recover('empty');
    expect(ended.changing).toEqual(['UpdateService']);
    expect(ended.item.verdict).toBe('recovered');
    expect((await w.describe('empty'))?.runningCount).toBe(1);
  });

  it('waits for its one service no longer than its budget, and ends as it began when nothing helps: no more tasks than before [D3]', async () => {
    await w.create('hopeless', { environment: {} });
    await w.update('hopeless', { desiredCount: 0 });
    await w.steady('hopeless');
    const bad = await w.register('hopeless', { digest: 'b', environment: { SERVICE_FAIL_START: '1' } });
    await w.update('hopeless', { taskDefinition: bad });
    const ended = await recover('hopeless', { late: true });
    expect([ended.how, ended.item.verdict]).toEqual(['backed-out', 'backed-out']);
    expect(ended.item.why).toMatch(/^prove: not done within its time budget/);
    expect((await w.describe('hopeless'))?.desiredCount).toBe(0);
    expect(await definitionOf('hopeless')).toBe('hopeless:2');
  });

  it('puts the release back that ran when it is stopped after the roll-back', async () => {
    await deployBad('stopped');
    const stop = { by: 'person:jane', at: Date.now(), reason: 'it is being mended by hand' };
    const ended = await recover('stopped', {
      before: async (step) => {
        if (step !== 'restore-configuration') return;
        const run = { plan: code.manifest.name, run: 'service-recovery-stopped' };
        await w.store.transact([requestStop(w.store.table, run, stop)]);
      },
    });
    expect(ended.how).toBe('backed-out');
    expect(ended.changing).toEqual(['TagResource', 'UpdateService', 'UpdateService']);
    expect(await definitionOf('stopped')).toBe('stopped:2');
  });

  it.each(['TagResource', 'UpdateService'])('is backed out when %s is refused', async (operation) => {
    const name = `refused-${operation.toLowerCase()}`;
    await deployBad(name);
    w.fault(operation, 'refused');
    const ended = await recover(name);
    expect(ended.how).toBe('backed-out');
    expect(ended.item.why).toMatch(/^roll-back: .*AccessDenied/);
    expect(await definitionOf(name)).toBe(`${name}:2`);
  });

  it('does not restart a second time when the answer to the first restart was lost', async () => {
    await w.create('lost', {}, { desiredCount: 2, healthCheckGracePeriodSeconds: 3600 });
    await w.sicken('lost');
    w.fault('UpdateService', 'timeout-after', 1);
    const ended = await recover('lost');
    expect(ended.item.verdict).toBe('recovered');
    expect(ended.changing.filter((operation) => operation === 'UpdateService')).toHaveLength(1);
  });
});
