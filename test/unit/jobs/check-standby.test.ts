/** Whether the standby region could take over. Pure decisions. */
import { describe, expect, it } from '@jest/globals';
import {
  copyFinding,
  type Image,
  type InstanceSeen,
  replicaFindings,
  type ServiceSeen,
  serviceFindings,
} from '../../../functions/jobs/check-standby/decide.ts';
import { imagesOf, isRollingOut } from '../../../functions/jobs/check-standby/handler.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const OTHER = `sha256:${'b'.repeat(64)}`;
const image = (more: Partial<Image> = {}): Image => ({
  ...{ container: 'app', image: '123456789012.dkr.ecr.us-west-2.amazonaws.com/shop:1', digest: DIGEST },
  ...more,
});
const own: ServiceSeen = {
  ...{ kind: 'service', desired: 4, running: 4, rollingOut: false },
  images: [image({ image: '123456789012.dkr.ecr.us-east-1.amazonaws.com/shop:1' })],
};
const there: ServiceSeen = { kind: 'service', desired: 1, running: 1, rollingOut: false, images: [image()] };
const wanted = { subject: 'shop', standbyRegion: 'us-west-2', minTasks: 1 };
const ofService = (
  seen: { own?: Partial<ServiceSeen>; there?: Partial<ServiceSeen> } = {},
  most: number | undefined = 10,
) => serviceFindings(wanted, { ...own, ...seen.own }, { ...there, ...seen.there }, most);
const results = (findings: readonly { check: string; result: string }[]) =>
  Object.fromEntries(findings.map(({ check, result }) => [check, result]));

describe('a service of the standby region', () => {
  it('is ready with the same image from its own registry, room for all tasks, and its own running', () => {
    expect(results(ofService())).toEqual({
      'standby-tasks': 'passed',
      'standby-capacity': 'passed',
      'standby-registry': 'passed',
      'standby-images': 'passed',
    });
  });

  it('may have no tasks where none are asked for, and is compared by what its task definition names', () => {
    const cold = { ...there, desired: 0, running: 0 };
    expect(results(serviceFindings({ ...wanted, minTasks: 0 }, own, cold, undefined))).toEqual({
      'standby-tasks': 'passed',
      'standby-registry': 'passed',
      'standby-images': 'passed',
    });
  });

  it.each([
    ['fewer tasks run than are to', { there: { desired: 2 } }, 'standby-tasks', 'failed'],
    ['fewer run than are always to', { there: { desired: 0, running: 0 } }, 'standby-tasks', 'failed'],
    ['it has another image', { there: { images: [image({ digest: OTHER })] } }, 'standby-images', 'failed'],
    [
      'it lacks a container',
      { own: { images: [...own.images, image({ container: 'proxy' })] } },
      'standby-images',
      'failed',
    ],
    [
      'only some of its tasks have the image',
      { there: { images: [image(), image({ digest: OTHER })] } },
      'standby-images',
      'failed',
    ],
    ['no digest is known', { there: { images: [image({ digest: undefined })] } }, 'standby-images', 'unknown'],
    ['nothing has an image', { own: { images: [] }, there: { images: [] } }, 'standby-images', 'unknown'],
    [
      'its image lies in the region that may be lost',
      { there: { images: [image({ image: '123456789012.dkr.ecr.us-east-1.amazonaws.com/shop:1' })] } },
      'standby-registry',
      'failed',
    ],
  ] as const)('is not when %s', (_, seen, check, result) => {
    expect(results(ofService(seen))).toMatchObject({ [check]: result });
  });

  it('is not where auto scaling allows fewer tasks than are at work', () => {
    expect(results(ofService({}, 3))).toMatchObject({ 'standby-capacity': 'failed' });
    expect(results(ofService({ own: { desired: 2, running: 4 } }, 3))).toMatchObject({ 'standby-capacity': 'failed' });
    expect(results(ofService({}, 4))).toMatchObject({ 'standby-capacity': 'passed' });
  });

  it('is not when it is missing, and not known when what it stands for is', () => {
    const missing = { kind: 'missing' as const, why: 'ECS service b/shop is MISSING' };
    expect(serviceFindings(wanted, own, missing, undefined)).toEqual([
      expect.objectContaining({ check: 'standby-service', result: 'failed' }),
    ]);
    expect(results(serviceFindings(wanted, missing, there, 10))).toEqual({
      'standby-tasks': 'passed',
      'standby-images': 'unknown',
    });
  });

  it('is told once where its image comes from, however many tasks run it', () => {
    const images = [1, 2, 3].map(() => image({ image: '123456789012.dkr.ecr.us-east-1.amazonaws.com/shop:1' }));
    const checks = ofService({ there: { images } }).map(({ check }) => check);
    expect(checks.filter((check) => check === 'standby-registry')).toHaveLength(1);
  });

  it('is compared by the next run while a deployment is under way, on either side', () => {
    const other = [image({ digest: OTHER })];
    for (const seen of [{ own: { rollingOut: true } }, { there: { rollingOut: true } }])
      expect(
        results(ofService({ ...seen, there: { images: other, ...('there' in seen && seen.there) } })),
      ).toMatchObject({
        'standby-images': 'passed',
      });
    expect(results(ofService({ there: { images: other } }))).toMatchObject({ 'standby-images': 'failed' });
  });
});

describe('a deployment', () => {
  const NOW = Date.parse('2026-11-22T07:30:00Z');
  it('is under way for three hours at most: one whose tasks never start has no end', () => {
    const begun = (msAgo: number, rolloutState = 'IN_PROGRESS') =>
      isRollingOut([{ rolloutState, createdAtMs: NOW - msAgo }], NOW);
    expect([begun(3 * 3_600_000 - 1), begun(3 * 3_600_000), begun(60_000, 'COMPLETED')]).toEqual([true, false, false]);
  });
});

describe('images', () => {
  const named = [{ name: 'app', image: `registry.example/app@${DIGEST}` }];
  it('are those that run, without containers that AWS added, or those that are named where nothing runs', () => {
    const containers = [
      { name: 'app', image: 'registry.example/app:1', imageDigest: OTHER },
      { name: 'aws-guardduty-agent-x', image: 'agent', imageDigest: DIGEST },
    ];
    expect(imagesOf(named, [{ containers }])).toEqual([
      { container: 'app', image: 'registry.example/app:1', digest: OTHER },
    ]);
    expect(imagesOf(named, [])).toEqual([{ container: 'app', image: named[0]?.image, digest: DIGEST }]);
    expect(imagesOf([{ name: 'app', image: 'app:1' }], [])).toMatchObject([{ digest: undefined }]);
  });
});

describe('a replica in the standby region', () => {
  const ARN = 'arn:aws:rds:us-east-1:123456789012:db:orders-db';
  const source: InstanceSeen = {
    ...{ arn: ARN, status: 'available', engineVersion: '18.4', instanceClass: 'db.m7g.large', replicaOf: undefined },
  };
  const replica: InstanceSeen = { ...source, arn: `${ARN}-standby`, replicaOf: ARN };
  const asked = {
    ...{ subject: 'orders-db', replica: 'orders-db-standby', standbyRegion: 'us-west-2' },
    ...{ lagAboveSeconds: 60, instanceClass: undefined },
  };
  const all = {
    'standby-replica': 'passed',
    'standby-lag': 'passed',
    'standby-version': 'passed',
    'standby-class': 'passed',
  };

  it('is ready when it is available, keeps up, and is of the same version and size', () => {
    expect(results(replicaFindings(asked, source, replica, 60))).toEqual(all);
  });

  it.each([
    ['it is not available', { status: 'incompatible-network' }, 0, { 'standby-replica': 'failed' }],
    ['it is a replica of something else', { replicaOf: `${ARN}-2` }, 0, { 'standby-replica': 'failed' }],
    ['it is no replica any more', { replicaOf: undefined }, undefined, { 'standby-replica': 'failed' }],
    ['nothing is replicated', {}, -1, { 'standby-lag': 'failed' }],
    ['it is behind', {}, 61, { 'standby-lag': 'failed' }],
    ['nobody tells how far it is behind', {}, undefined, { 'standby-lag': 'unknown' }],
    ['it is of another version', { engineVersion: '18.3' }, 0, { 'standby-version': 'failed' }],
    ['it is of another size', { instanceClass: 'db.m7g.medium' }, 0, { 'standby-class': 'failed' }],
  ] as const)('is not when %s', (_, more, lag, expected) => {
    expect(results(replicaFindings(asked, source, { ...replica, ...more }, lag))).toMatchObject(expected);
  });

  it('may be of the size that is configured', () => {
    const small = { ...replica, instanceClass: 'db.m7g.medium' };
    expect(results(replicaFindings({ ...asked, instanceClass: 'db.m7g.medium' }, source, small, 0))).toEqual(all);
    expect(results(replicaFindings({ ...asked, instanceClass: 'db.m7g.medium' }, source, replica, 0))).toMatchObject({
      'standby-class': 'failed',
    });
  });

  it('is not when it is missing, and not known when its source is', () => {
    expect(results(replicaFindings(asked, source, undefined, undefined))).toEqual({ 'standby-replica': 'failed' });
    expect(results(replicaFindings(asked, undefined, replica, 0))).toEqual({ 'standby-replica': 'unknown' });
  });
});

describe('copies of backups', () => {
  const NOW = Date.parse('2026-11-22T07:30:00Z');
  it.each([
    [NOW - 30 * 3_600_000, 'passed'],
    [NOW - 30 * 3_600_000 - 1, 'failed'],
    [undefined, 'failed'],
  ] as const)('are young enough, or not: %p is %s', (newestAt, result) => {
    expect(copyFinding('orders-db', 'us-west-2', newestAt, 30 * 3600, NOW)).toMatchObject({ result });
  });
});
