/** What one command of the command line is. */
import type { Io } from './io.ts';
import type { Place, PlaceOptions } from './place.ts';

export interface Options extends PlaceOptions {
  readonly json: boolean;
  readonly yes: boolean;
  /** How long something is to last, such as `2h`. */
  readonly for?: string | undefined;
  /** Why, for the journal. */
  readonly reason?: string | undefined;
  /** Recomputes the hash chain instead of telling the story. */
  readonly verify?: boolean | undefined;
  /** File with the input of a plan. */
  readonly input?: string | undefined;
  /** Changes nothing that anybody uses. */
  readonly rehearse?: boolean | undefined;
  /** File to write a page to. */
  readonly html?: string | undefined;
  /** A date or time: a report is about the last whole day, week or month before it. */
  readonly at?: string | undefined;
}

export interface Command {
  readonly name: string;
  /** As a person would type it, without `nightshift`. */
  readonly usage: string;
  readonly summary: string;
  /**
   * @param words what followed the command's name.
   * @throws UsageError when they aren't what `usage` says.
   */
  run(words: readonly string[], options: Options, context: CommandContext): Promise<void>;
}

export interface CommandContext {
  readonly io: Io;
  /** Found when first asked for, so that `help` works anywhere. */
  place(): Promise<Place>;
  /**
   * Prints where and what, and asks, unless `--yes` was given.
   * @throws UsageError when nobody can answer; `Declined` when the answer is no.
   */
  confirm(what: string): Promise<void>;
}

/** The person said no: nothing was changed, exit code 1. */
export class Declined extends Error {
  override readonly name = 'Declined';
}
