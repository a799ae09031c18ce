/** What `nightshift approvals|approve|deny --json` print: approvals as the journal has them. Version 1; fields are only ever added. */
import { z } from 'zod';
import { placeSchema } from './incidents.ts';

const time = z.iso.datetime();

export const approvalSchema = z.object({
  id: z.string().min(1),
  incidentId: z.string(),
  remediation: z.string(),
  /** `<kind>/<name...>`. */
  target: z.string(),
  /** What would be changed, for people. */
  change: z.string(),
  before: z.unknown(),
  after: z.unknown(),
  undo: z.string(),
  risk: z.enum(['low', 'medium', 'high']),
  /** How many different people have to approve. */
  people: z.union([z.literal(1), z.literal(2)]),
  /** `person:<name>`, each once. */
  approvedBy: z.array(z.string()),
  status: z.enum(['waiting', 'approved', 'used', 'denied', 'expired', 'void']),
  costPerHourUsd: z.number().optional(),
  /** Why somebody is asked, when it isn't only the mode. */
  why: z.string().optional(),
  askedAt: time,
  validUntil: time,
});
export type ApprovalDocument = z.infer<typeof approvalSchema>;

/** Those that wait for somebody; after `approve` and `deny` the one that was decided. */
export const approvalsDocument = z.object({
  version: z.literal(1),
  place: placeSchema,
  approvals: z.array(approvalSchema),
});
export type ApprovalsDocument = z.infer<typeof approvalsDocument>;
