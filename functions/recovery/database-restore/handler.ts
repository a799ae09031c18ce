/** `database-restore`: its steps, put together of what they look at (AWS), what they decide (pure) and what they change. */
import * as z from 'zod/mini';
import { ActionFailedError, ChangedBySomeoneElseError, EngineError } from '../../engine/errors.ts';
import type { ActReport, Change } from '../../engine/remediation.ts';
import { byFunction, type Reader } from '../../jobs/verify-backup/by-function.ts';
import type { PlanCode } from '../around.ts';
import { planHandler } from '../handler.ts';
import { inputBy } from '../read-input.ts';
import { decideSwitch, proveSwitch, type SwitchSeen, switchApplied, versionsOf } from '../rolling.ts';
import { versionOfRun } from '../secret-versions.ts';
import { looksOnly, type Moved, proveStep, rollStep, switchBack } from '../shared-steps.ts';
import { pollSeconds, type StepCode } from '../step.ts';
import { type CheckProgress, judge, lossOf, NOTHING_READ, type Reading } from './check.ts';
import { pointSecretAt } from './connection.ts';
import {
  admissionApplied,
  type ChooseSeen,
  choose,
  decideAdmission,
  decideRemoval,
  decideRestore,
  type Input,
  protection,
  proveAdmission,
  proveRemoval,
  proveRestore,
  type RestoreSeen,
  removalApplied,
  restoreApplied,
} from './decide.ts';
import { admit, protect, remove, restore } from './instance.ts';
import { manifest } from './manifest.ts';
import { readAll } from './reading.ts';
import {
  addressOf,
  type Context,
  checkedOf,
  chosenOf,
  newIdOf,
  observeBefore,
  observeNew,
  observeSwitch,
  ownTags,
  seenAtTheEnd,
  settingsOf,
  subjectOf,
  targetsOf,
  unfitNow,
} from './surroundings.ts';

/** What is to be restored, and what a plan asks besides. @param more further fields. */
export const restoreInput = <const More extends Readonly<Record<string, z.ZodMiniOptional<z.ZodMiniString>>>>(
  more: More,
) =>
  z
    .strictObject({
      database: z.string().check(z.minLength(1), z.maxLength(63)),
      snapshot: z.optional(z.string().check(z.minLength(1), z.maxLength(255))),
      at: z.optional(z.iso.datetime({ offset: true, error: 'a time with its zone, such as 2026-11-21T09:30:00Z' })),
      reason: z.optional(z.string().check(z.maxLength(500))),
      ...more,
    })
    .check(
      z.refine((given) => (given as Input).snapshot === undefined || (given as Input).at === undefined, {
        path: ['at'],
        error: 'either a snapshot or a moment (at), not both',
      }),
    );
const input = restoreInput({});

/** What the steps that move services have to know. */
export const moved: Moved<Input> = {
  servicesOf: (context) => settingsOf(context).services,
  secretOf: (context) => settingsOf(context).restore.connectionSecretArn,
};

const removal = {
  decide: (seen: RestoreSeen, context: Context) =>
    decideRemoval(seen, newIdOf(context), ownTags(context), pollSeconds(context)),
  act: (context: Context) => removeUnlessUsed(context),
  alreadyApplied: (_change: Change, seen: RestoreSeen) => removalApplied(seen),
  verify: (_change: Change, seen: RestoreSeen, context: Context) =>
    proveRemoval(seen, newIdOf(context), pollSeconds(context)),
};

/** Whether services were pointed at it is asked again directly before. */
async function removeUnlessUsed(context: Context): Promise<ActReport> {
  const { use } = await observeNew(context);
  if (use !== undefined) throw new ActionFailedError(`${newIdOf(context)}: ${use}, so it isn't removed`);
  return remove(newIdOf(context), ownTags(context));
}

/** @param read asks the function in the network of restored backups. */
export function databaseRestore(read: Reader): PlanCode<Input> {
  return { manifest, readInput: inputBy(input), targetsOf, steps: restoreSteps(read) };
}

/** By name; `data-corruption` takes some of them, too. @param read asks the function in the network of restored backups. */
export function restoreSteps(read: Reader): Readonly<Record<string, StepCode<Input, never>>> {
  const steps: Record<string, StepCode<Input, never>> = {};
  const step = <Seen>(name: string, code: StepCode<Input, Seen>) => {
    // What a step sees is only ever given back to that step.
    steps[name] = code as unknown as StepCode<Input, never>;
  };

  step<ChooseSeen>('choose', {
    ...looksOnly('choose'),
    observe: (context) => observeBefore(context),
    decide: (seen, context) =>
      choose(seen, context.input, {
        ...{ deployment: context.config.name, newId: newIdOf(context), now: context.now() },
        dataLossSeconds: manifest.targets.dataLossSeconds,
      }),
  });
  step<RestoreSeen>('restore', {
    observe: observeNew,
    decide: (seen, context) => decideRestore(seen, chosenOf(context)),
    act: (context, change) => {
      const { verify } = settingsOf(context);
      const { database } = context.input;
      return restore(
        { database, chosen: chosenOf(context), verify, tags: ownTags(context), rehearse: context.rehearse },
        change,
      );
    },
    alreadyApplied: (_change, seen, context) => restoreApplied(seen, ownTags(context)),
    verify: (_change, seen, context) => proveRestore(seen, chosenOf(context), pollSeconds(context)),
    rehearsal: 'act',
    compensation: removal,
  });
  step<Reading>('check', {
    ...looksOnly('check'),
    observe: (context) =>
      readAll(
        read,
        subjectOf(context),
        settingsOf(context).verify,
        chosenOf(context),
        (context.results.check as unknown as CheckProgress | undefined) ?? NOTHING_READ,
      ),
    decide: (seen, context) => judge(seen, pollSeconds(context)),
  });
  step<RestoreSeen>('admit', {
    observe: observeNew,
    decide: (seen, context) => decideAdmission(seen, chosenOf(context), settingsOf(context).verify.securityGroupId),
    act: (context, change) => admit(newIdOf(context), change),
    alreadyApplied: admissionApplied,
    verify: (change, seen, context) => proveAdmission(change, seen, pollSeconds(context)),
  });
  step<SwitchSeen>('switch', {
    observe: observeSwitch,
    decide: (seen, context) => decideSwitch(seen, versionOfRun(context.run), newIdOf(context)),
    async act(context, change) {
      const secret = settingsOf(context).restore.connectionSecretArn;
      const wrong = await unfitNow(context);
      if (wrong) throw new ChangedBySomeoneElseError('the new instance', 'as it was checked', wrong.why);
      const { host, port } = addressOf(context);
      const addresses = { old: chosenOf(context).old.address, new: { host, port }, instance: newIdOf(context) };
      await pointSecretAt({ secret, ...versionsOf(change) }, addresses);
      return { summary: `pointed the secret at ${newIdOf(context)}`, data: versionsOf(change) };
    },
    alreadyApplied: switchApplied,
    verify: proveSwitch,
    compensation: switchBack(moved),
  });
  // Once it is done no task writes to the old instance.
  step('roll', rollStep(moved));
  step('prove', proveStep(moved));
  step<RestoreSeen>('finish', {
    rehearsal: 'act',
    // A recovery that is proved isn't backed out because RDS can't be asked just now, or refuses the protection: a person is told to see to it.
    observe: (context) => (context.rehearse ? observeNew(context) : seenAtTheEnd(context)),
    decide: (seen, context) => {
      if (context.rehearse) {
        const next = removal.decide(seen, context);
        return next.kind === 'done' ? { ...next, detail: `${next.detail}; ${lossIn(context)}` } : next;
      }
      const change = protection(seen, chosenOf(context));
      return change ? { kind: 'act', change } : { kind: 'done', detail: endOf(seen, context) };
    },
    act: (context) => (context.rehearse ? removeUnlessUsed(context) : protectIfPossible(context)),
    alreadyApplied: (_change, seen, context) =>
      context.rehearse ? removalApplied(seen) : seen.instance?.isProtected ? 'yes' : 'no',
    verify: (change, seen, context) => {
      if (!context.rehearse) return { kind: 'good', detail: endOf(seen, context) };
      const proof = removal.verify(change, seen, context);
      return proof.kind === 'good' ? { ...proof, detail: `${proof.detail}; ${lossIn(context)}` } : proof;
    },
  });

  return steps;
}

const lossIn = (context: Context): string => {
  const { roll, 'stop-writers': stopped } = context.results;
  const { writtenUntil = context.now() } = (roll ?? stopped ?? {}) as { readonly writtenUntil?: number };
  return lossOf(chosenOf(context), checkedOf(context), writtenUntil, context.rehearse, stopped ? 'stopped' : 'rolled');
};

async function protectIfPossible(context: Context): Promise<ActReport> {
  try {
    return await protect(newIdOf(context));
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { summary: `could not protect ${newIdOf(context)} from deletion: ${error.message}`, data: {} };
  }
}

/** What came of it, and what the plan leaves to a person. */
function endOf({ instance }: RestoreSeen, context: Context): string {
  const { old } = chosenOf(context);
  const { database } = context.input;
  const protectIt =
    old.deletionProtection && !instance?.isProtected ? ', and protect it from deletion as the old one is' : '';
  return `${database} is now ${newIdOf(context)}; ${lossIn(context)}; the old instance is kept until you delete it; name ${newIdOf(context)} in the configuration instead of ${database}${protectIt}`;
}

export const code = databaseRestore(byFunction);
export const handler = planHandler(code);
