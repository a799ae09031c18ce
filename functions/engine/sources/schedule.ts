/** What scheduled jobs of Nightshift's own found; what happened is the detail type. */
import { SCHEDULE_EVENTS, SCHEDULE_SOURCE, schedule } from '../../../events/sources/schedule/schema.ts';
import { happened, oneTarget, targetsOfArn } from './build.ts';
import { certificateTarget } from './certificates.ts';
import { type EventSource, malformed } from './source.ts';

export const source: EventSource = {
  name: 'schedule',
  eventPattern: (what) => ({ source: [SCHEDULE_SOURCE], 'detail-type': what.length > 0 ? what : SCHEDULE_EVENTS }),
  toSignal(event, config) {
    const parsed = schedule.safeParse(event);
    if (!parsed.success) return malformed(event, parsed.error);
    const { time, resources, detail, 'detail-type': what } = parsed.data;
    const { id, reason, daysLeft } = detail;
    const targets = resources.flatMap((arn) => certificateTarget(arn, config) ?? targetsOfArn(arn, config.region));
    const target = oneTarget(id, targets, 'the finding of a scheduled job');
    if (typeof target !== 'string') return target;
    return happened('schedule', { id, time, target, what, reason, facts: { daysLeft } });
  },
};
