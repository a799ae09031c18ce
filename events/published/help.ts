/** What `nightshift help [<command>] --json` prints. Version 1; fields are only ever added. */
import { z } from 'zod';

export const helpDocument = z.object({
  version: z.literal(1),
  commands: z.array(z.object({ name: z.string(), usage: z.string(), summary: z.string() })),
  options: z.array(z.object({ option: z.string(), summary: z.string() })),
  exitCodes: z.array(z.object({ code: z.int(), meaning: z.string() })),
});
export type HelpDocument = z.infer<typeof helpDocument>;
