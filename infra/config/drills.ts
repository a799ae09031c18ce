/** The part of the configuration that says which recovery plans are rehearsed by themselves, and when (docs/recovery.md, Drills). */
import { z } from 'zod';
import type { DrillConfig } from '../../functions/engine/drills.ts';
import { CHORES, DRILL_JOB } from '../../functions/engine/drills.ts';
import { asGiven, type Fault, unknownName } from './faults.ts';
import type { DeploymentConfig } from './schema.ts';
import { timeZoneName } from './times.ts';

const DAY_SECONDS = 86_400;

/**
 * In office hours, when somebody is there for what it finds: the first Tuesday of the month at ten, of each month or of the second month of each quarter. Two are at
 * most 35 and 98 days apart; a drill may wait and last for a day.
 */
const TIMES = {
  month: { cron: '0 10 ? * 3#1 *', overdueAfterSeconds: 37 * DAY_SECONDS },
  quarter: { cron: '0 10 ? 2/3 3#1 *', overdueAfterSeconds: 100 * DAY_SECONDS },
} as const;

export const drillSchema = z.strictObject({
  /** One of `plans`. */
  plan: z.string(),
  /** As `nightshift recover <plan>` takes it. */
  input: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  every: z.enum(['month', 'quarter']).default('month'),
  /** While there is trouble, it is looked for a better time so often. */
  recheckAfterSeconds: z.int().min(5).max(3600).default(600),
  /** It is run, not rehearsed: `secret-rotation` only, which replaces the tasks of the services that use the secret. */
  forReal: z.literal(true).optional(),
  /** Of the clock by which it is ten in the morning. */
  timeZone: timeZoneName.default('UTC'),
});

type Drills = DeploymentConfig['drills'];

/** When a drill is due; undefined for what is no drill. */
export function drillSchedule(job: string, subject: string, drills: Drills) {
  const drill = job === DRILL_JOB ? drills[subject] : undefined;
  return drill && { ...TIMES[drill.every], timeZone: drill.timeZone };
}

/** What functions are given. */
export const drillsConfigOf = (drills: Drills): Record<string, DrillConfig> =>
  Object.fromEntries(
    Object.entries(drills)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { plan, input, recheckAfterSeconds, forReal }]) => [
        name,
        { plan, input, recheckAfterSeconds, ...(forReal && { forReal }) },
      ]),
  );

/** Plans of which there are drills, in a steady order. */
export const drilledPlans = ({ drills }: Pick<DeploymentConfig, 'drills'>): string[] =>
  [...new Set(Object.values(drills).map(({ plan }) => plan))].sort();

interface LooseDrills {
  readonly drills?:
    | Readonly<
        Record<
          string,
          {
            readonly plan?: string | undefined;
            readonly forReal?: true | undefined;
            readonly input?: Readonly<Record<string, unknown>> | undefined;
          }
        >
      >
    | undefined;
  readonly plans?: readonly string[] | undefined;
  readonly jobs?:
    | Readonly<
        Record<string, { readonly cron?: unknown; readonly timeZone?: unknown; readonly overdueAfterSeconds?: unknown }>
      >
    | undefined;
}

/** Faults between drills, plans and jobs. */
export function drillFaults({ drills = {}, plans = [], jobs = {} }: LooseDrills): Fault[] {
  const unknown = Object.entries(drills).flatMap(([name, { plan }]): Fault[] =>
    plan === undefined || plans.includes(plan)
      ? []
      : [{ path: `drills.${name}.plan`, given: asGiven(plan), expected: `one of plans: ${unknownName(plan, plans)}` }],
  );
  const real = Object.entries(drills).flatMap(([name, { plan = '', forReal }]): Fault[] =>
    !forReal || CHORES.includes(plan)
      ? []
      : [
          {
            ...{ path: `drills.${name}.forReal`, given: asGiven(forReal) },
            expected: `leave it out: of plans only ${CHORES.join(', ')} may run on schedule, ${plan} is a rescue`,
          },
        ],
  );
  // In an emergency the old user is shut out before the services are rolled: no schedule is one.
  const urgent = Object.entries(drills).flatMap(([name, { forReal, input }]): Fault[] =>
    forReal && input?.emergency !== undefined && input.emergency !== false
      ? [
          {
            ...{ path: `drills.${name}.input.emergency`, given: asGiven(input.emergency) },
            expected: 'leave it out: services fail while it is run so, which a person may choose, and no schedule',
          },
        ]
      : [],
  );
  const timed = (['cron', 'timeZone', 'overdueAfterSeconds'] as const).flatMap((field): Fault[] => {
    const given = jobs[DRILL_JOB]?.[field];
    if (given === undefined) return [];
    const expected = 'each drill has its own times (drills.<name>.every, timeZone): leave it out';
    return [{ path: `jobs.${DRILL_JOB}.${field}`, given: asGiven(given), expected }];
  });
  return [...unknown, ...real, ...urgent, ...timed];
}
