/** How every plan reads its input. */
import * as z from 'zod/mini';
import type { ReadInput } from './step.ts';

/** By the plan's own schema. What is wrong is told field by field. */
export const inputBy =
  <Input>(schema: z.ZodMiniType<Input>): ReadInput<Input> =>
  (given) => {
    const { success, data, error } = schema.safeParse(given);
    return success ? { ok: true, input: data } : { ok: false, faults: z.prettifyError(error) };
  };
