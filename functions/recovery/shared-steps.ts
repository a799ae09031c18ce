/** Steps that plans share which move services by a secret: the way back of a switch, the roll, and the proof. */
import type { ServiceConfig } from '../engine/config.ts';
import { ActionFailedError } from '../engine/errors.ts';
import { readAll, replaceTasksOf } from './roll-services.ts';
import {
  decideRoll,
  decideSwitchBack,
  proveRoll,
  proveServices,
  proveSwitchBack,
  rollApplied,
  rolledFrom,
  type SeenService,
  type SwitchSeen,
  switchBackApplied,
  toReplace,
  unrolled,
  versionsOf,
} from './rolling.ts';
import { makeCurrent, readVersions, versionOfRun } from './secret-versions.ts';
import { type Move, paced, type StepCode, type StepContext } from './step.ts';

/** What a plan's run is about, as far as these steps have to know. */
export interface Moved<Input> {
  servicesOf(context: StepContext<Input>): readonly ServiceConfig[];
  /** ARN of the secret that they read when a task starts. */
  secretOf(context: StepContext<Input>): string;
}

/** Of a step that changes nothing. */
export const looksOnly = (name: string) => ({
  act: () => Promise.reject(new ActionFailedError(`${name} changes nothing`)),
  alreadyApplied: () => 'unclear' as const,
  verify: () => ({ kind: 'bad' as const, detail: `${name} changes nothing` }),
});

/** The earlier version of the secret becomes the current one again, and whoever may have read the run's own gets new tasks. */
export const switchBack = <Input>({ servicesOf, secretOf }: Moved<Input>): Move<Input, SwitchSeen> => ({
  decide: (seen, _context, made) => decideSwitchBack(seen, made),
  async act(context, change) {
    const [secret, own] = [secretOf(context), versionOfRun(context.run)];
    // It may never have left: a switch that was refused is taken back, too.
    const { current } = await readVersions(secret, own);
    if (current !== versionsOf(change).to) await makeCurrent({ secret, ...versionsOf(change) });
    const versions = await readVersions(secret, own);
    const rolled = await replaceTasksOf(servicesOf(context), context, (services) =>
      toReplace(change, { versions, services }),
    );
    return {
      summary: `made the earlier version of the secret the current one, replaces the tasks of ${rolled.join(', ') || 'none'}`,
      data: {},
    };
  },
  alreadyApplied: switchBackApplied,
  verify: (change, seen, context) => paced(context, proveSwitchBack(change, seen)),
});

/** Replaces the tasks of the services, a few at a time: `writtenUntil` is left as its result, from which on no task has what it read before. */
export const rollStep = <Input>({ servicesOf }: Moved<Input>): StepCode<Input, readonly SeenService[]> => ({
  observe: (context) => readAll(servicesOf(context), context),
  decide: (seen, context) => paced(context, decideRoll(seen)),
  async act(context, change) {
    const rolled = await replaceTasksOf(servicesOf(context), context, (services) =>
      unrolled(rolledFrom(change), services),
    );
    return { summary: `told ECS to replace the tasks of ${rolled.join(', ') || 'none'}`, data: {} };
  },
  alreadyApplied: rollApplied,
  verify: (change, seen, context) => {
    const proof = proveRoll(change, seen);
    return proof.kind === 'good' ? { ...proof, result: { writtenUntil: context.now() } } : paced(context, proof);
  },
});

/** All services are well since the last change. */
export const proveStep = <Input>({ servicesOf }: Moved<Input>): StepCode<Input, readonly SeenService[]> => ({
  ...looksOnly('prove'),
  observe: (context) => readAll(servicesOf(context), context),
  decide: (seen, context) => {
    const { lastChangeAt, now, config, rehearse } = context;
    if (rehearse) return { kind: 'done', detail: 'a rehearsal: nobody was pointed elsewhere' };
    return paced(context, proveServices(seen, { lastChangeAt, now: now(), periodSeconds: config.metricPeriodSeconds }));
  },
});
