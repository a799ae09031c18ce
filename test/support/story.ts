/** An incident as the journal would tell it: seen, held, changed, called, proved, handed back. */
import type { EntryKind, JournalEntry } from '../../events/journal.ts';
import { EMPTY_CHAIN, endOf, extendChain } from '../../functions/engine/chain.ts';
import type { Kept } from '../../functions/records/document.ts';

export const STORY_START = Date.parse('2026-11-20T03:00:00.000Z');
export const STORY_ID = 'inc-01KAGYT5G0STORY';

type Line = readonly [atSeconds: number, kind: EntryKind, by: string, summary: string, data?: Record<string, unknown>];

const BY = 'scale-out-service';
const alarmArn = 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:backend-cpu';
const actionId = 'act-1';

const LINES: readonly Line[] = [
  [
    0,
    'opened',
    BY,
    'backend-cpu on ecs-service/orders/backend',
    {
      title: 'backend-cpu on ecs-service/orders/backend',
      target: 'ecs-service/orders/backend',
      severity: 'P2',
      remediation: BY,
    },
  ],
  [
    0,
    'signal',
    BY,
    'alarm backend-cpu is firing: Threshold Crossed: 1 out of the last 1 datapoints [81.2] was greater than the threshold (70.0)',
    {
      alarmArn,
      alarmName: 'backend-cpu',
      evidence: { metricName: 'CPUUtilization', datapoints: [81.2], threshold: 70 },
    },
  ],
  [
    0.2,
    'decided',
    BY,
    'held: orders-db is in trouble, looked at again at 2026-11-20T03:01:00Z',
    { outcome: { kind: 'held' } },
  ],
  [
    61,
    'intent',
    BY,
    'will raise the desired count from 2 to 4',
    {
      actionId,
      remediation: BY,
      change: 'raise the desired count from 2 to 4',
      before: { desiredCount: 2 },
      after: { desiredCount: 4 },
      undo: 'set the desired count to 2',
    },
  ],
  [62.5, 'acted', BY, 'desired count set to 4', { actionId }],
  [
    130,
    'escalated',
    BY,
    'raise the desired count from 2 to 4: not verified: CPU is still 90 %',
    { actionId, undo: 'set the desired count to 2' },
  ],
  [131, 'paged', 'publisher', 'a person was paged', {}],
  [200, 'acknowledged', 'person:ada', 'ada is looking at it', {}],
  [290, 'alarm-ok', BY, 'alarm backend-cpu is OK', { alarmArn }],
  [300, 'verified', BY, 'CPU is 41 %, 4 of 4 tasks are healthy', { actionId }],
  [300, 'resolved', BY, 'all alarms OK, action verified', {}],
  [600, 'handed-back', BY, 'desired count set to 2', { actionId }],
];

export function storyEntries(lines: readonly Line[] = LINES): JournalEntry[] {
  return lines.map(([atSeconds, kind, by, summary, data = {}], index) => ({
    id: `01KAGY${String(index).padStart(6, '0')}`,
    incidentId: STORY_ID,
    at: new Date(STORY_START + atSeconds * 1000).toISOString(),
    kind,
    by,
    summary,
    data,
  }));
}

/** With its chain, as the announcer makes it. */
export function keptStory(entries: readonly JournalEntry[] = storyEntries()): Kept {
  const links = extendChain(
    STORY_ID,
    EMPTY_CHAIN,
    entries.map((entry) => ({ entry, writtenAt: entry.at })),
  );
  return { incidentId: STORY_ID, entries, links, end: endOf(links) };
}
