/** `data-corruption`: its own steps, put together of what they look at (AWS), what they decide (pure) and what they change; the others are those of `database-restore`. */
import * as z from 'zod/mini';
import { readSnapshot } from '../../databases/read-snapshots.ts';
import { takeSnapshot } from '../../databases/snapshot.ts';
import { evidenceIdOf } from '../../databases/snapshot-id.ts';
import type { Approval } from '../../engine/approval.ts';
import { ActionFailedError, EngineError } from '../../engine/errors.ts';
import type { Change } from '../../engine/remediation.ts';
import { byFunction, type Reader } from '../../jobs/verify-backup/by-function.ts';
import { ask, asked, proveAgreed, type Question, readAnswer } from '../agreement.ts';
import type { PlanCode } from '../around.ts';
import {
  type ChooseSeen,
  decideRemoval,
  idOf,
  proveRemoval,
  proveRestore,
  type RestoreSeen,
  removalApplied,
  restoreApplied,
} from '../database-restore/decide.ts';
import { moved, restoreInput, restoreSteps } from '../database-restore/handler.ts';
import { readNew, remove, restore } from '../database-restore/instance.ts';
import {
  type Context,
  chosenOf,
  newIdOf,
  ownTags,
  settingsOf,
  subjectOf,
  targetsOf,
} from '../database-restore/surroundings.ts';
import { planHandler } from '../handler.ts';
import { inputBy } from '../read-input.ts';
import { looksOnly } from '../shared-steps.ts';
import { type Move, paced, pollSeconds, type StepCode, type StepContext, type StepDecision } from '../step.ts';
import { compareNext } from './comparing.ts';
import {
  type Compared,
  type Comparing,
  damagedCopy,
  decideAgree,
  decideCompared,
  decideEvidence,
  decideExamine,
  type Evidence,
  type EvidenceSeen,
  evidenceApplied,
  isRemovable,
  NOTHING_COMPARED,
  proveEvidence,
} from './decide.ts';
import { readWriters, startStopped, stopAll } from './ecs.ts';
import { manifest } from './manifest.ts';
import {
  decideResume,
  decideStop,
  decideTakeBack,
  proveResume,
  proveStop,
  type Stopped,
  sizesApplied,
  startApplied,
  type Writer,
  writesAgain,
} from './writers.ts';

const input = restoreInput({
  since: z.optional(z.iso.datetime({ offset: true, error: 'a time with its zone, such as 2026-11-21T09:30:00Z' })),
});
type Input = z.infer<typeof input>;

/** People have as long as the step, less a little. */
const ASKED_FOR_SECONDS = 3_500;

const questionOf = (context: Context): Question => ({
  plan: manifest.name,
  target: `rds-instance/${context.input.database}`,
  why: `what is in the damaged database alone isn't in ${newIdOf(context)}`,
  validForSeconds: ASKED_FOR_SECONDS,
});

const hashOf = (context: Context): string => newIdOf(context).slice(-12);
const evidenceOf = (context: Context): string =>
  evidenceIdOf(context.config.name, context.input.database, hashOf(context));
/** RDS allows 63 characters; the name of the restored one is looked at by `choose`. */
const damagedIdOf = ({ run, input: { database }, config }: Context): string =>
  `${idOf(run, { database }, { rehearse: false, deployment: config.name })}-damaged`;
const LONGEST_ID = 63;

/** @throws ActionFailedError when the step that leaves it left nothing. */
function left<T>({ results }: Context, step: string): T {
  const found = results[step];
  if (found === undefined) throw new ActionFailedError(`${step} left no result`);
  return found as unknown as T;
}
const damagedOf = (context: Context) =>
  damagedCopy(left<Evidence>(context, 'keep-evidence'), chosenOf(context).old, damagedIdOf(context));

const writers = (context: Context): Promise<Writer[]> => readWriters(moved.servicesOf(context), context);
const seenDamaged = async (context: Context): Promise<RestoreSeen> => ({
  instance: await readNew(damagedIdOf(context)),
  use: undefined,
});

/** A rehearsal stops nobody, so there is nothing to keep or compare. */
function onlyForReal<Seen>(code: StepCode<Input, Seen>, says: string): StepCode<Input, Seen | undefined> {
  return {
    ...(code as StepCode<Input, Seen | undefined>),
    observe: (context) => (context.rehearse ? Promise.resolve(undefined) : code.observe(context)),
    decide: (seen, context, made) =>
      context.rehearse
        ? ({ kind: 'done', detail: `a rehearsal: ${says}` } satisfies StepDecision)
        : code.decide(seen as Seen, context, made),
  };
}

/** Taken back, and taken away once it was read: only what carries the run's tag. */
const removal: Move<Input, RestoreSeen> = {
  decide: (seen, context) => decideRemoval(seen, damagedIdOf(context), ownTags(context), pollSeconds(context)),
  act: (context) => remove(damagedIdOf(context), ownTags(context)),
  alreadyApplied: (_change, seen) => removalApplied(seen),
  verify: (_change, seen, context) => proveRemoval(seen, damagedIdOf(context), pollSeconds(context)),
};

const started = {
  act: (context: Context, change: Change) => startStopped(moved.servicesOf(context), context, change),
  alreadyApplied: (change: Change, seen: readonly Writer[]) => startApplied(change, seen),
};

/** @param read asks the function in the network of restored backups. */
export function dataCorruption(read: Reader): PlanCode<Input> {
  const {
    choose,
    admit,
    roll: _byResume,
    ...shared
  } = restoreSteps(read) as unknown as Record<string, StepCode<Input, never>> & {
    readonly choose: StepCode<Input, ChooseSeen>;
    readonly admit: StepCode<Input, RestoreSeen>;
  };
  const steps: Record<string, StepCode<Input, never>> = { ...shared };
  const step = <Seen>(name: string, code: StepCode<Input, Seen>) => {
    // What a step sees is only ever given back to that step.
    steps[name] = code as unknown as StepCode<Input, never>;
  };

  step<ChooseSeen>('choose', {
    ...choose,
    async observe(context) {
      const { since } = context.input;
      const seen = await choose.observe(context);
      if (since === undefined) return seen;
      const before = Date.parse(since);
      return {
        ...seen,
        snapshots: seen.snapshots.filter(({ takenAt = Number.POSITIVE_INFINITY }) => takenAt < before),
      };
    },
    decide(seen, context, made) {
      const { since, at } = context.input;
      if (since !== undefined && at !== undefined && Date.parse(at) >= Date.parse(since))
        return { kind: 'fail', reason: `at: ${at} isn't before the damage (since: ${since})` };
      const id = damagedIdOf(context);
      return id.length > LONGEST_ID
        ? { kind: 'fail', reason: `${id} is longer than the ${LONGEST_ID} characters that RDS allows` }
        : choose.decide(seen, context, made);
    },
  });
  step<readonly Writer[]>('stop-writers', {
    observe: writers,
    decide: (seen, context) => decideStop(seen, context.now()),
    act: (context, change) => stopAll(moved.servicesOf(context), context, change),
    alreadyApplied: (change, seen) => sizesApplied(change, seen),
    verify: (change, seen, context) => proveStop(change, seen, context.now()),
    compensation: {
      ...started,
      decide: (seen, _context, made) => decideTakeBack(seen, made),
      verify: (change, seen) => proveResume(change, seen),
    },
  });
  step(
    'keep-evidence',
    onlyForReal<EvidenceSeen>(
      {
        observe: async (context) => {
          const [snapshot, present] = await Promise.all([readSnapshot(evidenceOf(context)), writers(context)]);
          return { snapshot, writers: present };
        },
        decide: (seen, context) => decideEvidence(seen, evidenceOf(context), context.input.database),
        async act(context, change) {
          const id = evidenceOf(context);
          await takeSnapshot({ id, instance: context.input.database, tags: ownTags(context) });
          return { summary: `told RDS to ${change.summary}`, data: { snapshot: id } };
        },
        alreadyApplied: (_change, seen) => evidenceApplied(seen),
        verify: (_change, seen, context) => proveEvidence(seen, pollSeconds(context)),
      },
      'no evidence is taken',
    ),
  );
  step(
    'examine',
    onlyForReal<RestoreSeen>(
      {
        observe: seenDamaged,
        decide: (seen, context) => decideExamine(seen, damagedOf(context)),
        act: (context, change) => {
          const { database } = context.input;
          const { verify } = settingsOf(context);
          // Like a rehearsal's: in the network of restored backups, and never in anybody's place.
          return restore(
            { database, chosen: damagedOf(context), verify, tags: ownTags(context), rehearse: true },
            change,
          );
        },
        alreadyApplied: (_change, seen, context) => restoreApplied(seen, ownTags(context)),
        verify: (_change, seen, context) => proveRestore(seen, damagedOf(context), pollSeconds(context)),
        compensation: removal,
      },
      'nothing is restored of it',
    ),
  );
  step(
    'compare',
    onlyForReal<Comparing>(
      {
        ...looksOnly('compare'),
        observe: (context) => {
          const { host, port } = left<{ host: string; port: number }>(context, 'examine');
          const { database, deployment, address } = subjectOf(context);
          const copies = { database, deployment, damaged: { host, port }, restored: address };
          const compared = (context.results.compare as unknown as Compared | undefined) ?? NOTHING_COMPARED;
          return compareNext(read, copies, settingsOf(context).verify, compared);
        },
        decide: (seen, context) => decideCompared(seen, pollSeconds(context)),
      },
      'there is nothing to compare with',
    ),
  );
  step(
    'agree',
    onlyForReal<Approval | undefined>(
      {
        observe: (context) => readAnswer(context),
        decide: (_seen, context) =>
          decideAgree(left<Compared>(context, 'compare'), context.input.database, {
            evidence: evidenceOf(context),
            restoredTo: chosenOf(context).takenAt,
          }),
        act: (context: StepContext<Input>, change) => ask(context, questionOf(context), change),
        alreadyApplied: (_change, seen) => (seen ? 'yes' : 'no'),
        verify: (change, seen, context) =>
          proveAgreed(seen, asked(context, questionOf(context), change), context.now()),
      },
      'nobody is asked',
    ),
  );
  // A copy that is left costs money; the services work on the restored database by now, and that isn't taken back because of it.
  step(
    'clear',
    onlyForReal<RestoreSeen & { readonly unread?: string }>(
      {
        ...removal,
        observe: (context) =>
          seenDamaged(context).catch((error: unknown) => {
            if (!(error instanceof EngineError)) throw error;
            return { instance: undefined, use: undefined, unread: error.message };
          }),
        decide: (seen, context) =>
          seen.unread !== undefined
            ? { kind: 'wait', seconds: pollSeconds(context), detail: seen.unread }
            : isRemovable(seen, ownTags(context))
              ? removal.decide(seen, context, undefined)
              : { kind: 'done', detail: 'there is nothing to remove' },
        async act(context, change) {
          try {
            return await removal.act(context, change);
          } catch (error) {
            if (!(error instanceof EngineError)) throw error;
            return { summary: `could not remove ${damagedIdOf(context)}: ${error.message}: remove it`, data: {} };
          }
        },
        verify: (change, seen, context) =>
          seen.unread !== undefined
            ? { kind: 'not-yet', detail: seen.unread, seconds: pollSeconds(context) }
            : removal.verify(change, seen, context),
        whenLate: 'go-on',
      },
      'there is nothing to remove',
    ),
  );
  // Whoever was started again by somebody else has read the old address, and writes to the damaged database.
  step<RestoreSeen & { readonly again: string | undefined }>('admit', {
    ...admit,
    observe: async (context) => {
      const [seen, present] = await Promise.all([
        admit.observe(context),
        context.rehearse ? Promise.resolve([]) : writers(context),
      ]);
      return { ...seen, again: writesAgain(present) };
    },
    decide: (seen, context, made) =>
      seen.again === undefined ? admit.decide(seen, context, made) : { kind: 'fail', reason: seen.again },
  });
  step<readonly Writer[]>('resume', {
    ...started,
    observe: writers,
    decide: (seen, context) =>
      context.rehearse
        ? { kind: 'done', detail: 'a rehearsal: nobody was stopped' }
        : decideResume(left<Stopped>(context, 'stop-writers').sizes, seen),
    verify: (change, seen, context) => paced(context, proveResume(change, seen)),
  });

  return { manifest, readInput: inputBy(input), targetsOf, steps };
}

export const code = dataCorruption(byFunction);
export const handler = planHandler(code);
