/** `region-fail-back`: its steps, put together of what they look at, what they decide (pure) and what they change, in both regions. */
import { resolve4 } from 'node:dns/promises';
import * as z from 'zod/mini';
import type { Authority } from '../../authority/rules.ts';
import { readInstance } from '../../databases/instance.ts';
import type { Probes } from '../../dns/probe.ts';
import type { Change } from '../../engine/remediation.ts';
import type { PlanCode } from '../around.ts';
import {
  decideStop,
  decideTakeBack,
  proveResume,
  proveStop,
  sizesApplied,
  sizesIn,
  startApplied,
} from '../data-corruption/writers.ts';
import { planHandler } from '../handler.ts';
import { looksOnly, resultOf, sinceOf } from '../looking.ts';
import { inputBy } from '../read-input.ts';
import {
  countsOf,
  decidePromotion,
  decideScale,
  decideScaleBack,
  moved,
  type NameSeen,
  promotionApplied,
  provePromotion,
  proveScale,
  proveSite,
  scaleApplied,
  settled,
  steady,
} from '../region-failover/decide.ts';
import type { Resolve } from '../region-failover/look.ts';
import { type Move, pollSeconds, type StepCode, type StepDecision, type StepProof } from '../step.ts';
import { fence, grant, promote, rebuild, scaleTo, setAside, stop, switchBack } from './change.ts';
import {
  type AsideSeen,
  asideApplied,
  decideAside,
  decideDrain,
  decideFollow,
  decideRebuild,
  type FollowSeen,
  type LagSeen,
  proveAside,
  proveRebuild,
  rebuildApplied,
  slowly,
} from './databases.ts';
import { confirm, decideGrant, decideStandBy, type Input, type Outlook, type Writer } from './decide.ts';
import {
  type AskReplication,
  byFunction,
  type Context,
  likeOf,
  readAside,
  readAuthorityOf,
  readCaughtUp,
  readFirstName,
  readFirstSite,
  readFollow,
  readLag,
  readOutlook,
  readSettled,
  readWriters,
  type Side,
  sidesOf,
  targetsOf,
} from './look.ts';
import { manifest } from './manifest.ts';

const name = z.string().check(z.minLength(1), z.maxLength(63));
const input = z.strictObject({
  pair: name,
  like: z.optional(name),
  reason: z.optional(z.string().check(z.maxLength(500))),
});

type Which = 'first' | 'standby';
const sideOf = (which: Which, context: Context): Side => sidesOf(context)[which];

const SITE = 'the first region';
/** Between two looks: its four hours in its turns. */
const LONGEST_FOLLOW_SECONDS = 300;
const REHEARSED = { kind: 'done', detail: 'a rehearsal: nothing was rebuilt, and nobody was moved' } as const;

/** When the run last changed anything, or began (epoch milliseconds). */
const waitsSince = ({ lastChangeAt, startedAt }: Context): number => Math.max(lastChangeAt, startedAt);
/** A step has about a hundred turns, whatever its budget (`planDefinition`): it looks the less often the longer it waits. */
function inItsTurns<Seen>(code: StepCode<Input, Seen>): StepCode<Input, Seen> {
  const rarer = <Found extends StepDecision | StepProof>(context: Context, found: Found): Found =>
    'seconds' in found
      ? {
          ...found,
          seconds: Math.max(found.seconds, pollSeconds({ now: context.now, lastChangeAt: waitsSince(context) })),
        }
      : found;
  return {
    ...code,
    decide: (seen, context, made) => rarer(context, code.decide(seen, context, made)),
    verify: (change, seen, context) => rarer(context, code.verify(change, seen, context)),
  };
}

/** Services set to no tasks, or back to what they had. */
const sizes = (change: Change) => ({ before: sizesIn(change, 'before'), after: sizesIn(change, 'after') });
const stopping = (
  which: Which,
  act: StepCode<Input, readonly Writer[]>['act'],
): StepCode<Input, readonly Writer[]> => ({
  observe: (context) => readWriters(sideOf(which, context), context),
  decide: (seen, context) => decideStop(seen, context.now()),
  act,
  alreadyApplied: sizesApplied,
  verify: (change, seen, context) => proveStop(change, seen, context.now()),
});
const resuming: Move<Input, readonly Writer[]> = {
  decide: (seen, _context, made) => decideTakeBack(seen, made),
  act: (context, change) => scaleTo(sideOf('standby', context), change.summary, sizes(change), 'leaves-others'),
  alreadyApplied: startApplied,
  verify: proveResume,
};

const tasks = (change: Change) => ({ before: countsOf(change, 'before'), after: countsOf(change, 'after') });
const scaling = (which: Which): Omit<Move<Input, readonly Writer[]>, 'decide'> => ({
  act: (context, change) => scaleTo(sideOf(which, context), change.summary, tasks(change)),
  alreadyApplied: scaleApplied,
  verify: proveScale,
});

/** A database that takes writes of nobody any more leaves its name to the replica that is rebuilt. */
const settingAside = (which: Which, resolve: Resolve): StepCode<Input, AsideSeen> => ({
  observe: (context) => readAside(sideOf(which, context), context),
  decide: decideAside,
  act: (context, change) => setAside(sideOf(which, context), context, change, resolve),
  alreadyApplied: (_change, seen) => asideApplied(seen),
  verify: (_change, seen) => proveAside(seen),
});
const rebuilding = (which: Which, step: 'set-aside' | 'retire'): StepCode<Input, FollowSeen> => ({
  observe: (context) => readFollow(sideOf(which, context), context),
  decide: (seen, context) => {
    const decision = decideRebuild(seen, context.rehearse);
    // A backup of its source, or what an earlier run began, may take hours.
    return decision.kind === 'wait' ? { ...decision, seconds: slowly(context.now(), waitsSince(context)) } : decision;
  },
  act: (context, change) => rebuild(sideOf(which, context), context, change, likeOf(context, step)),
  alreadyApplied: (_change, seen) => rebuildApplied(seen),
  verify: (_change, seen, { now, lastChangeAt }) => proveRebuild(seen, slowly(now(), lastChangeAt)),
});

/**
 * @param resolve of names; the function's own resolver when left out.
 * @param askReplication the function that speaks SQL.
 */
export function regionFailBack(
  resolve: Resolve = resolve4,
  askReplication: AskReplication = byFunction,
): PlanCode<Input> {
  const steps: Record<string, StepCode<Input, never>> = {};
  const step = <Seen>(stepName: string, code: StepCode<Input, Seen>) => {
    // What a step sees is only ever given back to that step.
    steps[stepName] = inItsTurns(code) as unknown as StepCode<Input, never>;
  };
  step<Outlook>('confirm', {
    ...looksOnly('confirm'),
    observe: (context) => readOutlook(context, resolve),
    decide: (seen, context) => confirm(seen, sidesOf(context).pair, context.rehearse),
  });
  step(
    'fence',
    stopping('first', (context, change) => fence(context, change, sizes(change), resolve)),
  );
  step('set-aside', settingAside('first', resolve));
  step('rebuild', rebuilding('first', 'set-aside'));
  step<LagSeen | undefined>('follow', {
    ...looksOnly('follow'),
    observe: async (context) => (context.rehearse ? undefined : readLag(context, askReplication)),
    decide: (seen, context) =>
      seen
        ? decideFollow(seen, Math.min(LONGEST_FOLLOW_SECONDS, slowly(context.now(), waitsSince(context))))
        : REHEARSED,
  });
  step<readonly Writer[]>('scale', {
    ...scaling('first'),
    observe: (context) => readWriters(sideOf('first', context), context),
    decide: decideScale,
    compensation: { ...scaling('first'), decide: (seen, _context, made) => decideScaleBack(seen, made) },
  });
  step<readonly Writer[]>('steady', {
    ...looksOnly('steady'),
    observe: (context) => readWriters(sideOf('first', context), context),
    decide: (seen, context) => (context.rehearse ? REHEARSED : steady(seen, sinceOf(context))),
  });
  step('stop', {
    ...stopping('standby', (context, change) => stop(context, change, sizes(change))),
    compensation: resuming,
  });
  step<Omit<LagSeen, 'lagSeconds'> | undefined>('drain', {
    ...looksOnly('drain'),
    observe: async (context) => (context.rehearse ? undefined : readCaughtUp(context, askReplication)),
    decide: (seen, { now }) => (seen ? decideDrain(seen, now()) : REHEARSED),
  });
  step<Awaited<ReturnType<typeof readInstance>>>('promote', {
    observe: (context) => {
      const { database, region } = sideOf('first', context);
      return readInstance({ name: database }, region);
    },
    decide: (seen, context) =>
      context.rehearse ? REHEARSED : decidePromotion(seen, sideOf('first', context).database),
    act: (context, change) => promote(context, change, askReplication, likeOf(context, 'set-aside').backupDays),
    alreadyApplied: (_change, seen) => promotionApplied(seen),
    verify: (_change, seen) => provePromotion(seen),
  });
  step<Probes | undefined>('prove', {
    ...looksOnly('prove'),
    observe: async (context) => (context.rehearse ? undefined : readFirstSite(context)),
    decide: (seen) => (seen ? proveSite(seen, SITE) : REHEARSED),
  });
  step<Probes | undefined>('switch', {
    // That it was proved may have been long ago (frozen).
    observe: async (context) => (context.rehearse || context.isDecided ? undefined : readFirstSite(context)),
    decide: (seen, context) => {
      const proved = seen && proveSite(seen, SITE);
      if (proved && proved.kind !== 'done') return proved;
      const { bucket, key } = sidesOf(context).pair.switch;
      const summary = `delete s3://${bucket}/${key}, which sends users to the standby`;
      const before = { object: `${bucket}/${key}` };
      return { kind: 'act', change: { summary, before, after: { object: null }, undo: 'write the object' } };
    },
    act: switchBack,
    // Deleting it again changes nothing.
    alreadyApplied: () => 'no',
    verify: (change) => ({ kind: 'good', detail: change.summary }),
  });
  step<NameSeen | undefined>('move', {
    ...looksOnly('move'),
    observe: async (context) => (context.rehearse ? undefined : readFirstName(context, resolve)),
    decide: (seen, context) =>
      seen
        ? moved(seen, sidesOf(context).pair, {
            ...{ now: context.now(), site: SITE },
            since: resultOf<{ movedSince: number | null }>(context, 'move')?.movedSince ?? undefined,
          })
        : REHEARSED,
  });
  step<Awaited<ReturnType<typeof readSettled>> | undefined>('settle', {
    ...looksOnly('settle'),
    observe: async (context) => (context.rehearse ? undefined : readSettled(context)),
    decide: (seen, context) =>
      seen
        ? settled(seen, sidesOf(context).pair, {
            ...{ now: context.now(), since: sinceOf(context), site: SITE },
            wellSince: resultOf<{ wellSince: number | null }>(context, 'settle')?.wellSince ?? undefined,
          })
        : REHEARSED,
  });
  step('retire', {
    ...settingAside('standby', resolve),
    decide: (seen, { rehearse }) => (rehearse ? REHEARSED : decideAside(seen)),
  });
  step('restore-standby', rebuilding('standby', 'retire'));
  step<readonly Writer[]>('stand-by', {
    ...scaling('standby'),
    observe: (context) => readWriters(sideOf('standby', context), context),
    decide: decideStandBy,
  });
  step<Authority | undefined>('grant', {
    observe: readAuthorityOf,
    decide: (seen, context) => (context.rehearse ? REHEARSED : decideGrant(seen, sidesOf(context).pair)),
    act: grant,
    // Doing it again changes nothing.
    alreadyApplied: () => 'no',
    verify: (change) => ({ kind: 'good', detail: change.summary }),
  });
  return { manifest, readInput: inputBy(input), targetsOf, steps };
}

export const code = regionFailBack();
export const handler = planHandler(code);
