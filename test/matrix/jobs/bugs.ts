/** Known bugs of jobs, put into the sources that are bundled; each must turn one of its points red, where nothing goes wrong without a fault. */
import { at, type IncidentBug } from '../incidents/bugs.ts';

export const JOB_BUGS: readonly IncidentBug[] = [
  {
    name: 'the snapshot is named when it is asked for, so a lost answer makes a second one',
    patches: [
      {
        file: 'functions/jobs/back-up-database/handler.ts',
        find: 'await create(context, state);',
        replace:
          "state = { snapshotId: state.snapshotId + '-' + (context.now() % 100000) }; await create(context, state);",
      },
    ],
    points: [
      at('back-up-database', 'backup', 'rds CreateDBSnapshot 1', 'answers-lost'),
      at('back-up-database', 'backup', 'rds CreateDBSnapshot 1', 'killed'),
    ],
  },
  {
    name: 'what was planned is removed without looking again',
    patches: [
      {
        file: 'functions/jobs/prune-backups/decide.ts',
        find: 'if (plan.halted) {',
        replace: 'if (plan.halted && state.planned === null) {',
      },
      {
        file: 'functions/jobs/prune-backups/decide.ts',
        find: 'const ids = state.planned.filter((id) => allowed.has(id));',
        replace: 'const ids = [...state.planned];',
      },
    ],
    points: [at('prune-backups', 'the proof fails meanwhile', 'dynamodb TransactWriteItems 2', 'killed')],
  },
  {
    name: 'the restored copy is removed before the verdict is written down',
    patches: [
      {
        file: 'functions/jobs/run.ts',
        find: 'const next = await settle(around, job,',
        replace:
          "if ('kind' in step && step.kind === 'verdict') await job.cleanUp?.(context, step.state as State); const next = await settle(around, job,",
      },
    ],
    points: [at('verify-backup', 'a good backup', 'rds DeleteDBInstance 1', 'killed')],
  },
  {
    name: 'a failed run is told before that is written down',
    patches: [
      {
        file: 'functions/jobs/run.ts',
        find: 'return write(around.store, { ...run, told: run.verdict.summary }, await news(around, job, run));',
        replace:
          'await around.store.transact(await news(around, job, run)); return write(around.store, { ...run, told: run.verdict.summary });',
      },
    ],
    points: [3, 4, 5, 6, 7, 8].map((nth) =>
      at('verify-backup', 'a bad backup', `dynamodb TransactWriteItems ${nth}`, 'killed'),
    ),
  },
  {
    name: 'what is left over is written down after it was removed',
    patches: [
      {
        file: 'functions/jobs/sweep-scratch/decide.ts',
        find: 'if (isNew.length > 0) {',
        replace:
          "if (isNew.length > 0) return { kind: 'remove', scratch: isNew.map(({ scratch }) => scratch), state: { found: [...state.found, ...isNew.map(({ scratch }) => scratch.id)] } }; if (isNew.length > 0) {",
      },
      {
        file: 'functions/jobs/sweep-scratch/handler.ts',
        find: "return again(state, notes.join('; ') || 'looked at once more');",
        replace: "return again(next.state, notes.join('; ') || 'looked at once more');",
      },
    ],
    points: [at('sweep-scratch', 'left over', 'rds DeleteDBInstance 1', 'killed')],
  },
];
