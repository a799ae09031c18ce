/** What went wrong while telling. No message ever holds a URL, a key or an answer that could repeat one. */
import { EngineError } from '../../engine/errors.ts';

/** A channel couldn't be told. `retryable` says whether the same may succeed later. */
export class DeliveryError extends EngineError {
  readonly retryable: boolean;
  /** HTTP status of the vendor's answer; undefined when there was none. */
  readonly status: number | undefined;
  constructor(message: string, options: { readonly retryable: boolean; readonly status?: number | undefined }) {
    super(message);
    this.retryable = options.retryable;
    this.status = options.status;
  }
}

/** At the end of an invocation: which channels weren't told. Lambda delivers the event again; those that were told are skipped then. */
export class NotTold extends EngineError {
  readonly retryable = true;
}
