import { describe, expect, it } from '@jest/globals';
import { type Snapshot, snapshotIdOf } from '../../../functions/databases/snapshot-id.ts';
import type { BackupConfig } from '../../../functions/engine/config.ts';
import { type Instance, nextStep } from '../../../functions/jobs/back-up-database/decide.ts';

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
const snapshot: Snapshot = {
  id: state.snapshotId,
  status: 'available',
  encrypted: true,
  sizeGib: 20,
  progressPercent: 100,
  takenAt: NOW - 60_000,
};
const step = (
  view: { instance?: Partial<Instance> | null; snapshot?: Partial<Snapshot> | null },
  more: Partial<BackupConfig> = {},
) =>
  nextStep(
    {
      instance: view.instance === null ? undefined : { ...instance, ...view.instance },
      snapshot: view.snapshot === null ? undefined : { ...snapshot, ...view.snapshot },
    },
    state,
    { ...backup, ...more },
    NOW,
  );

describe('backing a database up', () => {
  it('names the snapshot after its run, the same on every try', () => {
    for (const at of ['2026-11-21T02:00:00Z', '2026-11-21T03:00:00+01:00'])
      expect(snapshotIdOf('main', 'orders-db', at, 16)).toBe(state.snapshotId);
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
