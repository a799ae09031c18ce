/**
 * Events on Nightshift's own bus `nightshift-<deployment>`: one for each journal entry that people care about. Version 1; fields are only ever
 * added within a version. Whoever takes them must expect one twice, late or out of order (EventBridge delivers at least once, in no order), and
 * recognises it by `entry.id`. No field ever holds a secret.
 */
import * as z from 'zod/mini';
import { ENTRY_KINDS, INCIDENT_STATES } from '../journal.ts';

export const NOTIFICATION_SOURCE = 'nightshift';

/** What happened, as routing names it, and the event's detail-type. */
export const DETAIL_TYPES = {
  opened: 'Incident Opened',
  updated: 'Incident Updated',
  approval: 'Approval Needed',
  escalated: 'Incident Escalated',
  /** A person took it in hand: acknowledged it, took its target over, or had its calls wait. */
  acknowledged: 'Incident Acknowledged',
  resolved: 'Incident Resolved',
} as const;
export type Happening = keyof typeof DETAIL_TYPES;
export const HAPPENINGS = [
  'opened',
  'updated',
  'approval',
  'escalated',
  'acknowledged',
  'resolved',
] as const satisfies readonly Happening[];

/** What asks for a person: whoever is told of one of these is told who took it in hand. */
const ASKS: readonly Happening[] = ['opened', 'approval', 'escalated'];

/** Whether a route with these events tells this happening. */
export const tells = (events: readonly Happening[], happening: Happening): boolean =>
  events.includes(happening) || (happening === 'acknowledged' && events.some((each) => ASKS.includes(each)));

/** One line of a timeline, cut to `SUMMARY_LIMIT` characters. */
const line = z.object({ at: z.string(), kind: z.enum(ENTRY_KINDS), summary: z.string() });

const level = z.union([z.number(), z.literal('management')]);

/** Longest text of one line, and how many lines, changes and alarms an event carries: it stays below 16 kB, far from EventBridge's limit. */
export const SUMMARY_LIMIT = 400;
export const TIMELINE_TAIL = 12;
export const ACTIONS_TAIL = 5;

const outlook = z.object({
  /** `person:<name>` who acknowledged it or took its target over. */
  inHandOf: z.optional(z.string()),
  /** Name of the highest level of people that was called and wasn't heard of. */
  calledLevel: z.optional(z.string()),
  /** Other targets that alarms of the same trouble are about. */
  alsoConcerned: z.optional(z.array(z.string())),
  /** By when it is looked at whether the change that was made helped. */
  provedBy: z.optional(z.string()),
  /** What comes next, and when. */
  next: z.optional(z.object({ at: z.string(), what: z.string() })),
});

export const incidentEvent = z.object({
  version: z.literal(1),
  deployment: z.string(),
  region: z.string(),
  /** The incident as it stood when the entry was written. */
  incident: z.object({
    id: z.string(),
    title: z.string(),
    /** `<kind>/<name...>`. */
    target: z.string(),
    severity: z.enum(['P1', 'P2', 'P3', 'P4']),
    state: z.enum(INCIDENT_STATES),
    openedAt: z.string(),
    resolvedAt: z.optional(z.string()),
    /** What the first alarm said; absent when no alarm opened it. */
    cause: z.optional(z.string()),
    alarmsFiring: z.number(),
    /** Newest last. */
    actions: z.array(z.object({ remediation: z.string(), change: z.string(), status: z.string() })),
    actionsOmitted: z.number(),
    /** How it goes on, as far as the journal knew then; each field is absent where it didn't. */
    outlook: z.optional(outlook),
  }),
  /** The entry that is told; `id` is the event's identity. */
  entry: z.object({
    id: z.string(),
    at: z.string(),
    kind: z.enum(ENTRY_KINDS),
    by: z.string(),
    summary: z.string(),
    /** How to undo the change it speaks of. */
    undo: z.optional(z.string()),
    /** Which level of people an escalation calls: 1 is the first. */
    level: z.optional(level),
    /** Levels of people that were called by then; only of `Incident Acknowledged`. */
    called: z.optional(z.array(level)),
    /** An escalation that only says again what whoever has the incident in hand knows. */
    saidBefore: z.optional(z.literal(true)),
    /** By what a person acted, where that is itself told of it. */
    via: z.optional(z.literal('pagerduty')),
  }),
  /** What is to be approved or denied; only of `Approval Needed`. */
  approval: z.optional(
    z.object({
      id: z.string(),
      /** Hash of what is asked for: an approval is good for nothing else. */
      state: z.string(),
      remediation: z.string(),
      change: z.string(),
      /** In words. */
      before: z.string(),
      after: z.string(),
      undo: z.string(),
      risk: z.enum(['low', 'medium', 'high']),
      /** How many different people have to approve. */
      people: z.number(),
      costPerHourUsd: z.optional(z.number()),
      /** Why somebody is asked, when it isn't only the mode. */
      why: z.optional(z.string()),
      validUntil: z.string(),
    }),
  ),
  /** The last lines of the timeline up to the entry, oldest first. */
  timeline: z.array(line),
  timelineOmitted: z.number(),
  /** The command that shows the whole story. */
  look: z.string(),
});
export type IncidentEvent = z.infer<typeof incidentEvent>;

/** The event as EventBridge delivers it ("Events in Amazon EventBridge", structure). */
export const deliveredEvent = z.object({
  id: z.string(),
  source: z.literal(NOTIFICATION_SOURCE),
  'detail-type': z.enum(Object.values(DETAIL_TYPES)),
  detail: incidentEvent,
});
export type DeliveredEvent = z.infer<typeof deliveredEvent>;
