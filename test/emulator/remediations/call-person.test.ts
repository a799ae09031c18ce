/** Events of AWS Health, as AWS sends them, on a real journal: who is called, for what, and when it is over. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Mode } from '../../../functions/engine/config.ts';
import { readTarget } from '../../../functions/engine/context.ts';
import { handle } from '../../../functions/engine/handler.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { setSwitch } from '../../../functions/engine/switch.ts';
import { remediation } from '../../../functions/remediations/call-person/handler.ts';
import { RUNBOOKS } from '../../../runbooks/index.ts';
import { type EngineWorld, openEngineWorld } from '../../support/engine-world.ts';
import { limits } from '../../support/fixtures.ts';

jest.setTimeout(90_000);
let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());

const SAMPLE = join(import.meta.dirname, '../../../events/sources/health/samples/instance-store-degraded.json');
const sample = JSON.parse(readFileSync(SAMPLE, 'utf8')) as { detail: object };
const ladders = Object.fromEntries(RUNBOOKS.map(({ name, ...ladder }) => [name, ladder]));
let events = 0;

/** An event about the protected database, of now. */
const health = (name: string, detail: object = {}) => ({
  ...sample,
  ...{ id: `health-${++events}`, region: 'us-east-1', time: new Date().toISOString() },
  detail: {
    ...{ ...sample.detail, service: 'RDS', eventRegion: 'us-east-1', affectedEntities: [{ entityValue: 'orders-db' }] },
    eventArn: `arn:aws:health:us-east-1::event/RDS/AWS_RDS_OPERATIONAL_ISSUE/${name}`,
    ...detail,
  },
});
const deliver = (event: unknown, mode: Mode = 'auto') =>
  handle(event, {
    remediation,
    store: world.store,
    config: { ...world.config, ladders, runbooks: { 'call-person': { ...limits, mode } } },
    now: Date.now,
    requestId: `request-${++events}`,
    remaining: () => 20_000,
    random: Math.random,
  });
const incidentOf = async (outcome: Awaited<ReturnType<typeof deliver>>) => {
  const found =
    'incidentId' in outcome && outcome.incidentId ? await readIncident(world.store, outcome.incidentId) : undefined;
  if (!found) throw new Error(`${outcome.kind}: no incident`);
  return found;
};
const called = ({ timeline }: Awaited<ReturnType<typeof incidentOf>>) =>
  timeline.filter(({ kind }) => kind === 'escalated').map(({ summary }) => summary);

describe('an event of AWS Health', () => {
  it('calls a person with what it concerns, and is over when AWS closes it', async () => {
    const outcome = await deliver(health('issue-1'));
    expect(outcome).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('rds-instance/orders-db') });
    const open = await incidentOf(outcome);
    expect(open).toMatchObject({ state: 'escalated', severity: 'P2', target: 'aws-health/issue-1' });
    expect(called(open)).toEqual([expect.stringContaining('concerns rds-instance/orders-db')]);
    expect(await deliver(health('issue-1', { statusCode: 'closed' }))).toMatchObject({ kind: 'noted' });
    expect(await incidentOf(outcome)).toMatchObject({ state: 'resolved' });
  });

  it('calls nobody for what is told as open after it was told as closed', async () => {
    const open = health('issue-6');
    const closed = {
      ...health('issue-6', { statusCode: 'closed' }),
      time: new Date(Date.parse(open.time) + 1_000).toISOString(),
    };
    expect(await deliver(closed)).toMatchObject({ kind: 'noted' });
    expect(await deliver(open)).toMatchObject({
      kind: 'already-fine',
      reason: expect.stringContaining('issue is over since'),
    });
  });

  it('opens nothing for what AWS closes while Nightshift is paused, and ends what was open', async () => {
    const open = await deliver(health('issue-7'));
    await setSwitch(world.store, 'pause', 'person:jane', 'looking');
    try {
      expect(await deliver(health('issue-7', { statusCode: 'closed' }))).toMatchObject({ kind: 'noted' });
      expect(await deliver(health('issue-8', { statusCode: 'closed' }))).toMatchObject({ kind: 'noted' });
    } finally {
      await setSwitch(world.store, 'run', 'person:jane', 'looked');
    }
    expect(await incidentOf(open)).toMatchObject({ state: 'resolved' });
    expect(await readTarget(world.store, 'aws-health/issue-8')).toMatchObject({ alarms: {} });
  });

  it('calls once, however often and on however many pages it is told', async () => {
    const event = health('issue-2');
    const outcome = await deliver(event);
    expect(await deliver(event)).toMatchObject({ kind: 'duplicate' });
    const again = await deliver(health('issue-2', { page: '2' }));
    expect(again).toMatchObject({ kind: 'escalated' });
    const incident = await incidentOf(outcome);
    expect((await incidentOf(again)).id).toBe(incident.id);
    expect(called(incident)).toHaveLength(1);
  });

  it('is less urgent when it only announces something', async () => {
    const outcome = await deliver(health('change-1', { eventTypeCategory: 'scheduledChange', statusCode: 'upcoming' }));
    expect(await incidentOf(outcome)).toMatchObject({ severity: 'P3' });
  });

  it('calls a person in observe mode, too: nothing is changed by it', async () => {
    expect(await deliver(health('issue-3'), 'observe')).toMatchObject({ kind: 'escalated' });
  });

  it('calls nobody for what concerns nothing that is protected, or for what was over before it was told', async () => {
    const others = health('issue-4', { affectedEntities: [{ entityValue: 'other-db' }] });
    expect(await deliver(others)).toMatchObject({ kind: 'rejected', reason: 'no-target' });
    expect(await deliver(health('issue-5', { statusCode: 'closed' }))).toMatchObject({ kind: 'noted' });
  });
});
