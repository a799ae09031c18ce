/** What alarms did in a world, as the event bus saw it: scenarios measure from these events. */
import { z } from 'zod';

/** One `CloudWatch Alarm State Change` event. */
export interface AlarmChange {
  readonly alarmName: string;
  readonly state: 'ALARM' | 'OK' | 'INSUFFICIENT_DATA';
  /** When the alarm changed, as the event says (ISO 8601 with milliseconds). */
  readonly at: string;
  readonly reason: string;
  /** Value of the tag that opts the alarm in; absent on backstops and foreign alarms. */
  readonly runbook?: string;
  readonly region: string;
}

const change = z.object({
  'detail-type': z.literal('CloudWatch Alarm State Change'),
  region: z.string(),
  detail: z.object({
    alarmName: z.string(),
    state: z.object({
      value: z.enum(['ALARM', 'OK', 'INSUFFICIENT_DATA']),
      reason: z.string().default(''),
      timestamp: z.string(),
    }),
    alarmTags: z.record(z.string(), z.string()).optional(),
  }),
});

/** Keeps every alarm's changes, oldest first. */
export class AlarmLog {
  readonly #changes: AlarmChange[] = [];

  /** @param event any event of the default bus; others than alarm state changes are not kept. */
  note(event: unknown): void {
    const parsed = change.safeParse(event);
    if (!parsed.success) return;
    const { region, detail } = parsed.data;
    const runbook = detail.alarmTags?.['nightshift:runbook'];
    this.#changes.push({
      alarmName: detail.alarmName,
      state: detail.state.value,
      at: new Date(detail.state.timestamp).toISOString(),
      reason: detail.state.reason,
      region,
      ...(runbook === undefined ? {} : { runbook }),
    });
  }

  changes(): readonly AlarmChange[] {
    return this.#changes;
  }

  /** The first change to `state` of an alarm that starts `runbook`, not before `since` (milliseconds). */
  first(runbook: string, state: AlarmChange['state'], since: number): AlarmChange | undefined {
    return this.#changes.find(
      (each) => each.runbook === runbook && each.state === state && Date.parse(each.at) >= since,
    );
  }
}
