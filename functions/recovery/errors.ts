/** How a plan's function says no. The state machine knows both by their names, and repeats neither. */
import { EngineError } from '../engine/errors.ts';

/** Nothing was begun: bad input, another run of the plan, a target that is taken. */
export class PlanRefusedError extends EngineError {
  readonly retryable = false;
}

/** The step failed: what was done before it is taken back. */
export class PlanStepError extends EngineError {
  readonly retryable = false;
}
