import { EngineError } from '../../engine/errors.ts';

/** What was asked isn't understood: asking again can't help, so the state machine doesn't. */
export class BadRequestError extends EngineError {
  readonly retryable = false;
}
