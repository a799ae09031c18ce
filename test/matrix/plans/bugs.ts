/** Known bugs of the runner of plans, put into the sources that are bundled; each must turn one of its points red, where nothing goes wrong without a fault. */
import { at, type IncidentBug } from '../incidents/bugs.ts';

const PLAN = 'service-recovery';

export const PLAN_BUGS: readonly IncidentBug[] = [
  {
    name: 'a plan makes an unfinished change again without looking whether it was made',
    patches: [
      {
        file: 'functions/recovery/transitions.ts',
        find: 'switch (move.alreadyApplied(change, seen, context)) {',
        replace: "switch ('no' as 'yes' | 'no' | 'unclear') {",
      },
    ],
    points: [at(PLAN, 'sick tasks', 'ecs UpdateService 1', 'killed')],
  },
  {
    name: 'a plan takes its locks and leases once its run is written down',
    patches: [
      {
        file: 'functions/recovery/run.ts',
        find: '...item.about.map((thing) => takeLock(store.table, item, thing)),',
        replace: '',
      },
      { file: 'functions/recovery/run.ts', find: '...(await leases(around, item)),', replace: '' },
      {
        file: 'functions/recovery/run.ts',
        find: "if (result.ok) return { kind: 'done' } as const;",
        replace:
          "if (result.ok) { await store.transact([...item.about.map((thing) => takeLock(store.table, item, thing)), ...(await leases(around, item))]); return { kind: 'done' } as const; }",
      },
    ],
    points: [at(PLAN, 'no tasks', 'dynamodb TransactWriteItems 1', 'killed')],
  },
  {
    name: 'a plan gives its locks and leases back once its run has ended',
    patches: [
      { file: 'functions/recovery/run.ts', find: '...giveBack(around, present, held),', replace: '' },
      {
        file: 'functions/recovery/run.ts',
        find: 'await wakeHeld(around, read);',
        replace: 'await around.store.transact(giveBack(around, read, read.targets)); await wakeHeld(around, read);',
      },
    ],
    points: [10, 9, 11].map((nth) => at(PLAN, 'well', `dynamodb TransactWriteItems ${nth}`, 'killed')),
  },
];
