/** What `nightshift backups --json`, `verify --json`, `back-up --json` and `export --json` print. Version 1; fields are only ever added. */
import { z } from 'zod';
import { placeSchema } from './incidents.ts';

/** A backup was restored and read, or could not be. */
const proof = z.object({
  scheduledAt: z.string(),
  verdict: z.enum(['passed', 'failed']),
  /** Names the check that failed. */
  check: z.string().optional(),
  summary: z.string(),
  /** How long it took until the restored copy answered. */
  restoreSeconds: z.number().optional(),
  /** How old its newest data was when the restore was asked for. */
  recoveryPointSeconds: z.number().optional(),
});
export type Proof = z.infer<typeof proof>;

export const backupsDocument = z.object({
  version: z.literal(1),
  place: placeSchema,
  databases: z.array(
    z.object({
      database: z.string(),
      /** Newest first, as the journal knows them: what is gone meanwhile is listed, too. */
      backups: z.array(
        z.object({
          name: z.string(),
          takenAt: z.string(),
          sizeGib: z.number().optional(),
          /** The region in which there was a copy of the same name, when it was made. */
          copiedTo: z.string().optional(),
          proof: proof.optional(),
        }),
      ),
    }),
  ),
});
export type BackupsDocument = z.infer<typeof backupsDocument>;

export const verifyDocument = z.object({
  version: z.literal(1),
  place: placeSchema,
  database: z.string(),
  backup: z.string().optional(),
  proof,
  report: z.record(z.string(), z.unknown()),
});
export type VerifyDocument = z.infer<typeof verifyDocument>;

/** One run of `back-up` or `export`. */
export const backupRunDocument = z.object({
  version: z.literal(1),
  place: placeSchema,
  database: z.string(),
  verdict: z.enum(['passed', 'failed']),
  /** Names the check that failed. */
  check: z.string().optional(),
  summary: z.string(),
  report: z.record(z.string(), z.unknown()),
});
export type BackupRunDocument = z.infer<typeof backupRunDocument>;
