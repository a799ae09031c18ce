import { manifest as restore } from '../database-restore/manifest.ts';
import { definePlanManifest } from '../manifest.ts';

/** Its evidence is named so that it can be restored, and is kept: it has no deployment's tag, by which backups are pruned. */
const EVIDENCE =
  'arn:{partition}:rds:{region}:{account}:snapshot:nightshift-{deployment}-{restoredDatabase}-evidence-*';
const stepOfRestore = (name: string) => {
  const found = restore.steps.find((step) => step.name === name);
  if (!found) throw new Error(`database-restore has no step ${name}`);
  return found;
};

/**
 * Runbook 004, lines 1108 to 1144: stop writes (all writers, not some: catalogue D148), find what is damaged (by queries with answers, not a text list: D149), restore a backup that was proved (D150) or a moment
 * (D151), compare (with the damaged data: D152), resume at the former size (D152). Its targets are those of 004, line 482: 1 to 2 hours, 24 hours.
 */
export const manifest = definePlanManifest({
  name: 'data-corruption',
  summary:
    'Stops everybody who writes to a database with damaged rows, keeps the evidence, restores the last good point beside it, compares the two, asks before anything is given up, and has the services write to the restored one.',
  input: {
    database: 'its instance identifier in the configuration',
    since:
      'optional: when the damage began, as far as known, such as 2026-11-21T09:30:00Z; only backups from before it are chosen',
    snapshot: 'optional: the backup to restore; the newest one that verify-backup proved when left out',
    at: "optional, instead of a snapshot: the moment to restore, by RDS's own backups",
    reason: 'optional: why, for the journal',
  },
  targets: { recoveryTimeSeconds: 7_200, dataLossSeconds: 86_400 },
  targetKinds: ['rds-instance', 'ecs-service'],
  severity: 'P1',
  readsRuns: true,
  asksPeople: true,
  steps: [
    stepOfRestore('choose'),
    {
      name: 'stop-writers',
      does: 'sets the services that depend on the database to 0 tasks, and waits until none of their tasks is left',
      after: ['choose'],
      budgetSeconds: 600,
      undo: {
        kind: 'compensate',
        does: 'gives them their former number of tasks again, before any copy is removed',
        budgetSeconds: 600,
        aheadOf: ['restore', 'examine'],
      },
    },
    { ...stepOfRestore('restore'), after: ['stop-writers'] },
    {
      name: 'keep-evidence',
      does: 'takes a snapshot of the damaged database, which Nightshift never removes',
      after: ['stop-writers'],
      budgetSeconds: 3_600,
      undo: { kind: 'nothing', why: 'the evidence is kept' },
    },
    {
      name: 'examine',
      does: 'restores the evidence into an instance of its own, to be read instead of the damaged database',
      after: ['keep-evidence'],
      budgetSeconds: 7_200,
      undo: { kind: 'compensate', does: 'removes that instance', budgetSeconds: 7_200 },
    },
    stepOfRestore('check'),
    {
      name: 'compare',
      does: 'reads both: what is damaged, and which rows of the configured tables are in one and not in the other',
      after: ['examine', 'check'],
      budgetSeconds: 3_600,
      undo: { kind: 'nothing', why: 'it only reads' },
    },
    {
      name: 'agree',
      does: 'asks people before anything is given up: rows that are in the damaged database alone, and what was not compared',
      after: ['compare'],
      budgetSeconds: 3_600,
      undo: { kind: 'nothing', why: 'it only asks' },
    },
    { ...stepOfRestore('admit'), after: ['agree'] },
    stepOfRestore('switch'),
    {
      name: 'resume',
      does: 'gives the services their former number of tasks; from here on they write to the restored database',
      after: ['switch'],
      budgetSeconds: 1_200,
      undo: { kind: 'nothing', why: 'they are rolled when the secret is put back' },
    },
    { ...stepOfRestore('prove'), after: ['resume'] },
    {
      name: 'clear',
      does: 'removes the instance that was made of the evidence; nobody waits for it',
      after: ['resume'],
      budgetSeconds: 1_800,
      undo: { kind: 'nothing', why: 'the evidence itself is kept' },
    },
    { ...stepOfRestore('finish'), after: ['prove', 'clear'] },
  ],
  permissions: [
    ...restore.permissions,
    {
      actions: ['rds:CreateDBSnapshot'],
      resources: ['arn:{partition}:rds:{region}:{account}:db:{restoredDatabase}', EVIDENCE],
      whyAnyResource: 'The evidence is named by a hash of its run, which is not known before.',
    },
    {
      actions: ['rds:AddTagsToResource'],
      resources: [EVIDENCE],
      whyAnyResource: 'The evidence is named by a hash of its run, which is not known before.',
    },
  ],
  timeoutSeconds: restore.timeoutSeconds,
  memoryMegabytes: restore.memoryMegabytes,
});
