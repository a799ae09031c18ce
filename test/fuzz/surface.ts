/** A place at which something comes in from outside. */
import type { Random } from '../simulation/random.ts';
import type { Json } from './mutate.ts';

/** What became of one input. */
export interface Taken {
  /** For counting: `rejected: malformed`, `status 404`, `exit 2`. */
  readonly outcome: string;
  readonly isSchemaValid: boolean;
}

export interface Surface {
  readonly name: string;
  /** Real ones to begin with. */
  readonly samples: readonly Json[];
  /** @throws nothing: what is thrown is what fuzzing looks for. */
  take(input: Json, random: Random): Taken | Promise<Taken>;
}
