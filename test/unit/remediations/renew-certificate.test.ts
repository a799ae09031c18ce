import { describe, expect, it } from '@jest/globals';
import type { Judgement } from '../../../functions/certificates/bundle.ts';
import { type Certificate, daysUntil, needsRenewal, tellDays } from '../../../functions/certificates/certificate.ts';
import type { RecordReading } from '../../../functions/dns/route53.ts';
import type { CertificateConfig } from '../../../functions/engine/config.ts';
import type { Change } from '../../../functions/engine/remediation.ts';
import { judge as judgeRun } from '../../../functions/jobs/check-certificates/decide.ts';
import {
  alreadyApplied,
  decide,
  type Observation,
  verify,
  zoneOf,
} from '../../../functions/remediations/renew-certificate/decide.ts';
import { examine } from '../../../functions/remediations/renew-certificate/examine.ts';
import { config, signal, certificate as target } from '../../support/fixtures.ts';

const NAME = '_abc.shop.example.com.';
const VALUE = '_xyz.acm-validations.aws.';
const dns = { domain: 'shop.example.com', method: 'DNS', isPending: true, record: { name: NAME, value: VALUE } };
const mail = { domain: 'shop.example.com', method: 'EMAIL', isPending: true, mailDomain: 'example.com' };
const issued: Certificate = {
  ...{ type: 'AMAZON_ISSUED', status: 'ISSUED', serial: 'A1', domains: ['shop.example.com'], isEligible: true },
  ...{ notAfter: '2026-12-02T00:00:00.000Z', daysLeft: 12, validations: [dns] },
};
/** As ACM describes one that waits for its first validation: used by nothing, so not eligible. */
const neverIssued: Certificate = {
  ...{ type: 'AMAZON_ISSUED', status: 'PENDING_VALIDATION', serial: '', domains: ['shop.example.com'] },
  ...{ isEligible: false, validations: [dns] },
};
const imported: Certificate = { ...issued, type: 'IMPORTED', isEligible: false, validations: [] };
const newer: Judgement = {
  kind: 'usable',
  serial: 'B2',
  fingerprint: 'F0',
  notAfter: '2027-12-02T00:00:00.000Z',
  issuer: 'Public Authority',
};
const kept = { issuer: 'Public Authority', versionId: 'v-1' };
const right: RecordReading = { kind: 'record', record: { ttlSeconds: 60, values: ['_XYZ.acm-validations.aws'] } };
const other: RecordReading = { kind: 'record', record: { ttlSeconds: 60, values: ['elsewhere.example.com'] } };

const seen = (
  certificate: Certificate | undefined,
  record: Observation['records'][string] = right,
  more = {},
): Observation => ({
  certificate,
  records: { [NAME]: record },
  ...more,
});
const judge = (observation: Observation, of: CertificateConfig = target) =>
  decide({ signal, target: of, observation, hold: undefined, config });
function planned(observation: Observation): Change {
  const decision = judge(observation);
  if (decision.kind !== 'act') throw new Error(`expected an action, got ${JSON.stringify(decision)}`);
  return decision.change;
}

describe('deciding on a certificate', () => {
  it.each<[string, Observation, string]>([
    ['there is none', seen(undefined), 'no certificate'],
    ['it is of a private authority', seen({ ...issued, type: 'PRIVATE' }), 'none of type PRIVATE'],
    ['it has expired', seen({ ...issued, status: 'EXPIRED', daysLeft: -2 }), 'expired on 2026-12-02'],
    ['it was revoked', seen({ ...issued, status: 'REVOKED', isEligible: false }), 'request another'],
    ['nobody validated it in time', seen({ ...neverIssued, status: 'VALIDATION_TIMED_OUT' }), 'request another'],
    ['its request failed', seen({ ...neverIssued, status: 'FAILED' }), 'request another'],
    ['nothing uses it', seen({ ...issued, isEligible: false }), 'no service uses it'],
    ['its record says something else', seen(issued, other), 'says something else'],
    ['its record can’t be read', seen(issued, { kind: 'unknown', why: 'timeout' }), "can't be read: timeout"],
    ['its record is routed', seen(issued, { kind: 'not-simple', why: 'it has a Weight' }), "can't be judged"],
    ['it lacks nothing', seen({ ...issued, renewal: { status: 'FAILED', reason: 'CAA_ERROR' } }), 'FAILED, CAA_ERROR'],
    ['it was imported, without a secret', seen(imported), 'no secret is configured'],
    [
      'what the secret holds is no good',
      seen(imported, right, { replacement: { kind: 'unusable', why: 'its key' } }),
      'its key',
    ],
    [
      'what the secret holds is the one in use',
      seen(imported, right, { replacement: { ...newer, serial: 'A1' } }),
      'the one in use',
    ],
    [
      'what the secret holds is no newer',
      seen(imported, right, { replacement: { ...newer, notAfter: imported.notAfter } }),
      'no longer than it',
    ],
  ])('calls a person when %s', (_, observation, reason) => {
    expect(judge(observation)).toMatchObject({
      kind: 'escalate',
      reason: expect.stringContaining(reason),
      recheckAfterSeconds: 21_600,
    });
  });

  it('tells how many days are left whenever it calls a person', () => {
    expect(judge(seen(issued))).toMatchObject({ reason: expect.stringContaining('12 days left, until 2026-12-02') });
  });

  it('does nothing with days enough, unless ACM waits for somebody', () => {
    const early = { ...issued, daysLeft: 31 };
    expect(judge(seen(early, { kind: 'missing' }))).toMatchObject({ kind: 'fine' });
    const waiting = { ...early, renewal: { status: 'PENDING_VALIDATION' } };
    expect(judge(seen(waiting, { kind: 'missing' }))).toMatchObject({ kind: 'act' });
    expect(judge(seen({ ...issued, daysLeft: 30 }, { kind: 'missing' }))).toMatchObject({ kind: 'act' });
  });

  it('creates the record that ACM doesn’t find, once for a name and its wildcard', () => {
    const both = { ...issued, validations: [dns, { ...dns, domain: '*.shop.example.com' }] };
    expect(planned(seen(both, { kind: 'missing' }))).toMatchObject({
      after: { kind: 'records', records: [{ zoneId: 'Z0123456789ABCDEFGHIJ', name: NAME, value: VALUE }] },
      verifyNotBeforeSeconds: 3600,
    });
  });

  it('does for one that was never issued what it takes, although nothing uses it yet', () => {
    expect(planned(seen(neverIssued, { kind: 'missing' }))).toMatchObject({ after: { kind: 'records' } });
    expect(planned(seen({ ...neverIssued, validations: [mail] }))).toMatchObject({ after: { kind: 'mail' } });
    expect(judge(seen(neverIssued, other))).toMatchObject({ reason: expect.stringContaining('says something else') });
  });

  it('names what else is in the way when it creates only some of the records', () => {
    const second = { ...dns, domain: 'b.example.com', record: { name: '_b.shop.example.com.', value: VALUE } };
    const both = { ...issued, validations: [dns, second] };
    const observation = { certificate: both, records: { [NAME]: { kind: 'missing' }, '_b.shop.example.com.': other } };
    const { summary, after } = planned(observation as Observation);
    expect(after).toMatchObject({ records: [{ name: NAME }] });
    expect(summary).toContain('the record _b.shop.example.com. says something else');
  });

  it('tells a person what to create where no zone is configured', () => {
    expect(judge(seen(issued, { kind: 'missing' }), { ...target, zones: { 'ample.com': 'Z1' } })).toMatchObject({
      kind: 'escalate',
      reason: expect.stringContaining(`it must be a CNAME of ${VALUE}`),
    });
    const zones = { 'example.com': 'Z1', 'shop.example.com': 'Z2' };
    expect(zoneOf({ ...target, zones }, NAME)).toBe('Z2');
  });

  it('has ACM write again to whoever hasn’t answered', () => {
    const mailed = { ...issued, validations: [mail, { ...mail, domain: 'done.example.com', isPending: false }] };
    expect(planned(seen(mailed)).after).toEqual({
      kind: 'mail',
      mails: [{ domain: 'shop.example.com', mailDomain: 'example.com' }],
    });
  });

  it('imports what is newer; unasked only when the earlier one is still kept', () => {
    expect(judge(seen(imported, right, { replacement: newer, kept }))).toMatchObject({
      kind: 'act',
      change: { before: { serial: 'A1' }, after: { kind: 'import', serial: 'B2', fingerprint: 'F0' } },
    });
    expect(judge(seen(imported, right, { replacement: newer, kept }))).not.toHaveProperty('approval');
    expect(judge(seen(imported, right, { replacement: newer }))).toMatchObject({
      kind: 'act',
      approval: { people: 1 },
    });
  });
});

describe('an import', () => {
  it('names the version of the secret that undoes it: the label moves on with the next one', () => {
    expect(planned(seen(imported, right, { replacement: newer, kept })).undo).toContain('version v-1');
  });

  it('waits for a person when another authority issued the new certificate', () => {
    const decision = judge(seen(imported, right, { replacement: { ...newer, issuer: 'CN=shop.test' }, kept }));
    expect(decision).toMatchObject({ approval: { people: 1, why: expect.stringContaining('CN=shop.test') } });
  });
});

describe('a change that was recorded', () => {
  const records = planned(seen(issued, { kind: 'missing' }));
  const mails = planned(seen({ ...issued, validations: [mail] }));
  const importing = planned(seen(imported, right, { replacement: newer, kept }));

  it.each<[string, Change, Observation, 'yes' | 'no' | 'unclear']>([
    ['a record, when it is there', records, seen(issued, right), 'yes'],
    ['a record, when it is not', records, seen(issued, { kind: 'missing' }), 'no'],
    ['a record, when there is another', records, seen(issued, other), 'unclear'],
    ['a record, when it can’t be read', records, seen(issued, { kind: 'unknown', why: 'x' }), 'unclear'],
    ['a mail, of which nothing can be seen', mails, seen(issued), 'no'],
    ['an import, by the new serial', importing, seen({ ...imported, serial: 'B2' }), 'yes'],
    ['an import, by the old serial', importing, seen(imported), 'no'],
    ['an import, by a third serial', importing, seen({ ...imported, serial: 'C3' }), 'unclear'],
    ['an import of what is gone', importing, seen(undefined), 'unclear'],
  ])('is told to have happened or not: %s', (_, change, observation, expected) => {
    expect(alreadyApplied(change, observation)).toBe(expected);
  });

  const verified = (change: Change, certificate: Certificate | undefined) =>
    verify({ target, change, observation: seen(certificate) });
  it('has helped only when there is a certificate with days enough', () => {
    expect(verified(records, { ...issued, daysLeft: 390 })).toMatchObject({ kind: 'good' });
    expect(verified(records, issued)).toMatchObject({
      kind: 'not-yet',
      detail: expect.stringContaining('12 days left'),
    });
    expect(verified(mails, issued)).toMatchObject({
      kind: 'not-yet',
      detail: expect.stringContaining('nobody has followed'),
    });
    expect(verified(importing, { ...imported, serial: 'B2', daysLeft: 20 })).toMatchObject({ kind: 'bad' });
    expect(verified(importing, undefined)).toMatchObject({ kind: 'not-yet' });
  });
});

describe('days left', () => {
  it('are whole days, and less than none after the end', () => {
    expect([daysUntil(86_400_000, 0), daysUntil(86_399_999, 0), daysUntil(0, 1)]).toEqual([1, 0, -1]);
    expect(tellDays({ ...issued, daysLeft: 1 })).toBe('1 day left, until 2026-12-02');
    const { notAfter: _notAfter, daysLeft: _daysLeft, ...never } = issued;
    expect([tellDays(never), needsRenewal(never)]).toEqual(['never issued', true]);
  });

  it('are what a run of the check reports; it has failed only without a certificate', () => {
    expect(judgeRun(target, issued)).toMatchObject({
      verdict: { kind: 'passed', report: { daysLeft: 12 } },
      needs: expect.any(String),
    });
    expect(judgeRun(target, { ...issued, daysLeft: 31 })).not.toHaveProperty('needs');
    expect(judgeRun(target, undefined)).toMatchObject({ verdict: { kind: 'failed', check: 'certificate' } });
  });
});

describe('in quiet times', () => {
  it('says what would keep it from being renewed', () => {
    const verdicts = (observation: Observation, of = target) => examine(of, observation).map(({ verdict }) => verdict);
    const early = { ...issued, daysLeft: 300 };
    expect(verdicts(seen(early))).toEqual(['ok', 'ok']);
    expect(verdicts(seen(issued, { kind: 'missing' }))).toEqual(['wrong', 'wrong']);
    expect(verdicts(seen(early), { ...target, zones: {} })).toEqual(['ok', 'wrong']);
    expect(verdicts(seen({ ...early, validations: [mail] }))).toEqual(['ok', 'ok']);
    expect(verdicts(seen(undefined))).toEqual(['wrong']);
    const from = { ...target, importFrom: { secretArn: 'arn:aws:secretsmanager:us-east-1:000000000000:secret:x' } };
    const old = { ...imported, daysLeft: 300 };
    expect(verdicts(seen(old))).toEqual(['ok', 'wrong']);
    expect(verdicts(seen(old, right, { replacement: newer }), from)).toEqual(['ok', 'ok']);
    expect(verdicts(seen(old, right, { replacement: { kind: 'unusable', why: 'x' } }), from)).toEqual(['ok', 'wrong']);
  });
});
