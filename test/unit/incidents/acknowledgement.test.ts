/** Whoever acknowledges while people are called stops the calls, whatever was acknowledged before. */
import { describe, expect, it } from '@jest/globals';
import { freshAcknowledgement, SHORTEST_ACKNOWLEDGEMENT_MINUTES } from '../../../functions/engine/acknowledgement.ts';
import { standingOf } from '../../../functions/engine/escalation.ts';
import { entryFor } from '../../../functions/incidents/links/pagerduty.ts';
import { config } from '../../support/fixtures.ts';
import { pagerDutyEvent } from '../../support/links.ts';
import { incidentOf, type Line, MINUTE, START } from '../../support/timeline.ts';

const rules = {
  ...config,
  escalation: { ...config.escalation, acknowledgementLastsMinutes: SHORTEST_ACKNOWLEDGEMENT_MINUTES },
};
const NEEDED: Line = [1, 'escalated'];
const ACKNOWLEDGED: Line = [2, 'acknowledged', { by: 'person:jane' }];

/** By when it is acknowledged anew, what was before, and whether a new line is written then. */
const CASES: readonly [string, readonly Line[], number, boolean][] = [
  ['for the first time', [NEEDED], 2, true],
  ['a moment after somebody else', [NEEDED, ACKNOWLEDGED], 3, false],
  ['a millisecond before the shortest acknowledgement ends', [NEEDED, ACKNOWLEDGED], 7 - 1 / MINUTE, false],
  ['when the shortest acknowledgement has ended', [NEEDED, ACKNOWLEDGED], 7, true],
  ['long after an acknowledgement has lapsed', [NEEDED, ACKNOWLEDGED], 600, true],
  ['after the end, when a person is needed anew', [NEEDED, ACKNOWLEDGED, [3, 'resolved'], [4, 'escalated']], 5, true],
  [
    'a moment after somebody did so after the end',
    [NEEDED, ACKNOWLEDGED, [3, 'resolved'], [4, 'escalated'], [5, 'acknowledged']],
    6,
    false,
  ],
  ['when a person was called again since', [NEEDED, ACKNOWLEDGED, [3, 'escalated']], 4, true],
  ['when an approval was asked for since', [NEEDED, ACKNOWLEDGED, [3, 'approval-requested']], 4, true],
  ['when the next level was called since', [NEEDED, ACKNOWLEDGED, [3, 'called', { level: 2 }]], 4, true],
  ['after somebody only snoozed it', [NEEDED, [2, 'snoozed', { until: START + 3 * MINUTE }]], 4, true],
];

describe('an acknowledgement', () => {
  it.each(CASES)('%s counts', (_when, lines, minutes, isWritten) => {
    const incident = incidentOf(lines);
    const at = START + minutes * MINUTE;
    expect(freshAcknowledgement(incident.timeline, at) === undefined).toBe(isWritten);
    // Nothing is written only where the ladder stands still anyhow.
    if (!isWritten) expect(standingOf(incident, rules, at)).toMatchObject({ kind: 'attended', how: 'acknowledged' });
  });

  it.each(CASES)('in PagerDuty %s counts, and so does a resolution there', (_when, lines, minutes, isWritten) => {
    const incident = incidentOf(lines);
    for (const type of ['incident.acknowledged', 'incident.resolved']) {
      const { event } = pagerDutyEvent(type, incident.id);
      const entry = entryFor(event, incident, START + minutes * MINUTE);
      expect(entry?.kind).toBe(isWritten ? 'acknowledged' : 'note');
      if (!entry) throw new Error('nothing was written');
      const after = { ...incident, timeline: [...incident.timeline, entry] };
      expect(standingOf(after, rules, START + minutes * MINUTE).kind).toBe('attended');
    }
  });
});
