import { describe, expect, it } from '@jest/globals';
import { reportDocument, reportEvent } from '../../../events/published/report.ts';
import { eventOf } from '../../../functions/jobs/write-report/decide.ts';
import { packed, unpacked } from '../../../functions/jobs/write-report/kept.ts';
import { compose, NEEDS } from '../../../functions/reports/compose.ts';
import type { Facts } from '../../../functions/reports/facts.ts';
import { htmlOf } from '../../../functions/reports/html.ts';
import { markdownOf } from '../../../functions/reports/markdown.ts';
import { folderOf } from '../../../functions/reports/model.ts';
import { REPORT_NAMES } from '../../../functions/reports/names.ts';
import { FACTS, incidentOf, MONTH, NOTHING } from '../../support/reports.ts';

const rowsOf = (name: Parameters<typeof compose>[0], title: string, facts = FACTS) =>
  compose(name, facts).sections.find((section) => section.title === title)?.table?.rows;

describe('each report', () => {
  it.each(REPORT_NAMES)('%s keeps its published shape, of much and of nothing', (name) => {
    for (const facts of [FACTS, NOTHING]) {
      const report = compose(name, facts);
      expect(() => reportDocument.parse(JSON.parse(JSON.stringify(report)))).not.toThrow();
      for (const text of [markdownOf(report), htmlOf(report)]) {
        expect(text).not.toMatch(/NaN|Infinity|undefined|\[object/);
        expect(text).toContain(report.title);
      }
      expect(htmlOf(report)).not.toMatch(/<script|<img|<link|<iframe|\bsrc=|\bhref=|@import|url\(|\son\w+=/i);
      for (const { table } of report.sections)
        for (const row of table?.rows ?? []) expect(row).toHaveLength(table?.columns.length ?? 0);
    }
  });

  it.each(REPORT_NAMES)('%s names what could not be read', (name) => {
    const report = compose(name, { ...NOTHING, unread: ['the incidents couldn’t be read: denied'] });
    expect(report.unknown).toContain('the incidents couldn’t be read: denied');
    expect(markdownOf(report)).toContain('## What could not be found out');
  });

  it('is told by an event that stays small and leads to its page', () => {
    const report = compose('daily-operations', FACTS);
    const folder = folderOf(report, '2026-11-01T07:30:00Z');
    expect(folder).toBe('reports/daily-operations/2026/11/20261101T073000Z');
    const event = eventOf(report, folder, 'nightshift-main-1-us-east-1', '2026-11-01T07:30:00Z');
    expect(reportEvent.parse(event)).toMatchObject({
      id: 'report-daily-operations-2026-11-01T07:30:00Z',
      page: `s3://nightshift-main-1-us-east-1/${folder}/report.html`,
      link: expect.stringContaining('prefix=reports%2Fdaily-operations'),
    });
    expect(eventOf({ ...report, region: 'cn-north-1' }, folder, 'b', 'x').link).toBeUndefined();
  });
});

describe('service levels', () => {
  it('are told against their targets, with what is left of the budget', () => {
    // 742 hours of 100 requests, of which 74 had one that failed: 99.9002…% of 74,200.
    expect(rowsOf('service-levels', 'Service levels')).toEqual([
      [
        ...['backend', '74,200', '99.900 %, met (99.9 %)', '0.100 %, met (below 1 %)'],
        ...['above 2 s in 1 of 742 hours, missed', '0.3 %: 0.1 of 44.6 minutes'],
      ],
    ]);
  });

  it('say so where a service is not known, and never that it was never available', () => {
    const [backend] = FACTS.services;
    if (!backend) throw new Error('no service');
    const silent = {
      ...FACTS,
      services: [{ ...backend, requests: backend.requests?.map((hour) => ({ ...hour, requests: 0, failed: 0 })) }],
    };
    const report = compose('service-levels', silent);
    expect(report.headline).toEqual([{ label: 'backend available', value: 'not known' }]);
    expect(report.unknown).toEqual(['backend: no request is known of in the whole period.']);
    const unbalanced = compose('service-levels', { ...FACTS, services: [{ ...backend, requests: undefined }] });
    expect(unbalanced.unknown[0]).toContain('balancedBy');
    expect(compose('service-levels', FACTS).unknown).toEqual([
      'backend: no request is told of in 2 hours; an outage that kept every request away isn’t counted.',
    ]);
  });

  it('draw a gap where nothing is known, and what is above the limit in another colour', () => {
    const [errors] = compose('service-levels', FACTS).sections[0]?.charts ?? [];
    expect(errors?.points.slice(0, 3).map(({ value }) => value)).toEqual([null, null, 0]);
    const page = htmlOf(compose('service-levels', FACTS));
    expect(page.match(/<rect class="state-acting"/g)).toHaveLength(2 * 742 - 1);
    expect(page.match(/<rect class="state-escalated"/g)).toHaveLength(1);
  });
});

describe('times to acknowledge and resolve', () => {
  it('are told by severity, against the time in which it is to be acknowledged', () => {
    expect(rowsOf('response-times', 'Times to acknowledge and resolve')).toEqual([
      ['P1', '1', 'none of 1', '0 later than 5 min', 'none of 1'],
      ['P2', '2', '20 min, 20 min, 20 min (1 of 2)', '1 later than 15 min', '10 min, 1 h 0 min, 1 h 0 min (2 of 2)'],
    ]);
  });

  it('leave out what was opened before', () => {
    const before = incidentOf('inc-0', '2026-09-30T23:59:59.000Z', { resolvedAt: '2026-10-20T00:00:00.000Z' });
    const rows = rowsOf('response-times', 'Times to acknowledge and resolve', { ...FACTS, incidents: [before] });
    expect(rows).toBeUndefined();
  });
});

describe('backups and drills', () => {
  it('tell how many passed, how long there was none, and what a plan took against its target', () => {
    expect(rowsOf('backups-and-drills', 'Backups')).toEqual([
      ['orders-db', '3 of 4', '26 d 22 h', '1 d 0 h', '1 of 1', '30 min'],
    ]);
    expect(rowsOf('backups-and-drills', 'Runs of recovery plans')?.[0]?.slice(2, 5)).toEqual([
      '3 min 20 s',
      '15 min',
      'met',
    ]);
    expect(rowsOf('backups-and-drills', 'Scheduled jobs')?.map(([job, , now]) => [job, now])).toEqual([
      ['back-up-database', 'overdue'],
    ]);
  });

  it.each([
    ['recovered', 900_000, 'met'],
    ['rehearsed', 900_001, 'missed'],
    ['backed-out', 1, 'failed: backed out'],
    ['needs-person', 1, 'failed: needs a person'],
    [undefined, 1, 'not known'],
  ] as const)('call a plan that %s in %d ms of 15 min %s', (verdict, recoveryTimeMs, expected) => {
    const [drill] = FACTS.drills;
    if (!drill?.recovery) throw new Error('no drill');
    const { verdict: _verdict, ...recovery } = drill.recovery;
    const told = { ...recovery, recoveryTimeMs, ...(verdict && { verdict }) };
    const drills = [{ ...drill, recovery: told }];
    expect(rowsOf('backups-and-drills', 'Runs of recovery plans', { ...FACTS, drills })?.[0]?.[4]).toBe(expected);
  });

  it('tell of a plan that is still under way', () => {
    const [drill] = FACTS.drills;
    if (!drill) throw new Error('no drill');
    const drills = [{ ...drill, recovery: undefined }];
    expect(rowsOf('backups-and-drills', 'Runs of recovery plans', { ...FACTS, drills })?.[0]?.slice(2, 5)).toEqual([
      ...['', '', 'not over'],
    ]);
  });

  it('know of no gap where no backup passed, and say that nothing proves them', () => {
    const facts = {
      ...FACTS,
      runs: [],
      databases: FACTS.databases.map((each) => ({
        ...each,
        backup: each.backup && { ...each.backup, isProved: false },
      })),
    };
    expect(rowsOf('backups-and-drills', 'Backups', facts)?.[0]?.slice(1)).toEqual([
      ...['0 of 0', 'not known', '1 d 0 h', 'nothing proves them', 'not known'],
    ]);
  });
});

describe('the longest time without a backup', () => {
  const [backup] = FACTS.jobs;
  const gapOf = (facts: Partial<Facts>) =>
    rowsOf('backups-and-drills', 'Backups', { ...FACTS, ...facts })?.[0]?.slice(1, 3);
  const failed = FACTS.runs.map((run) => ({ ...run, verdict: 'failed' as const }));

  it('is at least the period where every one failed, and more where the last one before is known', () => {
    expect(gapOf({ runs: failed })).toEqual(['0 of 4', 'at least 31 d 0 h']);
    if (!backup) throw new Error('no job');
    const jobs = [{ ...backup, passedBeforeAt: MONTH.from - 5 * 86_400_000 }];
    expect(gapOf({ runs: failed, jobs })).toEqual(['0 of 4', '36 d 0 h']);
  });

  it('begins with the last one before the period', () => {
    if (!backup) throw new Error('no job');
    const jobs = [{ ...backup, passedBeforeAt: MONTH.from - 40 * 86_400_000 }];
    expect(gapOf({ jobs })).toEqual(['3 of 4', '40 d 2 h']);
  });
});

describe('changes', () => {
  it('count when they took effect, in incidents that were opened in the period', () => {
    const actions = (['intended', 'failed', 'done', 'verified', 'handed-back', 'left-as-is'] as const).map(
      (status) => ({ actionId: status, remediation: 'a', change: 'b', status }),
    );
    const incidents = [
      incidentOf('inc-0', '2026-09-30T00:00:00.000Z', { actions, resolvedAt: '2026-10-01T00:00:00.000Z' }),
      incidentOf('inc-1', '2026-10-02T00:00:00.000Z', { actions, resolvedAt: '2026-10-02T01:00:00.000Z' }),
    ];
    const report = compose('response-times', { ...FACTS, incidents });
    expect(report.headline).toContainEqual({ label: 'Changes made in those opened', value: '4' });
    expect(rowsOf('weekly-maintenance', 'Incidents', { ...FACTS, incidents })?.[0]).toContain('4 changes');
  });
});

describe('an incident that was over and calls a person again', () => {
  it('is open, and is not said to be over', () => {
    const again = incidentOf('inc-1', '2026-10-02T00:00:00.000Z', {
      ...{ state: 'escalated', resolvedAt: '2026-10-02T01:00:00.000Z' },
    });
    expect(rowsOf('on-call-handoff', 'Open incidents', { ...FACTS, incidents: [again] })?.[0]).toContain('not over');
  });
});

describe('where incidents were looked for', () => {
  it('is told beside them, and is nothing that could not be found out', () => {
    const facts = { ...NOTHING, incidentsSince: Date.parse('2026-08-01T00:00:00Z') };
    const says = 'Incidents that were opened before 2026-08-01 weren’t looked for.';
    for (const name of ['daily-operations', 'on-call-handoff', 'weekly-maintenance', 'response-times'] as const) {
      expect(compose(name, facts).unknown).toEqual([]);
      expect(markdownOf(compose(name, facts))).toContain(says);
      expect(markdownOf(compose(name, { ...FACTS, incidentsSince: facts.incidentsSince }))).toContain(says);
    }
  });
});

describe('a report that is kept', () => {
  it('comes back as it was, and one too long for an item of the journal is not kept', () => {
    for (const name of REPORT_NAMES) {
      const report = compose(name, FACTS);
      const kept = packed(report);
      if (!kept) throw new Error('not kept');
      expect(unpacked(kept)).toEqual(JSON.parse(JSON.stringify(report)));
    }
    const noise = Array.from({ length: 40_000 }, (_, index) => Math.sin(index).toString(36)).join('');
    expect(packed({ ...compose('daily-operations', FACTS), unknown: [noise] })).toBeUndefined();
  });
});

describe('a handoff', () => {
  it('tells what is open, what is held and what is amiss, and leaves to people what only they know', () => {
    const report = compose('on-call-handoff', FACTS);
    expect(report.headline.map(({ value }) => value)).toEqual(['1', '0', '1', '1']);
    expect(markdownOf(report)).toContain('desiredCount is 4 instead of 2');
    expect(rowsOf('on-call-handoff', 'Scheduled jobs')).toHaveLength(1);
    expect(markdownOf(report)).toContain('the one who leaves tells it');
    expect(markdownOf(compose('on-call-handoff', NOTHING))).toContain('None failed or is overdue.');
  });
});

describe('what is read', () => {
  it('is no more than a report shows', () => {
    expect(NEEDS['service-levels']).toMatchObject({ incidents: false, jobs: false, drills: false, use: false });
    expect(NEEDS['response-times']).toMatchObject({ requests: false, jobs: false });
  });
});
