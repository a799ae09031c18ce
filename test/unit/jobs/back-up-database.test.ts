import { describe, expect, it } from '@jest/globals';
import { whyNotCopied } from '../../../functions/databases/copy-snapshot.ts';
import { snapshotIdOf } from '../../../functions/databases/snapshot-id.ts';
import type { BackupConfig } from '../../../functions/engine/config.ts';
import { type Instance, nextStep, tagText, type View } from '../../../functions/jobs/back-up-database/decide.ts';

const NOW = Date.parse('2026-11-21T02:10:00Z');
const backup: BackupConfig = {
  recoveryPointSeconds: 600,
  pointInTimeRecovery: true,
  keepDays: 30,
  keepWeeks: 8,
  keepMonths: 12,
  keepAtLeast: 3,
};
const state = { snapshotId: 'nightshift-main-orders-db-2026-11-21-02-00' };
const instance: Instance = {
  status: 'available',
  encrypted: true,
  automatedBackupDays: 7,
  latestRestorableAt: NOW - 300_000,
};
const ARN = `arn:aws:rds:us-east-1:123456789012:snapshot:${state.snapshotId}`;
const snapshot: NonNullable<View['snapshot']> = {
  arn: ARN,
  id: state.snapshotId,
  status: 'available',
  encrypted: true,
  sizeGib: 20,
  progressPercent: 100,
  takenAt: NOW - 60_000,
};
const step = (
  view: {
    instance?: Partial<Instance> | null;
    snapshot?: Partial<View['snapshot']> | null;
    copy?: Partial<View['copy']>;
    copyTrouble?: View['copyTrouble'];
  },
  more: Partial<BackupConfig> = {},
) =>
  nextStep(
    {
      instance: view.instance === null ? undefined : { ...instance, ...view.instance },
      snapshot: view.snapshot === null ? undefined : { ...snapshot, ...view.snapshot },
      copy: view.copy && { ...snapshot, copyOf: ARN, ...view.copy },
      copyTrouble: view.copyTrouble,
    },
    state,
    { ...backup, ...more },
    'us-west-2',
    NOW,
  );

describe('backing a database up', () => {
  it('names the snapshot after its run, the same on every try', () => {
    for (const at of ['2026-11-21T02:00:00Z', '2026-11-21T03:00:00+01:00'])
      expect(snapshotIdOf('main', 'orders-db', at, 16)).toBe(state.snapshotId);
  });

  it.each([
    ['before "orders" gets a new schema', 'before  orders  gets a new schema'],
    ['rds: upgrade to 18', 'why: rds: upgrade to 18'],
    ['AWS:maintenance', 'why: AWS:maintenance'],
    ['𐀀'.repeat(300), '𐀀'.repeat(256)],
  ])('tags it with a reason that RDS takes: %s', (said, tagged) => {
    expect(tagText(said)).toBe(tagged);
  });

  it('asks for the snapshot once the instance is available, and waits until then', () => {
    expect(step({ snapshot: null })).toEqual({ kind: 'create' });
    expect(step({ snapshot: null, instance: { status: 'backing-up' } })).toMatchObject({
      kind: 'wait',
      note: 'the instance is backing-up',
    });
  });

  it('waits while the snapshot is being made', () => {
    expect(step({ snapshot: { status: 'creating', progressPercent: 40 } })).toMatchObject({
      kind: 'wait',
      note: 'the snapshot is being made (40 %)',
    });
  });

  it('passes with what it made', () => {
    expect(step({})).toMatchObject({
      kind: 'verdict',
      verdict: {
        kind: 'passed',
        report: { snapshotId: state.snapshotId, sizeGib: 20, takenAt: '2026-11-21T02:09:00.000Z' },
      },
    });
  });

  it.each([
    ['the database is missing', { instance: null }, 'database'],
    ['the snapshot failed', { snapshot: { status: 'failed' } }, 'snapshot'],
    ['the snapshot of an encrypted database is in clear', { snapshot: { encrypted: false } }, 'encryption'],
    ['automated backups are off', { instance: { automatedBackupDays: 0 } }, 'recovery-point'],
    [
      'no time is named up to which it can be restored',
      { instance: { latestRestorableAt: undefined } },
      'recovery-point',
    ],
    ['its logs are behind the objective', { instance: { latestRestorableAt: NOW - 601_000 } }, 'recovery-point'],
  ])('fails when %s', (_, view, check) => {
    expect(step(view)).toMatchObject({ kind: 'verdict', verdict: { kind: 'failed', check } });
  });

  it('passes with logs exactly as old as the objective, and asks for none where snapshots are enough', () => {
    expect(step({ instance: { latestRestorableAt: NOW - 600_000 } })).toMatchObject({ verdict: { kind: 'passed' } });
    expect(step({ instance: { automatedBackupDays: 0 } }, { pointInTimeRecovery: false })).toMatchObject({
      verdict: { kind: 'passed' },
    });
  });
});

describe('copying a backup to the standby region', () => {
  const copy = { kmsKeyArn: 'arn:aws:kms:us-west-2:123456789012:key/copies' };

  it('asks for it by the ARN of the snapshot, once that is there, and never where none is wanted', () => {
    expect(step({ snapshot: { status: 'creating' } }, { copy })).toMatchObject({ kind: 'wait' });
    expect(step({}, { copy })).toEqual({ kind: 'copy', sourceArn: ARN });
    expect(step({})).toMatchObject({ kind: 'verdict' });
  });

  it.each(['creating', 'copying', 'pending'])('waits while it is %s, and keeps when the data was taken', (status) => {
    expect(step({ copy: { status, progressPercent: 7 } }, { copy })).toMatchObject({
      kind: 'wait',
      state: { ...state, takenAt: '2026-11-21T02:09:00.000Z' },
      note: `it is copied to us-west-2 (${status}, 7 %)`,
    });
  });

  it('passes with where it is', () => {
    expect(step({ copy: {} }, { copy })).toMatchObject({
      verdict: { kind: 'passed', report: { snapshotId: state.snapshotId, copiedTo: 'us-west-2' } },
    });
  });

  it.each([
    ['the copy failed', { copy: { status: 'failed' } }, copy],
    ['what has its name there is of something else', { copy: { copyOf: `${ARN}-other` } }, copy],
    ['what has its name there is no copy', { copy: { copyOf: undefined } }, copy],
    ['the copy is in clear', { copy: { encrypted: false } }, copy],
    [
      'a key is wanted and the copy is in clear',
      { snapshot: { encrypted: false }, copy: { encrypted: false }, instance: { encrypted: false } },
      copy,
    ],
    ['it is encrypted, and there is no key', {}, {}],
  ])('fails when %s', (_, view, wanted) => {
    expect(step(view, { copy: wanted })).toMatchObject({
      verdict: { kind: 'failed', check: 'copy', report: { snapshotId: state.snapshotId } },
    });
  });

  it('copies a database that is in clear without a key', () => {
    const clear = { instance: { encrypted: false }, snapshot: { encrypted: false } };
    expect(step(clear, { copy: {} })).toMatchObject({ kind: 'copy' });
    expect(step({ ...clear, copy: { encrypted: false } }, { copy: {} })).toMatchObject({ verdict: { kind: 'passed' } });
  });

  it('copies also where the transaction logs are behind, and tells of both when both are wrong', () => {
    const late = { latestRestorableAt: NOW - 601_000 };
    expect(step({ instance: late }, { copy })).toMatchObject({ kind: 'copy' });
    expect(step({ instance: late, copy: {} }, { copy })).toMatchObject({ verdict: { check: 'recovery-point' } });
    const both = step({ instance: late, copy: { status: 'failed' } }, { copy });
    expect(both).toMatchObject({
      verdict: { check: 'copy', summary: expect.stringMatching(/failed.*the objective is/) },
    });
  });

  it('waits while the other region is in trouble that passes, and judges the backup where it doesn’t', () => {
    const passing = { passes: true, says: 'copy it: RDS allows no more copies' };
    expect(step({ copyTrouble: passing }, { copy })).toMatchObject({
      ...{ kind: 'wait', note: passing.says },
      state: { ...state, takenAt: '2026-11-21T02:09:00.000Z' },
    });
    const late = { latestRestorableAt: NOW - 601_000 };
    expect(step({ instance: late, copyTrouble: { passes: false, says: 'AccessDenied' } }, { copy })).toMatchObject({
      verdict: {
        ...{ kind: 'failed', check: 'copy' },
        summary: expect.stringMatching(/AccessDenied.*the objective is/),
        report: { snapshotId: state.snapshotId, takenAt: '2026-11-21T02:09:00.000Z' },
      },
    });
  });

  it('takes a lack of room for trouble that passes, and a copy that was asked for already for none', () => {
    const named = (name: string) => Object.assign(new Error('said'), { name, $metadata: { httpStatusCode: 400 } });
    const of = (name: string) => whyNotCopied('copy it', named(name), 'the-key');
    expect(of('DBSnapshotAlreadyExistsFault')).toBeUndefined();
    expect(of('SnapshotQuotaExceededFault')).toMatchObject({ retryable: true });
    expect(of('InvalidDBSnapshotStateFault')).toMatchObject({ retryable: true });
    expect(of('KMSKeyNotAccessibleFault')).toMatchObject({
      retryable: false,
      message: expect.stringContaining('the-key'),
    });
    expect(of('DBSnapshotNotFoundFault')).toMatchObject({ retryable: false });
  });

  it('takes no copy that another deployment of the same name made here for its own backup', () => {
    const foreign = { copyOf: ARN.replace('us-east-1', 'eu-west-1') };
    for (const status of ['creating', 'available'])
      expect(step({ snapshot: { ...foreign, status } })).toMatchObject({
        verdict: { kind: 'failed', check: 'snapshot', summary: expect.stringContaining('need different names') },
      });
  });

  it('copies nothing that failed', () => {
    expect(step({ snapshot: { status: 'failed' } }, { copy })).toMatchObject({ verdict: { check: 'snapshot' } });
  });
});
