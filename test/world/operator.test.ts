/** `doctor`, `explain` and `dlq` as a person runs them, against a whole world. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DisableAlarmActionsCommand, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import { GetQueueUrlCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { dlqDocument, failuresDocument } from '../../events/published/dlq.ts';
import { type DoctorDocument, doctorDocument } from '../../events/published/doctor.ts';
import { explainDocument } from '../../events/published/explain.ts';
import { targetsDocument } from '../../events/published/targets.ts';
import { startWorld, type World } from '../../local/world/world.ts';
import { lastDocument, runToEnd } from '../emulator/world/programs.ts';
import { alarmEvent } from '../support/fixtures.ts';

const NAME = `operator-test-${process.pid}`;
const CALLER = 'person-under-test';
const PREFIX = 'nightshift-demo';
const folder = mkdtempSync(join(tmpdir(), 'nightshift-operator-test-'));
let world: World;
let sqs: SQSClient;
beforeAll(async () => {
  world = await startWorld({ name: NAME });
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  sqs = new SQSClient({ endpoint: world.endpoint, region: world.context.region, credentials });
  await connectionsKnown();
}, 400_000);

/** What isn't known of a database keeps services that depend on it as they are, so its first whole period is waited for. */
async function connectionsKnown(): Promise<void> {
  const Dimensions = [{ Name: 'DBInstanceIdentifier', Value: 'orders-db' }];
  for (;;) {
    const end = new Date(Math.floor(Date.now() / 10_000) * 10_000);
    const { Datapoints } = await world.clients().cloudwatch.send(
      new GetMetricStatisticsCommand({
        Namespace: 'AWS/RDS',
        MetricName: 'DatabaseConnections',
        Dimensions,
        StartTime: new Date(end.getTime() - 10_000),
        EndTime: end,
        Period: 10,
        Statistics: ['Maximum'],
      }),
    );
    if (Datapoints?.length) return;
    await sleep(500);
  }
}
afterAll(async () => {
  sqs?.destroy();
  await world?.stop();
  await rm(folder, { recursive: true, force: true });
}, 400_000);

const nightshift = (...words: string[]) =>
  runToEnd('cli/main.ts', [...words, '--json', '--world', NAME], { AWS_SDK_UA_APP_ID: CALLER });

async function examine(): Promise<{ code: unknown; wrong: string[]; document: DoctorDocument }> {
  const ended = await nightshift('doctor');
  const document = doctorDocument.parse(lastDocument(ended));
  const wrong = document.checks.filter(({ verdict }) => verdict === 'wrong');
  return { code: ended.code, wrong: wrong.map(({ check, subject }) => `${check} ${subject}`), document };
}

/** The file of an event of an alarm that fires now. */
function eventFile(id: string, target: 'service' | 'database'): string {
  const at = new Date().toISOString();
  const metric =
    target === 'service'
      ? { namespace: 'AWS/ECS', name: 'CPUUtilization', dimensions: { ClusterName: 'orders', ServiceName: 'backend' } }
      : { namespace: 'AWS/RDS', name: 'DatabaseConnections', dimensions: { DBInstanceIdentifier: 'orders-db' } };
  const file = join(folder, `${id}.json`);
  const detail = {
    alarmName: 'explained',
    state: { value: 'ALARM', reason: 'Threshold Crossed', timestamp: at },
    configuration: { metrics: [{ id: 'm1', metricStat: { metric } }] },
    alarmTags: { 'nightshift:runbook': target === 'service' ? 'scale-out-service' : 'release-idle-connections' },
  };
  const resources = ['arn:aws:cloudwatch:us-east-1:000000000000:alarm:explained'];
  writeFileSync(file, JSON.stringify(alarmEvent({ id, time: at, resources, detail })));
  return file;
}

describe('explain', () => {
  it.each([
    ['service', 'scale-out-service', 'act', 'remediated'],
    ['database', 'release-idle-connections', 'fine', 'already-fine'],
  ] as const)(
    'of a %s tells guards, observation, decision and conditions, and changes nothing',
    async (target, remediation, decision, outcome) => {
      const incidents = await world.journal.listIncidents();
      const from = world.gateway.callsSince(0).next;
      const ended = await nightshift('explain', eventFile(`explained-${target}`, target));
      const document = explainDocument.parse(lastDocument(ended));
      expect(ended.code).toBe(0);
      expect(document.remediation).toEqual({ name: remediation, mode: 'auto' });
      expect(document.guards.length).toBeGreaterThanOrEqual(10);
      expect(document.guards.filter(({ passes }) => !passes)).toEqual([]);
      expect(document.decision?.kind).toBe(decision);
      expect(document.outcome.kind).toBe(outcome);
      expect(document.conditions.map(({ item }) => item)).toContain(`EVENT#${remediation}#explained-${target} EVENT`);
      const { calls } = world.gateway.callsSince(from);
      const own = calls.filter(({ caller }) => caller === CALLER);
      expect(own.length).toBeGreaterThan(0);
      expect(own.filter(({ changing }) => changing)).toEqual([]);
      expect(await world.journal.listIncidents()).toEqual(incidents);
    },
    60_000,
  );

  it('names the guard that stops a target which a person has taken over', async () => {
    const taken = await nightshift('take-over', 'backend', '--for', '30m', '--reason', 'a test', '--yes');
    const targets = targetsDocument.parse(lastDocument(taken)).targets;
    expect(targets[0]?.takenOver?.reason).toBe('a test');
    const document = explainDocument.parse(lastDocument(await nightshift('explain', eventFile('taken', 'service'))));
    const stopping = document.guards.filter(({ passes }) => !passes);
    expect(stopping).toEqual([{ guard: 'taken-over', passes: false, detail: expect.stringMatching(/: a test$/) }]);
    expect(document.outcome.kind).toBe('held');
    expect((await nightshift('release', 'backend', '--yes')).code).toBe(0);
  }, 400_000);

  it('says when no rule matches, and refuses what is no event', async () => {
    const file = join(folder, 'other.json');
    writeFileSync(file, JSON.stringify({ detail: { alarmTags: {} } }));
    expect(explainDocument.parse(lastDocument(await nightshift('explain', file))).outcome.kind).toBe('ignored');
    writeFileSync(file, 'not json');
    expect((await nightshift('explain', file)).code).toBe(2);
    expect((await nightshift('explain', join(folder, 'missing.json'))).code).toBe(2);
  }, 400_000);
});

describe('doctor', () => {
  it('finds a fresh world in order, the database login included', async () => {
    let found = await examine();
    // The reconciler's first run, and the first data of the alarms, come a moment after the deployment.
    for (let tries = 0; tries < 20 && found.code !== 0; tries++) {
      await sleep(1_000);
      found = await examine();
    }
    expect({ code: found.code, wrong: found.wrong }).toEqual({ code: 0, wrong: [] });
    const login = found.document.checks.find(({ check }) => check === 'release-idle-connections');
    expect(login).toMatchObject({ verdict: 'ok', what: 'login nightshift gets in' });
  }, 400_000);

  it('names a function whose role lets it look at its target no more, though whoever asks may', async () => {
    const caller = `${PREFIX}-scale-out-service`;
    const match = { service: 'ecs', operation: 'DescribeServices', caller } as const;
    world.faults.add({ name: 'stripped-role', match, kind: 'refused' });
    try {
      const { code, document } = await examine();
      expect(code).toBe(1);
      const roles = document.checks.filter(({ check, verdict }) => check === 'permissions' && verdict === 'wrong');
      expect(roles).toMatchObject([
        { subject: `${caller} at ecs-service/orders/backend`, what: expect.stringContaining('PermissionError') },
      ]);
    } finally {
      world.faults.remove('stripped-role');
    }
  }, 400_000);

  it('names a disabled alarm, an event that was given up on, and a paused deployment; dlq has it tried again', async () => {
    await world.clients().cloudwatch.send(new DisableAlarmActionsCommand({ AlarmNames: [`${PREFIX}-backend-cpu`] }));
    const event = alarmEvent({
      id: 'given-up-on',
      detail: { alarmTags: { 'nightshift:runbook': 'scale-out-service' } },
    });
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: `${PREFIX}-scale-out-service-failures` }));
    const record = {
      requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 3 },
      requestPayload: { ...event, 'detail-type': 'something else' },
      responsePayload: { errorMessage: 'the table was gone' },
    };
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(record) }));
    expect((await nightshift('pause', 'a', 'test', '--yes')).code).toBe(0);
    const broken = await examine();
    expect(broken.code).toBe(1);
    expect(broken.document.healthy).toBe(false);
    // Whether the reconciler has counted that message by now, and its alarm fires, is chance.
    expect(broken.wrong.filter((each) => !each.startsWith('self-watch')).sort()).toEqual([
      `alarms ${PREFIX}-backend-cpu`,
      'failure-queue scale-out-service',
      'switch demo',
    ]);
    const shown = failuresDocument.parse(lastDocument(await nightshift('dlq', 'show', 'scale-out-service')));
    expect(shown.failures).toMatchObject([{ reason: 'RetriesExhausted after 3 attempts: the table was gone' }]);
    const from = world.gateway.callsSince(0).next;
    const again = failuresDocument.parse(
      lastDocument(await nightshift('dlq', 'redrive', 'scale-out-service', '--yes')),
    );
    expect(again.failures).toMatchObject([{ redriven: true }]);
    const invoked = world.gateway
      .callsSince(from)
      .calls.filter(({ operation, caller }) => operation === 'Invoke' && caller === CALLER);
    expect(invoked).toMatchObject([{ resource: expect.stringContaining('scale-out-service') }]);
    const { queues } = dlqDocument.parse(lastDocument(await nightshift('dlq', 'list')));
    expect(queues.find((queue) => queue.function === 'scale-out-service')?.messages).toBe(0);
    const explained = await nightshift('explain', eventFile('paused', 'service'));
    const stopping = explainDocument.parse(lastDocument(explained)).guards.filter(({ passes }) => !passes);
    expect(stopping.map(({ guard }) => guard)).toEqual(['switch']);
  }, 400_000);
});
