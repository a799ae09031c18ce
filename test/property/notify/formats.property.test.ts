import { describe, it } from '@jest/globals';
import fc from 'fast-check';
import { HAPPENINGS } from '../../../events/published/notification.ts';
import type { Content } from '../../../functions/incidents/notify/content.ts';
import { pagerDutyEvent } from '../../../functions/incidents/notify/formats/pagerduty.ts';
import { slackMessage } from '../../../functions/incidents/notify/formats/slack.ts';
import { teamsMessage } from '../../../functions/incidents/notify/formats/teams.ts';
import { cutTo, snsMessageOf } from '../../../functions/incidents/notify/formats/text.ts';
import { content } from '../../support/notify/fixtures.ts';
import { pagerDutyRules, slackRules, snsRules, teamsRules } from '../../support/notify/vendor-rules.ts';

/** Texts as long as an event carries, of the characters that go wrong. */
const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
      fc.constantFrom('<!here>', '&', '"', '\\', '\n', '\u{1F525}'),
    ),
    {
      minLength: 1,
      maxLength: 60,
    },
  )
  .map((parts) => `x${parts.join('')}`.slice(0, 400));

const anyContent = fc
  .record({
    happening: fc.constantFrom(...HAPPENINGS),
    title: text,
    cause: text,
    summary: text,
    undo: text,
    changes: fc.array(text, { maxLength: 5 }),
    lines: fc.array(text, { maxLength: 12 }),
  })
  .map(
    ({ happening, title, cause, summary, undo, changes, lines }): Content =>
      content(happening, {
        incident: { title, cause, actions: changes.map((change) => ({ remediation: 'r', change, status: 'done' })) },
        entry: { summary, undo },
        timeline: lines.map((line) => ({ at: '2026-11-20T02:50:00.000Z', kind: 'acted', summary: line })),
      }),
  );

describe('whatever an alarm is called and says', () => {
  it('every vendor accepts what is sent', () => {
    fc.assert(
      fc.property(anyContent, (each) => {
        slackRules.parse(slackMessage(each.message));
        teamsRules.parse(teamsMessage(each.message));
        const { subject, text: body } = snsMessageOf(each.message);
        snsRules.parse({ Subject: subject, Message: body });
        const event = pagerDutyEvent(each, 'R0123456789ABCDEFGHIJKLMNOPQRSTU');
        if (event) pagerDutyRules.parse(event);
      }),
      { numRuns: 300 },
    );
  });

  it('cutting keeps to the limit and never splits a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 40 }), (whole, limit) => {
        const kept = cutTo(whole, limit);
        if (kept.length > limit) throw new Error(`${kept.length} > ${limit}`);
        if (whole.isWellFormed() && !kept.isWellFormed()) throw new Error('half a character is left');
        if (whole.length <= limit && kept !== whole) throw new Error('cut without need');
      }),
    );
  });
});
