/** How a plan's function says no. The state machine knows both by their names, and repeats neither. */
import { EngineError } from '../engine/errors.ts';

/** Nothing was begun: bad input, another run of the plan, a target that is taken. */
export class PlanRefusedError extends EngineError {
  readonly retryable = false;
}

/** Refused for a reason that passes by itself: somebody else has it in hand, or Nightshift is paused. */
export class PlanBusyError extends PlanRefusedError {
  // The state machine knows errors by their names.
  override readonly name = 'PlanRefusedError';
}

/** The step failed: what was done before it is taken back. */
export class PlanStepError extends EngineError {
  // The state machine knows errors by their names, so what is derived from it keeps this one.
  override readonly name = 'PlanStepError';
  readonly retryable = false;
}

/** Somebody else has a target in hand that the run had: it changes nothing more, and takes nothing back. */
export class LeaseLostError extends PlanStepError {}
