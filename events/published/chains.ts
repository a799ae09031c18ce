/** What `nightshift incident <id> --verify --json` and `nightshift verify-journal --json` print. Version 1. Fields are only ever added within a version. */
import { z } from 'zod';
import { findingSchema } from './archive.ts';
import { placeSchema } from './incidents.ts';

const check = z.object({
  incidentId: z.string(),
  /** Nothing was altered, removed, inserted or moved, as far as the chain can tell. */
  intact: z.boolean(),
  /** Entries that have their link. */
  count: z.int(),
  /** Of the last link. */
  hash: z.string(),
  /** Entries so new that the stream may not have told of them yet. */
  pending: z.int(),
  findings: z.array(findingSchema),
});

export const chainDocument = z.object({ version: z.literal(1), place: placeSchema, check });
export type ChainDocument = z.infer<typeof chainDocument>;

export const chainsDocument = z.object({ version: z.literal(1), place: placeSchema, checks: z.array(check) });
export type ChainsDocument = z.infer<typeof chainsDocument>;

/** What `nightshift verify-archive <file> --json` prints. */
export const archiveCheckDocument = z.object({
  version: z.literal(1),
  ...check.shape,
  signature: z.enum(['signed', 'unsigned', 'forged']),
  /** SHA-256 of the public key. */
  key: z.string().optional(),
});
