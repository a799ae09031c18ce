/**
 * `incident.json` of an incident in the archive: what the journal held when the incident was over (or a change was handed back later), with the hash
 * chain over it. Version 1. Fields are only ever added within a version. `nightshift verify-archive <file>` checks one without any access to AWS.
 */
import { z } from 'zod';
import { entrySchema, incidentSchema } from './incidents.ts';

const hash = z.string().regex(/^[0-9a-f]{64}$/);

export const linkSchema = z.object({
  /** 1 for the first. */
  position: z.int().min(1),
  entryId: z.string(),
  at: z.string(),
  /** When DynamoDB wrote the entry. */
  writtenAt: z.string().optional(),
  /** SHA-256 of the entry's kind, by, summary and data as JSON with sorted keys. */
  content: hash,
  /** Hash of the link before; 64 zeros for the first. */
  previous: hash,
  /** SHA-256 of `[previous, position, incidentId, entryId, at, writtenAt or "", content]` as JSON without blanks. */
  hash,
});

export const findingSchema = z.object({
  kind: z.enum(['altered', 'removed', 'inserted', 'reordered']),
  entryId: z.string().optional(),
  detail: z.string(),
});

export const archiveDocument = z.object({
  version: z.literal(1),
  deployment: z.string(),
  region: z.string(),
  incident: incidentSchema.extend({ timeline: z.array(entrySchema) }),
  chain: z.object({
    algorithm: z.literal('SHA-256'),
    count: z.int().min(0),
    /** Of the last link. */
    hash,
    links: z.array(linkSchema),
    /** What didn't fit when this was archived; empty as a rule. */
    findings: z.array(findingSchema),
  }),
  /** Absent where the deployment has no signing secret. */
  signature: z
    .object({
      algorithm: z.literal('Ed25519'),
      /** SubjectPublicKeyInfo in base64; compare its fingerprint with the one you trust. */
      publicKey: z.string(),
      /** Over `{"count","deployment","hash","incidentId","region","version"}` as JSON with sorted keys and without blanks; base64. */
      value: z.string(),
    })
    .optional(),
});
export type ArchiveDocument = z.infer<typeof archiveDocument>;
