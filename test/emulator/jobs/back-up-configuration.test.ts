/** Backups of the configuration end to end: what is read page by page, what is written to the bucket, what changed, what is never written. */
import { DisableAlarmActionsCommand, EnableAlarmActionsCommand } from '@aws-sdk/client-cloudwatch';
import { CreateServiceCommand, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { CreateDBInstanceCommand, RDSClient } from '@aws-sdk/client-rds';
import { CreateHostedZoneCommand } from '@aws-sdk/client-route-53';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readBackup } from '../../../functions/configuration/stored.ts';
import type { Json } from '../../../functions/engine/remediation.ts';
import { scratchPrefix } from '../../../functions/jobs/scratch-id.ts';
import {
  BUCKET,
  type ConfigurationWorld,
  openConfigurationWorld,
  PLANTED,
  RECORDS,
} from '../../support/configuration-world.ts';
import { REGION } from '../ecs/support.ts';

jest.setTimeout(90_000);
let world: ConfigurationWorld;
beforeAll(async () => {
  world = await openConfigurationWorld();
});
afterEach(() => {
  for (const { name } of world.w.gateway.faults.list()) world.w.gateway.faults.remove(name);
});
afterAll(() => world?.close());

const whole = (folder: Json | undefined) => readBackup({ name: BUCKET, region: REGION }, String(folder));
const headers = {
  authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${REGION}/s3/aws4_request, SignedHeaders=host, Signature=0`,
};

async function objects(): Promise<Map<string, string>> {
  const listing = await (await fetch(`${world.upstream}/${BUCKET}?list-type=2`, { headers })).text();
  const keys = [...listing.matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key = '']) => key);
  const texts = keys.map(
    async (key) => [key, await (await fetch(`${world.upstream}/${BUCKET}/${key}`, { headers })).text()] as const,
  );
  return new Map(await Promise.all(texts));
}

describe('back-up-configuration', () => {
  it('[5a/config-backup, D50] keeps how everything is configured, locked, page by page, without a single secret', async () => {
    const { kind, summary, report } = await world.backUp();
    expect({ kind, summary }).toMatchObject({ kind: 'passed', summary: expect.stringContaining('none before it') });
    const { items, unread } = await whole(report.folder);
    expect(unread).toEqual([]);
    const of = (wanted: string) => items.filter((item) => item.kind === wanted).map(({ id }) => id);
    expect(of('service')).toEqual(['orders/backend']);
    expect(of('scaling')).toEqual(['orders/backend']);
    expect(of('alarm')).toEqual(['backend-cpu']);
    expect(of('parameter')).toEqual(['/orders/colour', '/orders/token']);
    expect(of('rule')).toEqual(['default/orders-nightly']);
    expect(of('state-machine')).toEqual(['orders-nightly']);
    expect(of('record').filter((id) => id.endsWith('/A'))).toHaveLength(RECORDS);
    const kept = await objects();
    expect(kept.size).toBe(10);
    expect([...kept.values()].join('\n')).not.toContain(PLANTED);
    const asked = world.w.gateway.callsSince(0).calls.map(({ operation }) => operation);
    expect(asked.filter((each) => /^Get(Secret|Parameter)/.test(each))).toEqual([]);
    const [key = ''] = kept.keys();
    const locked = await fetch(`${world.upstream}/${BUCKET}/${key}`, { method: 'HEAD', headers });
    expect(locked.headers.get('x-amz-object-lock-mode')).toBe('GOVERNANCE');
    expect(locked.headers.get('x-amz-object-lock-retain-until-date')).toBe('2026-12-06T03:00:00.000Z');
  });

  it('[5a/certificate-backup] keeps names, dates and validation records of certificates, of an imported one its public part, and no key of any', async () => {
    const { issued, imported } = world.certificates;
    const { report } = await world.backUp();
    const { items } = await whole(report.folder);
    const settings = (id: string) =>
      items.find(({ kind, id: found }) => kind === 'certificate' && found === id)?.settings;
    expect(settings(issued)).toMatchObject({
      ...{ Type: 'AMAZON_ISSUED', names: ['shop.example.com', 'www.example.com'], NotAfter: expect.any(String) },
      validations: { 'www.example.com': { ValidationMethod: 'DNS', ResourceRecord: { Type: 'CNAME' } } },
    });
    const { certificate, chain, privateKey } = world.bundle;
    expect(settings(imported)).toMatchObject({ Type: 'IMPORTED', names: ['imported.example.com'], certificate, chain });
    const written = [...(await objects()).values()].join('\n');
    expect(written).not.toContain('PRIVATE KEY');
    expect(written).not.toContain(privateKey.split('\n')[1]);
    const asked = world.w.gateway.callsSince(0).calls.filter(({ service }) => service === 'acm');
    expect(new Set(asked.map(({ operation }) => operation))).toEqual(
      new Set(['DescribeCertificate', 'GetCertificate', 'ListCertificates']),
    );
    // A new one in its place is a change like any other.
    world.acm.expiresIn(issued, 150);
    expect(JSON.stringify((await world.backUp()).report.changed)).toMatch(/certificate\/arn\S+: NotAfter: /);
  });

  it('[D12, D49] names what is in the account and in no backup, and what came to that since the day before', async () => {
    const { ecs, route53 } = world.clients;
    await ecs.send(
      new CreateServiceCommand({
        cluster: 'orders',
        serviceName: 'forgotten',
        taskDefinition: 'backend',
        desiredCount: 1,
      }),
    );
    await route53.send(new CreateHostedZoneCommand({ Name: 'forgotten.example', CallerReference: 'forgotten' }));
    const lost = world.acm.issue({ domains: ['forgotten.example'], daysLeft: 90, method: 'DNS' });
    const rds = new RDSClient(world.w.config);
    const instance = { Engine: 'postgres', DBInstanceClass: 'db.t4g.micro', AllocatedStorage: 20 };
    const login = { MasterUsername: 'postgres', MasterUserPassword: 'for-tests-only' };
    for (const DBInstanceIdentifier of ['forgotten-db', `${scratchPrefix(world.config.name)}0123456789abcdef`])
      await rds.send(new CreateDBInstanceCommand({ DBInstanceIdentifier, ...instance, ...login }));
    rds.destroy();
    const { kind, summary, report } = await world.backUp();
    expect({ kind, uncovered: report.uncovered }).toEqual({ kind: 'passed', uncovered: 4 });
    expect(summary).toContain('4 of the account are in no backup: certificate/');
    expect(report.notCovered).toEqual([
      `certificate/${lost}: not in certificates`,
      'database/forgotten-db: not in databases',
      'service/orders/forgotten: not in services',
      expect.stringMatching(/^zone\/Z\S+: not in configurationBackup.zones$/),
    ]);
    expect(JSON.stringify(report.changed)).toContain('uncovered/database/forgotten-db: added');
  });

  it('says nothing of a day on which nothing was changed, though auto scaling was at work', async () => {
    const { ecs } = world.clients;
    await ecs.send(new UpdateServiceCommand({ cluster: 'orders', service: 'backend', desiredCount: 2 }));
    expect(await world.backUp()).toMatchObject({
      ...{ kind: 'passed', summary: expect.stringContaining('nothing changed') },
      report: { changes: 0 },
    });
  });

  it('[5d/monitoring-config-review, 8/audit-change] names what somebody changed by hand, and who did it', async () => {
    const { ecs, cloudwatch } = world.clients;
    await world.release('two');
    await ecs.send(new UpdateServiceCommand({ cluster: 'orders', service: 'backend', taskDefinition: 'backend:2' }));
    await cloudwatch.send(new DisableAlarmActionsCommand({ AlarmNames: ['backend-cpu'] }));
    const record = (eventName: string, hour: number, name: string, requestParameters: object) =>
      world.trail.push({
        ...{ eventName, eventTime: new Date(Date.now() - hour * 3_600_000).toISOString(), requestParameters },
        userIdentity: { arn: `arn:aws:sts::000000000000:assumed-role/admin/${name}` },
      });
    record('UpdateService', 2, 'early', { cluster: 'orders', service: 'backend' });
    record('UpdateService', 1, 'jane', { cluster: 'orders', service: 'backend', note: PLANTED });
    record('UpdateService', 0, 'elsewhere', { cluster: 'other', service: 'backend' });
    record('UpdateService', 40 * 24, 'long-ago', { cluster: 'orders', service: 'backend' });
    const { report } = await world.backUp();
    expect(report.who).toEqual([
      'alarm/backend-cpu: CloudTrail tells of no call that changed it',
      expect.stringMatching(
        /^service\/orders\/backend: UpdateService at \S+ by arn:aws:sts::\d+:assumed-role\/admin\/jane$/,
      ),
    ]);
    expect(JSON.stringify(report)).not.toContain(PLANTED);
    const told = JSON.stringify(report.changed);
    expect(report.changes).toBe(2);
    expect(told).toContain('alarm/backend-cpu: ActionsEnabled: true -> false');
    expect(told).toMatch(/definition\.containers\.backend\.image: one -> two/);
    expect(told).toMatch(/taskDefinition: \S+backend:1 -> \S+backend:2/);
  });

  it('names what it may not read, keeps the rest, and takes nothing of it for removed', async () => {
    world.w.gateway.faults.add({
      ...{ name: 'refused', kind: 'refused' },
      match: { service: 'route53', operation: 'ListResourceRecordSets' },
    });
    const { kind, check, summary, report } = await world.backUp();
    expect({ kind, check }).toEqual({ kind: 'failed', check: 'unread' });
    expect(summary).toMatch(/record\/Z\S+\/\*: .*nothing changed since the one before/);
    expect((await whole(report.folder)).items).not.toHaveLength(0);
  });

  it('is whole although CloudTrail may not be asked, and says so', async () => {
    await world.clients.cloudwatch.send(new EnableAlarmActionsCommand({ AlarmNames: ['backend-cpu'] }));
    world.w.gateway.faults.add({
      ...{ name: 'refused', kind: 'refused' },
      match: { service: 'cloudtrail', operation: 'LookupEvents' },
    });
    const { kind, report } = await world.backUp();
    expect({ kind, changes: report.changes }).toEqual({ kind: 'passed', changes: 1 });
    expect(report.who).toEqual([expect.stringMatching(/^CloudTrail can't be asked: /)]);
  });

  it('says so when the one before can’t be read any more, and still takes a whole one, with which the next is compared', async () => {
    const before = String((await world.backUp()).report.folder);
    // "GetObject": one that isn't there is refused to who may not list the bucket.
    world.w.gateway.faults.add({
      ...{ name: 'gone', kind: 'refused' },
      match: { service: 's3', operation: 'GetObject', resource: `${before}/index.json` },
    });
    const { kind, check, report } = await world.backUp();
    expect({ kind, check, comparedWith: report.comparedWith }).toEqual({
      ...{ kind: 'failed', check: 'damaged', comparedWith: null },
    });
    expect((await whole(report.folder)).unread).toEqual([]);
    expect(await world.backUp()).toMatchObject({ kind: 'passed', report: { comparedWith: report.folder } });
  });
});
