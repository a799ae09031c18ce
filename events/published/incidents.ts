/**
 * What `nightshift incidents --json` and `nightshift incident <id> --json` print: one document on the last line of stdout.
 * Version 1. Fields are only ever added within a version.
 */
import { z } from 'zod';
import { ENTRY_KINDS, INCIDENT_STATES } from '../journal.ts';

const time = z.iso.datetime();

export const incidentSchema = z.object({
  id: z.string().min(1),
  title: z.string(),
  /** `<kind>/<name...>`, such as `ecs-service/orders/backend`. */
  target: z.string(),
  severity: z.enum(['P1', 'P2', 'P3', 'P4']),
  state: z.enum(INCIDENT_STATES),
  openedAt: time,
  resolvedAt: time.optional(),
  /** `person:<name>` who said first that they are looking at it. */
  acknowledgedBy: z.string().optional(),
  acknowledgedAt: time.optional(),
  alarms: z.record(z.string(), z.enum(['ALARM', 'OK', 'INSUFFICIENT_DATA'])),
  actions: z.array(
    z.object({
      actionId: z.string(),
      remediation: z.string(),
      change: z.string(),
      status: z.enum(['intended', 'done', 'failed', 'verified', 'handed-back', 'left-as-is']),
    }),
  ),
});

export const entrySchema = z.object({
  id: z.string().min(1),
  incidentId: z.string().min(1),
  at: time,
  kind: z.enum(ENTRY_KINDS),
  by: z.string(),
  summary: z.string(),
  data: z.record(z.string(), z.unknown()),
});

/** Where a document was read: a local world by name, or an AWS account. */
export const placeSchema = z.object({
  world: z.string().optional(),
  account: z.string().regex(/^\d{12}$/),
  region: z.string(),
});

export const incidentsDocument = z.object({
  version: z.literal(1),
  place: placeSchema,
  /** Newest first. */
  incidents: z.array(incidentSchema),
});
export type IncidentsDocument = z.infer<typeof incidentsDocument>;

export const incidentDocument = z.object({
  version: z.literal(1),
  place: placeSchema,
  /** With its timeline, oldest entry first. */
  incident: incidentSchema.extend({ timeline: z.array(entrySchema) }),
  /** Where its follow-through stands, once it has begun. */
  following: z
    .object({
      doing: z.string(),
      looksAgainAt: time.optional(),
      nextCall: z.object({ name: z.string(), at: time }).optional(),
    })
    .optional(),
});
export type IncidentDocument = z.infer<typeof incidentDocument>;
