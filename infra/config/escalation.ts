/** The part of the configuration that says who is called while nobody takes an incident in hand. */
import { z } from 'zod';
import { SHORTEST_ACKNOWLEDGEMENT_MINUTES } from '../../functions/engine/acknowledgement.ts';
import type { Escalation } from '../../functions/engine/escalation.ts';
import { DAYS } from '../../functions/engine/windows.ts';
import { asGiven, type Fault, unknownName } from './faults.ts';
import { clockTime, timeZoneName } from './times.ts';

const minutes = (minimum: number) => z.int().min(minimum).max(10_080);
const recipients = {
  /** Addresses of this level's own topic; without any, everybody on the page topic is called (again). */
  pageEmails: z.array(z.email()).default([]),
  /** Names of `channels` that tell its calls, whatever `routing` says. */
  channels: z.array(z.string()).default([]),
};

const levelSchema = z.strictObject({
  /** How timelines call it. */
  name: z.string().min(1).max(64),
  /** Minutes after a person was first needed. */
  afterMinutes: minutes(0),
  ...recipients,
});

/** Runbook 003, lines 90 to 93: 0, 15, 30 and 45 minutes. */
const LEVELS = [
  { name: 'primary on-call', afterMinutes: 0, pageEmails: [], channels: [] },
  { name: 'secondary on-call', afterMinutes: 15, pageEmails: [], channels: [] },
  { name: 'lead', afterMinutes: 30, pageEmails: [], channels: [] },
  { name: 'head of engineering', afterMinutes: 45, pageEmails: [], channels: [] },
];

export const escalationSchema = z.strictObject({
  /** In the order in which they are called. The first one is called at once. */
  levels: z
    .array(levelSchema)
    .min(1)
    .max(10)
    .default([...LEVELS]),
  /** Who isn't heard of within this is called again, and a level is never passed before it (runbook 000, line 834: 5 minutes for P1). */
  acknowledgeWithinMinutes: z
    .strictObject({
      P1: minutes(1).default(5),
      P2: minutes(1).default(15),
      P3: minutes(1).default(60),
      /** A day: as P3 and P4 are called in business hours only, the next business day. */
      P4: minutes(1).default(1440),
    })
    .prefault({}),
  /** At the last level, calls are repeated this often. */
  repeatEveryMinutes: minutes(5).default(60),
  /** An incident still open that long after it was acknowledged calls people again. */
  acknowledgementLastsMinutes: minutes(SHORTEST_ACKNOWLEDGEMENT_MINUTES).default(480),
  /** Told of every P1 that is still open after this, acknowledged or not; nobody unless somebody is named. */
  management: z
    .strictObject({
      afterMinutes: minutes(0).default(30),
      ...recipients,
    })
    .optional(),
  /** P3 and P4 call nobody outside of them, nor in a quiet window. P1 and P2 call at any hour. */
  businessHours: z
    .strictObject({
      timeZone: timeZoneName.default('UTC'),
      days: z.array(z.enum(DAYS)).min(1).default(['mon', 'tue', 'wed', 'thu', 'fri']),
      from: clockTime.default('09:00'),
      /** When it isn't after `from`, they end on the next day: equal times are the whole day. */
      to: clockTime.default('17:00'),
    })
    .prefault({}),
});
export type EscalationConfig = z.output<typeof escalationSchema>;

/** What functions are given: everything but the addresses, which only the topics know. */
export function escalationOf({ levels, management, ...rest }: EscalationConfig): Escalation {
  return {
    ...rest,
    levels: levels.map(({ name, afterMinutes, channels }) => ({ name, afterMinutes, channels })),
    ...(management && { management: { afterMinutes: management.afterMinutes, channels: management.channels } }),
  };
}

/** Channels that people are called by, whatever the routes say. */
export const calledChannels = (escalation: EscalationConfig | undefined): string[] =>
  [...(escalation?.levels ?? []), ...(escalation?.management ? [escalation.management] : [])].flatMap(
    ({ channels }) => channels,
  );

/** Faults between the levels, and of names that no channel has. */
export function escalationFaults(escalation: EscalationConfig | undefined, channels: readonly string[]): Fault[] {
  if (!escalation) return [];
  const { levels, management } = escalation;
  const fault = (path: string, given: unknown, expected: string): Fault => ({ path, given: asGiven(given), expected });
  const order = levels.flatMap(({ afterMinutes }, index) => {
    const at = `escalation.levels[${index}].afterMinutes`;
    if (index === 0)
      return afterMinutes === 0 ? [] : [fault(at, afterMinutes, 'must be 0: the first level is called at once')];
    const before = levels[index - 1]?.afterMinutes ?? 0;
    return afterMinutes > before
      ? []
      : [fault(at, afterMinutes, `allowed is more than the level before it (${before})`)];
  });
  const named = [
    ...levels.map((level, index) => ({ at: `escalation.levels[${index}]`, names: level.channels })),
    ...(management ? [{ at: 'escalation.management', names: management.channels }] : []),
  ];
  const unknown = named.flatMap(({ at, names }) =>
    names.flatMap((name, index) =>
      channels.includes(name)
        ? []
        : [fault(`${at}.channels[${index}]`, name, `as a channel: ${unknownName(name, channels)}`)],
    ),
  );
  const nobody =
    management && management.channels.length === 0 && management.pageEmails.length === 0
      ? [fault('escalation.management', {}, 'name somebody in pageEmails or channels, or take it out')]
      : [];
  return [...order, ...unknown, ...nobody];
}
