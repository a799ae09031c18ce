/** What the reconciler, and for `look` a person's doctor, asks a remediation function to do. Only holders of `lambda:InvokeFunction` can. */
import * as z from 'zod/mini';
import { type Signal, SOURCES } from './signal.ts';

/** `GONE`: there is no such alarm any more. */
const alarmState = z.enum(['ALARM', 'OK', 'INSUFFICIENT_DATA', 'GONE']);

/** Signals travel as the engine wrote them; the fields that decide are checked again. */
const signal = z.pipe(
  z.looseObject({
    id: z.string(),
    source: z.enum(SOURCES),
    subject: z.string(),
    name: z.string(),
    state: z.enum(['firing', 'resolved']),
    // What it is compared and kept by: without a time, the journal couldn't be written.
    at: z.string().check(z.refine((text) => !Number.isNaN(Date.parse(text)), 'is not a time')),
    target: z.string(),
    alarmArn: z.optional(z.string()),
    mutedUntil: z.optional(z.string()),
    firstEvaluation: z.boolean(),
    recheck: z.number(),
    runbook: z.optional(z.string()),
    rung: z.number(),
    evidence: z.looseObject({
      reason: z.string(),
      metricName: z.optional(z.string()),
      datapoints: z.array(z.number()),
    }),
  }),
  z.transform((value) => value as unknown as Signal),
);

export const command = z.discriminatedUnion('command', [
  /** A signal that was held or refused is judged again, or its alarm was found OK. */
  z.object({ nightshift: z.literal(1), command: z.literal('signal'), signal }),
  /** Look whether the target's open incident is over. */
  z.object({
    nightshift: z.literal(1),
    command: z.literal('settle'),
    target: z.string(),
    alarms: z.record(z.string(), alarmState),
  }),
  z.object({ nightshift: z.literal(1), command: z.literal('hand-back'), target: z.string() }),
  z.object({ nightshift: z.literal(1), command: z.literal('resume'), actionId: z.string() }),
  /** Undo the change of an action that made things worse. */
  z.object({ nightshift: z.literal(1), command: z.literal('undo'), actionId: z.string() }),
  /** Look at a target as for a signal, and write and change nothing: whether the function's own role, network and login let it. `nightshift doctor` asks so. */
  z.object({ nightshift: z.literal(1), command: z.literal('look'), target: z.string() }),
]);

export type Command = z.infer<typeof command>;
