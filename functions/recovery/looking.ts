/** What steps are made of that only look, and how they find what earlier turns left. */
import { ActionFailedError } from '../engine/errors.ts';
import type { StepContext } from './step.ts';

/** A step that changes nothing has only `observe` and `decide` of its own. */
export const looksOnly = (name: string) => ({
  act: () => Promise.reject(new ActionFailedError(`${name} changes nothing`)),
  alreadyApplied: () => 'unclear' as const,
  verify: () => ({ kind: 'bad' as const, detail: `${name} changes nothing` }),
});

export const resultOf = <Result>(
  { results }: Pick<StepContext<unknown>, 'results'>,
  step: string,
): Result | undefined => results[step] as unknown as Result | undefined;

export const sinceOf = ({ lastChangeAt, now, config }: StepContext<unknown>) => ({
  ...{ lastChangeAt, now: now(), periodSeconds: config.metricPeriodSeconds },
});
