/** The remediation's own handler code, and the job that looks for it, on a real journal, real secrets and records that a real name server answers from. */
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readRuns } from '../../../functions/jobs/items.ts';
import { takeTurn } from '../../../functions/jobs/run.ts';
import { manifest } from '../../../functions/remediations/renew-certificate/manifest.ts';
import { type CertificateWorld, openCertificates, ZONE } from '../../support/certificate-remediation.ts';
import { issueBundle } from '../../support/certificates.ts';

jest.setTimeout(90_000);
let w: CertificateWorld;
beforeAll(async () => {
  w = await openCertificates();
});
afterEach(() => w.calm());
afterAll(async () => {
  await w?.close();
});

const CREATE = 'ChangeResourceRecordSets';
const MAIL = 'ResendValidationEmail';
const IMPORT = 'ImportCertificate';
const settle = (name: string) => ({
  ...{ nightshift: 1, command: 'settle', target: `certificate/${name}`, alarms: {} },
});

describe('renew-certificate', () => {
  it('creates the validation record that ACM lacks, and is verified once ACM has renewed [2c/certificate-expiring, 8/renew-certificate, D52, D76, D96]', async () => {
    const shop = w.issued('DNS', 12, 'records');
    const before = w.acm.serialOf(shop.arn);
    const { result, changing } = await w.callsDuring(() => w.deliver(shop));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual([CREATE]);
    const [record] = w.acm.recordsOf(shop.arn);
    expect(await w.route53.resolver.resolveCname(record?.name ?? '')).toEqual([record?.value.replace(/\.$/, '')]);
    await w.deliver(shop, settle(shop.name));
    expect(w.acm.serialOf(shop.arn)).not.toBe(before);
    expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
  });

  it('has the mail sent again, and is verified once somebody has followed its link', async () => {
    const shop = w.issued('EMAIL', 12);
    const { result, changing } = await w.callsDuring(() => w.deliver(shop));
    expect(changing).toEqual([MAIL, MAIL]);
    expect(w.acm.mailsOf(shop.arn)).toEqual([`${shop.name}.${ZONE}`, `*.${shop.name}.${ZONE}`]);
    for (const domain of w.acm.mailsOf(shop.arn)) w.acm.follow(shop.arn, domain);
    await w.deliver(shop, settle(shop.name));
    expect(await w.incident(result)).toMatchObject({ state: 'resolved' });
  });

  it('supplies what one that was never issued waits for, although nothing uses it yet [2c/certificate-not-ready]', async () => {
    const [named, mailed] = [w.requested('DNS'), w.requested('EMAIL')];
    for (const [shop, changing] of [
      [named, CREATE],
      [mailed, MAIL],
    ] as const) {
      const made = await w.callsDuring(() => w.deliver(shop));
      expect(made).toMatchObject({ result: { kind: 'remediated' }, changing: [changing] });
      for (const domain of w.acm.mailsOf(shop.arn)) w.acm.follow(shop.arn, domain);
      await w.deliver(shop, settle(shop.name));
      expect(await w.incident(made.result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
    }
  });

  it('waits for an alarm that outlasts the renewal by a day, and calls nobody meanwhile', async () => {
    const shop = w.issued('DNS', 12, 'records');
    const patient = { limits: { verifyWithinSeconds: manifest.defaults.verifyWithinSeconds ?? 0 } };
    const result = await w.deliver(shop, w.alarm(shop, 'ALARM'), patient);
    expect(result).toMatchObject({ kind: 'remediated' });
    const DAY_MS = 86_400_000;
    const later = { ...patient, now: () => Date.now() + DAY_MS };
    const stillOn = { ...settle(shop.name), alarms: { [w.alarmArn(shop)]: 'ALARM' } };
    await w.deliver(shop, stillOn, later);
    const { state, timeline } = await w.incident(result);
    expect(state).not.toBe('resolved');
    expect(timeline.map(({ kind }) => kind)).not.toContain('escalated');
    await w.deliver(shop, w.alarm(shop, 'OK'), later);
    expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
  });

  it('imports the newer certificate of the secret over the old one, twice if need be [D20, D141]', async () => {
    const shop = await w.imported(12);
    const { result, changing } = await w.callsDuring(() => w.deliver(shop));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual([IMPORT]);
    await w.deliver(shop, settle(shop.name));
    expect(await w.incident(result)).toMatchObject({ state: 'resolved' });
    w.acm.expiresIn(shop.arn, 3);
    expect(await w.deliver(shop)).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('the one in use'),
    });
    await w.store(shop, await issueBundle(w.authority, { domains: [`${shop.name}.${ZONE}`], days: 200 }));
    const again = await w.callsDuring(() => w.deliver(shop));
    expect(again).toMatchObject({ result: { kind: 'remediated' }, changing: [IMPORT] });
  });

  it('asks a person when the earlier certificate could not be put back', async () => {
    const shop = await w.imported(12, { unkept: true });
    const { result, changing } = await w.callsDuring(() => w.deliver(shop));
    expect(result).toMatchObject({ kind: 'awaiting-approval' });
    expect(changing).toEqual([]);
  });

  it('leaves a certificate with days enough as it is', async () => {
    const [issued, imported] = [w.issued('DNS', 90, 'records'), await w.imported(90)];
    const { result, changing } = await w.callsDuring(async () => [await w.deliver(issued), await w.deliver(imported)]);
    expect(result).toMatchObject([{ kind: 'already-fine' }, { kind: 'already-fine' }]);
    expect(changing).toEqual([]);
  });

  it('calls a person with the days left when it can supply nothing, when the zone is another’s, and when there is no certificate', async () => {
    const [ready, foreign, gone] = [w.issued('DNS', 7), w.issued('DNS', 7, 'records'), w.issued('DNS', 7)];
    const old = await issueBundle(w.authority, { domains: [`imported.${ZONE}`], days: 90 });
    const uncovered = await w.imported(7, { next: old });
    w.acm.expiresIn(ready.arn, -3);
    w.acm.remove(gone.arn);
    const { result, changing } = await w.callsDuring(async () => [
      await w.deliver(ready),
      await w.deliver({ ...foreign, target: { zones: {} } }),
      await w.deliver(gone),
      await w.deliver(uncovered),
    ]);
    const escalated = (reason: string) => ({ kind: 'escalated', reason: expect.stringContaining(reason) });
    expect(result).toMatchObject([
      escalated('expired on'),
      escalated('7 days left'),
      escalated('ACM has no certificate'),
      escalated('does not cover'),
    ]);
    expect(changing).toEqual([]);
  });

  it('calls a person when ACM, Route 53 or the secret refuses', async () => {
    const refusals = [
      { shop: w.issued('DNS', 12, 'records'), at: ['route53', CREATE] },
      { shop: w.issued('DNS', 12, 'records'), at: ['acm', 'DescribeCertificate'] },
      { shop: w.issued('EMAIL', 12), at: ['acm', MAIL] },
      { shop: await w.imported(12), at: ['secretsmanager', 'GetSecretValue'] },
      { shop: await w.imported(12), at: ['acm', IMPORT] },
    ] as const;
    for (const { shop, at } of refusals) {
      const before = w.acm.serialOf(shop.arn);
      w.fault(at[0], at[1], 'refused');
      expect(await w.deliver(shop)).toMatchObject({
        kind: 'escalated',
        reason: expect.stringContaining('AccessDenied'),
      });
      w.calm();
      expect(w.acm.serialOf(shop.arn)).toBe(before);
    }
  });

  it('asks again when it was throttled, and keeps the intent when that was for too long', async () => {
    const shop = w.issued('DNS', 12, 'records');
    w.fault('route53', CREATE, 'throttled', 1);
    expect(await w.deliver(shop)).toMatchObject({ kind: 'remediated' });
    w.calm();
    const other = await w.imported(12);
    const event = w.event(other);
    const before = w.acm.serialOf(other.arn);
    w.fault('acm', IMPORT, 'throttled', 3);
    await expect(w.deliver(other, event)).rejects.toMatchObject({ retryable: true });
    expect(w.acm.serialOf(other.arn)).toBe(before);
    w.calm();
    expect(await w.deliver(other, event, { now: () => Date.now() + 120_000 })).toMatchObject({ kind: 'remediated' });
    expect(w.acm.serialOf(other.arn)).not.toBe(before);
  });

  it('recognises its own change when the answer to it was lost', async () => {
    const [shop, other] = [w.issued('DNS', 12, 'records'), await w.imported(12)];
    for (const [of, service, operation] of [
      [shop, 'route53', CREATE],
      [other, 'acm', IMPORT],
    ] as const) {
      const event = w.event(of);
      w.fault(service, operation, 'timeout-after', 2);
      const first = await w.deliver(of, event).catch((error: { retryable?: boolean }) => error);
      w.calm();
      if ('kind' in first) {
        expect(first).toMatchObject({ kind: 'remediated' });
        continue;
      }
      expect(first).toMatchObject({ retryable: true });
      const { result, changing } = await w.callsDuring(() => w.deliver(of, event, { now: () => Date.now() + 120_000 }));
      expect(result).toMatchObject({ kind: 'remediated' });
      expect(changing).toEqual([]);
    }
  });

  it('changes once when the same event comes five times at once', async () => {
    const shop = w.issued('DNS', 12, 'records');
    const event = w.event(shop);
    const { changing } = await w.callsDuring(() =>
      Promise.allSettled(Array.from({ length: 5 }, () => w.deliver(shop, event))),
    );
    expect(changing).toEqual([CREATE]);
  });

  it('overwrites nothing that somebody else changed between look and request', async () => {
    const [shop, other] = [w.issued('DNS', 12, 'records'), await w.imported(12)];
    const { gateway, route53 } = w.route53;
    const [record] = w.acm.recordsOf(shop.arn);
    const atTheCommit = (change: () => void) => {
      const stop = gateway.onCall(({ service, operation }) => {
        if (service !== 'dynamodb' || operation !== 'TransactWriteItems') return;
        stop();
        change();
      });
    };
    const elsewhere = { name: record?.name ?? '', type: 'CNAME', ttlSeconds: 60, values: ['elsewhere.shop.test'] };
    atTheCommit(() => route53.setRecords(w.zoneId, [...route53.recordsOf(w.zoneId), elsewhere]));
    expect(await w.deliver(shop)).toMatchObject({ kind: 'held', reason: 'hands-off' });
    expect(await w.route53.resolver.resolveCname(elsewhere.name)).toEqual(elsewhere.values);
    const theirs = await issueBundle(w.authority, { domains: [`${other.name}.${ZONE}`], days: 200 });
    const wire = (text: string) => Buffer.from(text).toString('base64');
    const importing = {
      ...{ CertificateArn: other.arn, Certificate: wire(theirs.certificate), PrivateKey: wire(theirs.privateKey) },
    };
    let done: Promise<unknown> = Promise.resolve();
    atTheCommit(() => {
      done = Promise.resolve(
        w.acm.handle({ operation: 'ImportCertificate', params: importing, service: 'acm', protocol: 'json' } as never),
      );
    });
    expect(await w.deliver(other)).toMatchObject({ kind: 'held', reason: 'hands-off' });
    await done;
  });

  it('makes no changing call in observe mode', async () => {
    const shops = [w.issued('DNS', 12, 'records'), w.issued('EMAIL', 12), await w.imported(12)];
    const { result, changing, calls } = await w.callsDuring(() =>
      Promise.all(shops.map((shop) => w.deliver(shop, undefined, { limits: { mode: 'observe' } }))),
    );
    expect(result.map(({ kind }) => kind)).toEqual(['would-act', 'would-act', 'would-act']);
    expect(changing).toEqual([]);
    expect(calls).toBeGreaterThan(0);
  });
});

describe('a certificate’s private key', () => {
  it('stands nowhere in the journal', async () => {
    const shop = await w.imported(12);
    await w.deliver(shop);
    const client = new DynamoDBClient({ endpoint: w.route53.gateway.url, region: 'us-east-1' });
    const { Items = [] } = await client.send(new ScanCommand({ TableName: 'journal' }));
    client.destroy();
    const written = JSON.stringify(Items);
    expect(written).toContain(shop.name);
    expect(written).not.toContain('BEGIN');
    for (const { privateKey } of [shop.present, shop.next])
      expect(written).not.toContain(privateKey.split('\n')[1] ?? privateKey);
  });
});

describe('check-certificates', () => {
  const check = async (of: ReturnType<CertificateWorld['issued']>) => {
    const { job } = await import('../../../functions/jobs/check-certificates/handler.ts');
    const order = { job: 'check-certificates', subject: of.name, scheduledAt: '2026-11-21T07:30:00Z' };
    const around = {
      store: w.journal,
      config: w.config(of),
      now: Date.now,
      random: Math.random,
      remaining: () => 30_000,
    };
    let turn = await takeTurn(around, job, order);
    for (let turns = 0; turn.kind === 'wait' && turns < 5; turns++) turn = await takeTurn(around, job, order);
    return turn;
  };
  const putsDuring = async (work: () => Promise<unknown>) => {
    const { gateway } = w.route53;
    const { next } = gateway.callsSince(Number.MAX_SAFE_INTEGER);
    await work();
    return gateway.callsSince(next).calls.filter(({ operation }) => operation === 'PutEvents').length;
  };

  it('tells of a certificate with few days left, and only of that, and keeps the dates of both [5b/certificate-check, 8/certificate-monitor, 9/report-certificate-expiry]', async () => {
    const [late, early] = [w.issued('DNS', 14, 'records'), w.issued('DNS', 90)];
    expect(
      await putsDuring(async () =>
        expect(await check(late)).toMatchObject({ summary: expect.stringContaining('14 days left') }),
      ),
    ).toBe(1);
    expect(await putsDuring(async () => expect(await check(early)).toMatchObject({ verdict: 'passed' }))).toBe(0);
    for (const [{ name: subject }, days] of [
      [late, 14],
      [early, 90],
    ] as const) {
      const [run] = await readRuns(w.journal, { job: 'check-certificates', subject });
      expect(run?.verdict?.report).toMatchObject({ certificate: subject, daysLeft: days, status: 'ISSUED' });
      const left = Date.parse(String(run?.verdict?.report.notAfter)) - Date.now();
      expect(Math.round(left / 86_400_000)).toBe(days);
    }
  });

  it('has failed when there is no such certificate', async () => {
    const gone = w.issued('DNS', 14);
    w.acm.remove(gone.arn);
    expect(await check(gone)).toMatchObject({ kind: 'ended', verdict: 'failed' });
  });
});
