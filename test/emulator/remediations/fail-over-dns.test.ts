/** The remediation's own handler code on a real journal, records that a real name server answers from, and two sites that really answer. */
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { startDnsServer } from '../../../local/stand-ins/route53/dns-server.ts';
import { issueBundle, makeAuthority } from '../../support/certificates.ts';
import { type DnsRemediationWorld, openDnsRemediation } from '../../support/dns-remediation.ts';

jest.setTimeout(90_000);
let w: DnsRemediationWorld;

beforeAll(async () => {
  w = await openDnsRemediation();
  await w.health({ east: false, west: true });
});
afterEach(() => w.calm());
afterAll(async () => {
  await w?.close();
});

const EAST = '127.0.0.2';
const WEST = '127.0.0.3';
const CHANGE = 'ChangeResourceRecordSets';
const handBack = (name: string) => ({
  ...{ nightshift: 1, command: 'hand-back', target: `dns-endpoint/${name}`, remediation: 'fail-over-dns' },
});

describe('fail-over-dns, while site east is sick and site west is well', () => {
  it('sends everybody to the site that is well, and is verified once users reach it [2a/dns-or-lb-failure, 3d/switch-dns, D60, D91, M24]', async () => {
    const name = w.record(45);
    expect(await w.addressOf(name)).toBe(EAST);
    const { result, changing } = await w.callsDuring(() => w.deliver(name, w.alarm(name)));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual([CHANGE]);
    expect(await w.addressOf(name)).toBe(WEST);
    // As short-lived as it is configured, whatever it was before.
    const moved = w.route53.route53.recordsOf(w.zoneId).find((each) => each.name.startsWith(`${name}.`));
    expect(moved).toMatchObject({ ttlSeconds: 60, values: [WEST] });
    await w.deliver(name, w.alarm(name, 'OK'));
    expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
  });

  it('is not verified before every resolver that answers sends users to the new site [3d/check-dns]', async () => {
    const name = w.record();
    const cache = { address: EAST };
    // A resolver that keeps the earlier answer, beside one that doesn't and one that nobody reaches.
    const stale = await startDnsServer((asked, type) => ({
      code: 'NOERROR',
      records: type === 'A' ? [{ name: asked, type, ttlSeconds: 60, value: cache.address }] : [],
    }));
    try {
      const fresh = `127.0.0.1:${w.route53.route53.dnsPort}`;
      const target = { resolvers: [fresh, `127.0.0.1:${stale.port}`, '127.0.0.1:1'] };
      const moved = await w.deliver(name, w.alarm(name), { target });
      expect(moved).toMatchObject({ kind: 'remediated' });
      await w.deliver(name, w.alarm(name, 'OK'), { target });
      expect(await w.incident(moved)).toMatchObject({ state: 'verifying', actions: [{ status: 'done' }] });
      cache.address = WEST;
      await w.deliver(
        name,
        { nightshift: 1, command: 'settle', target: `dns-endpoint/${name}`, alarms: {} },
        { target },
      );
      const { state, timeline } = await w.incident(moved);
      expect(state).toBe('resolved');
      const verified = timeline.find(({ kind }) => kind === 'verified')?.summary ?? '';
      for (const resolver of target.resolvers) expect(verified).toContain(resolver);
      expect(verified).toContain(`${fresh} says ${WEST} (west)`);
      expect(verified).toContain("127.0.0.1:1 doesn't answer");
    } finally {
      await stale.close();
    }
  });

  it('changes nothing while the site that is in use answers', async () => {
    const name = w.record();
    await w.deliver(name, w.alarm(name), { limits: { cooldownSeconds: 0 } });
    await w.deliver(name, w.alarm(name, 'OK'));
    const { result, changing } = await w.callsDuring(() =>
      w.deliver(name, w.alarm(name), { limits: { cooldownSeconds: 0 } }),
    );
    expect(result).toMatchObject({ kind: 'already-fine' });
    expect(changing).toEqual([]);
  });

  it('calls a person for a record that does not exist, and for a zone that does not', async () => {
    const { result, changing } = await w.callsDuring(async () => [
      await w.deliver('nobody', w.alarm('nobody')),
      await w.deliver('nowhere', w.alarm('nowhere'), { target: { zoneId: 'ZNONE' } }),
    ]);
    expect(result).toMatchObject([
      { kind: 'escalated', reason: expect.stringContaining('no A record') },
      { kind: 'escalated', reason: expect.stringContaining('NoSuchHostedZone') },
    ]);
    expect(changing).toEqual([]);
  });

  it('leaves a record alone that Route 53 routes by a policy, and one that points elsewhere', async () => {
    const [routed, moved] = [w.record(), w.record()];
    const { route53 } = w.route53;
    const changed = (name: string, more: object) =>
      route53.setRecords(
        w.zoneId,
        route53.recordsOf(w.zoneId).map((each) => (each.name.startsWith(`${name}.`) ? { ...each, ...more } : each)),
      );
    changed(routed, { setIdentifier: 'a', weight: 1 });
    changed(moved, { values: ['192.0.2.77'] });
    const { result, changing } = await w.callsDuring(async () => [
      await w.deliver(routed, w.alarm(routed)),
      await w.deliver(moved, w.alarm(moved)),
    ]);
    expect(result).toMatchObject([
      { kind: 'escalated', reason: expect.stringContaining('own routing') },
      { kind: 'held', reason: 'hands-off' },
    ]);
    expect(changing).toEqual([]);
  });

  it('calls a person when it is refused', async () => {
    const name = w.record();
    w.fault(CHANGE, 'refused');
    expect(await w.deliver(name, w.alarm(name))).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('AccessDenied'),
    });
    w.calm();
    w.fault('GetHealthCheckStatus', 'refused');
    const other = w.record();
    expect(await w.deliver(other, w.alarm(other))).toMatchObject({ kind: 'escalated' });
    expect([await w.addressOf(name), await w.addressOf(other)]).toEqual([EAST, EAST]);
  });

  it('calls a person at once when Route 53’s one control plane is cut off', async () => {
    const name = w.record();
    w.fault('ListResourceRecordSets', 'throttled');
    const { result, changing } = await w.callsDuring(() => w.deliver(name, w.alarm(name)));
    expect(result).toMatchObject({ kind: 'escalated', reason: expect.stringContaining("can't be read") });
    expect(changing).toEqual([]);
  });

  it('asks again when it was throttled, and keeps the intent when that was for too long', async () => {
    const name = w.record();
    w.fault(CHANGE, 'throttled', 1);
    expect(await w.deliver(name, w.alarm(name))).toMatchObject({ kind: 'remediated' });
    w.calm();
    const other = w.record();
    const event = w.alarm(other);
    w.fault(CHANGE, 'throttled', 3);
    await expect(w.deliver(other, event)).rejects.toMatchObject({ retryable: true });
    await expect(w.deliver(other, event)).rejects.toMatchObject({ name: 'InFlightError' });
    w.calm();
    const afterTheLease = () => Date.now() + 120_000;
    expect(await w.deliver(other, event, { now: afterTheLease })).toMatchObject({ kind: 'remediated' });
    expect(await w.addressOf(other)).toBe(WEST);
  });

  it('recognises its own change when the answer to it was lost', async () => {
    const name = w.record();
    w.fault(CHANGE, 'timeout-after', 1);
    expect(await w.deliver(name, w.alarm(name))).toMatchObject({ kind: 'remediated' });
    expect(await w.addressOf(name)).toBe(WEST);
    const other = w.record();
    const event = w.alarm(other);
    w.fault(CHANGE, 'timeout-after', 2);
    await expect(w.deliver(other, event)).rejects.toMatchObject({ retryable: true });
    w.calm();
    const { result, changing } = await w.callsDuring(() =>
      w.deliver(other, event, { now: () => Date.now() + 120_000 }),
    );
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual([]);
  });

  it('asks again whether the old site is still sick before it finishes what a dead function began', async () => {
    const name = w.record();
    const event = w.alarm(name);
    w.fault(CHANGE, 'throttled', 3);
    await expect(w.deliver(name, event)).rejects.toMatchObject({ retryable: true });
    w.calm();
    await w.health({ east: true, west: true });
    const { result, changing } = await w.callsDuring(() => w.deliver(name, event, { now: () => Date.now() + 120_000 }));
    await w.health({ east: false, west: true });
    expect(result).toMatchObject({ kind: 'escalated', reason: expect.stringContaining("isn't sick any more") });
    expect(changing).toEqual([]);
    expect(await w.addressOf(name)).toBe(EAST);
  });

  it('calls a person for a name that has an AAAA record, too: clients that speak IPv6 would stay behind', async () => {
    const name = w.record();
    const { route53 } = w.route53;
    const six = { name: `${name}.shop.test.`, type: 'AAAA', ttlSeconds: 60, values: ['2001:db8::1'] };
    route53.setRecords(w.zoneId, [...route53.recordsOf(w.zoneId), six]);
    const { result, changing } = await w.callsDuring(() => w.deliver(name, w.alarm(name)));
    expect(result).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('AAAA') });
    expect(changing).toEqual([]);
  });

  it('moves everybody once when the same event comes five times at once', async () => {
    const name = w.record();
    const event = w.alarm(name);
    const { changing } = await w.callsDuring(() =>
      Promise.allSettled(Array.from({ length: 5 }, () => w.deliver(name, event))),
    );
    expect(changing).toEqual([CHANGE]);
  });

  it('overwrites nothing that somebody else changed between look and request', async () => {
    const name = w.record();
    const { gateway, route53 } = w.route53;
    const stop = gateway.onCall(({ service, operation }) => {
      if (service !== 'dynamodb' || operation !== 'TransactWriteItems') return;
      stop();
      route53.setRecords(
        w.zoneId,
        route53
          .recordsOf(w.zoneId)
          .map((each) => (each.name.startsWith(`${name}.`) ? { ...each, ttlSeconds: 61 } : each)),
      );
    });
    expect(await w.deliver(name, w.alarm(name))).toMatchObject({ kind: 'held', reason: 'hands-off' });
    expect(await w.addressOf(name)).toBe(EAST);
  });

  it('calls a person at once when Route 53 refuses the new record, instead of blaming somebody else', async () => {
    const name = w.record();
    const sites = w.configured.map((site) => (site.name === 'west' ? { ...site, target: 'not-an-address' } : site));
    expect(await w.deliver(name, w.alarm(name), { target: { sites } })).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('ARRDATAIllegalIPv4Address'),
    });
    expect(await w.addressOf(name)).toBe(EAST);
  });

  it('sends nobody to a site whose certificate nobody trusts, although it answers [D1]', async () => {
    const { certificate: cert, privateKey: key } = await issueBundle(await makeAuthority(), {
      domains: ['localhost'],
      days: 30,
    });
    let asked = 0;
    const imposter = createServer({ cert, key }, (_, reply) => {
      asked += 1;
      reply.end('well');
    });
    imposter.on('tlsClientError', () => {
      asked += 1;
    });
    await once(imposter.listen(0, '127.0.0.1'), 'listening');
    try {
      const name = w.record();
      const probeUrl = `https://localhost:${(imposter.address() as AddressInfo).port}/health`;
      const sites = w.configured.map((site) => (site.name === 'west' ? { ...site, probeUrl } : site));
      const { result, changing } = await w.callsDuring(() => w.deliver(name, w.alarm(name), { target: { sites } }));
      expect(result).toMatchObject({
        kind: 'escalated',
        reason: expect.stringContaining('no other is proved healthy'),
      });
      expect(JSON.stringify(result)).toMatch(/UNABLE_TO|SELF_SIGNED/);
      expect(changing).toEqual([]);
      expect(await w.addressOf(name)).toBe(EAST);
      expect(asked).toBeGreaterThan(0);
    } finally {
      imposter.close();
    }
  });

  it('makes no changing call in observe mode, and asks two people in mode approve', async () => {
    const [name, other] = [w.record(), w.record()];
    const { result, changing, calls } = await w.callsDuring(async () => [
      await w.deliver(name, w.alarm(name), { limits: { mode: 'observe' } }),
      await w.deliver(other, w.alarm(other), { limits: { mode: 'approve' } }),
    ]);
    expect(result).toMatchObject([
      { kind: 'would-act', change: expect.stringContaining('from site east to site west') },
      { kind: 'awaiting-approval' },
    ]);
    const [, asked] = result;
    const incident = await w.incident(asked as Parameters<typeof w.incident>[0]);
    expect(incident.timeline.find(({ kind }) => kind === 'approval-requested')?.data).toMatchObject({ people: 2 });
    expect(changing).toEqual([]);
    expect(calls).toBeGreaterThan(0);
  });
});

describe('fail-over-dns, as health changes', () => {
  it('sends nobody to a site that turns sick at the last moment, nor from one that is well [D54, D97, D127]', async () => {
    await w.health({ east: false, west: true });
    const name = w.record();
    const { gateway } = w.route53;
    const stop = gateway.onCall(({ service, operation }) => {
      if (service !== 'dynamodb' || operation !== 'TransactWriteItems') return;
      stop();
      w.sites.west.sick(true);
    });
    const { result, changing } = await w.callsDuring(() => w.deliver(name, w.alarm(name)));
    expect(result).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining("isn't proved healthy at this moment"),
    });
    await w.health({ east: false, west: false });
    const both = w.record();
    expect(await w.deliver(both, w.alarm(both))).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('no other is proved healthy'),
    });
    await w.health({ east: true, west: true });
    const well = w.record();
    expect(await w.deliver(well, w.alarm(well))).toMatchObject({ kind: 'already-fine' });
    expect(changing).toEqual([]);
    expect([await w.addressOf(name), await w.addressOf(both), await w.addressOf(well)]).toEqual([EAST, EAST, EAST]);
  });

  it('sends everybody back after the dwell time, once the first site is proved healthy, and only if nobody moved them', async () => {
    await w.health({ east: false, west: true });
    const [name, moved, kept] = [w.record(45), w.record(), w.record()];
    for (const each of [name, moved, kept]) {
      const person = each === kept ? { target: { failBack: 'person' as const } } : {};
      await w.deliver(each, w.alarm(each), person);
      await w.deliver(each, w.alarm(each, 'OK'), person);
    }
    const soon = () => Date.now() + 60_000;
    const later = () => Date.now() + 3_700_000;
    expect(await w.deliver(name, handBack(name), { now: soon })).toMatchObject({
      detail: expect.stringContaining('stabilising'),
    });
    expect(await w.deliver(name, handBack(name), { now: later })).toMatchObject({
      kind: 'held',
      detail: expect.stringContaining("site east isn't proved healthy"),
    });
    expect(await w.addressOf(name)).toBe(WEST);
    await w.health({ east: true, west: true });
    const { changing } = await w.callsDuring(() => w.deliver(name, handBack(name), { now: later }));
    expect(changing).toEqual([CHANGE]);
    expect(await w.addressOf(name)).toBe(EAST);
    const { route53 } = w.route53;
    // The very record that was there, not one with the configured TTL.
    expect(route53.recordsOf(w.zoneId).find((each) => each.name.startsWith(`${name}.`))).toMatchObject({
      ttlSeconds: 45,
    });
    route53.setRecords(
      w.zoneId,
      route53
        .recordsOf(w.zoneId)
        .map((each) => (each.name.startsWith(`${moved}.`) ? { ...each, values: ['192.0.2.77'] } : each)),
    );
    expect(await w.deliver(moved, handBack(moved), { now: later })).toMatchObject({
      detail: expect.stringContaining('somebody else moved it'),
    });
    expect(await w.addressOf(moved)).toBe('192.0.2.77');
    expect(await w.deliver(kept, handBack(kept), { now: later })).toMatchObject({
      detail: expect.stringContaining('holds nothing'),
    });
    expect(await w.addressOf(kept)).toBe(WEST);
  });
});
