import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Outcome } from '../../../events/outcome.ts';
import { entryMeasures, isMetric, METRICS, metricLine, outcomeMeasures } from '../../../functions/engine/metrics.ts';
import { archiveMeasures } from '../../../functions/incidents/archiver/handler.ts';
import { stepMeasures } from '../../../functions/incidents/follow-through/measures.ts';
import { turnMeasures } from '../../../functions/jobs/handler.ts';
import { embeddedMetrics } from '../../../local/stand-ins/lambda/embedded-metrics.ts';

const AT = Date.parse('2026-11-21T03:00:00Z');
const fired = { detail: { state: { value: 'ALARM', timestamp: '2026-11-21T02:59:58.500+0000' } } };
const remediated: Outcome = { kind: 'remediated', incidentId: 'inc-1', actionId: 'act-1' };

describe('what an outcome amounts to', () => {
  it('counts it by remediation and kind', () => {
    expect(outcomeMeasures('scale-out-service', { kind: 'noted', detail: 'x' }, {}, AT)).toEqual([
      { name: 'Outcomes', value: 1, dimensions: { Remediation: 'scale-out-service', Outcome: 'noted' } },
    ]);
  });

  it('measures the time from the alarm to its change', () => {
    expect(outcomeMeasures('r', remediated, fired, AT)).toContainEqual({ name: 'AlarmToChange', value: 1500 });
  });

  it('measures no such time for an order of the reconciler, or a time that cannot be read', () => {
    for (const event of [
      undefined,
      null,
      { nightshift: 1, command: 'resume' },
      { detail: { state: { timestamp: 'x' } } },
    ])
      expect(outcomeMeasures('r', remediated, event, AT).map(({ name }) => name)).toEqual(['Outcomes']);
  });

  it('names the guardrail that held or refused it', () => {
    const held: Outcome = { kind: 'held', reason: 'storm', detail: '', recheckAt: '' };
    const refused: Outcome = { kind: 'refused', guardrail: 'cooldown', setting: '', present: '', recheckAt: '' };
    expect(outcomeMeasures('r', held, fired, AT)).toContainEqual(
      expect.objectContaining({ name: 'Held', dimensions: { Guardrail: 'storm' } }),
    );
    expect(outcomeMeasures('r', refused, fired, AT)).toContainEqual(
      expect.objectContaining({ name: 'Held', dimensions: { Guardrail: 'cooldown' } }),
    );
  });

  it('takes verdicts from the entries that were written, and nothing else', () => {
    const kinds = ['opened', 'verified', 'not-verified', 'escalated'] as const;
    expect(entryMeasures(kinds.map((kind) => ({ kind }))).map(({ dimensions }) => dimensions)).toEqual([
      { Verdict: 'verified' },
      { Verdict: 'not-verified' },
    ]);
  });
});

describe('the line of a measure', () => {
  it('is read by CloudWatch as the metric that was meant, for every metric', () => {
    for (const [name, { unit, dimensions }] of Object.entries(METRICS)) {
      const given = Object.fromEntries(dimensions.map((each) => [each, `some-${each}`]));
      const line = metricLine('main', { name: name as keyof typeof METRICS, value: 3, dimensions: given }, AT, true);
      expect(embeddedMetrics(JSON.stringify(line))).toEqual([
        {
          namespace: 'Nightshift',
          name,
          unit,
          dimensions: { Deployment: 'main', ...given },
          values: [3],
          at: new Date(AT),
        },
      ]);
    }
  });

  it('is nothing to CloudWatch where it is not to be a metric, and can be asked of the log', () => {
    const verdict = { name: 'Verifications', value: 1, dimensions: { Verdict: 'verified' } } as const;
    const line = metricLine('main', verdict, AT, false);
    expect(embeddedMetrics(JSON.stringify(line))).toEqual([]);
    expect(line).toEqual({ measure: 'Verifications', Deployment: 'main', Verdict: 'verified', Verifications: 1 });
  });

  it('is a metric everywhere if an alarm watches it, else only where that is asked for', () => {
    const names = Object.keys(METRICS) as (keyof typeof METRICS)[];
    const constructs = join(import.meta.dirname, '../../../infra/constructs');
    const sources = readdirSync(constructs).map((file) => readFileSync(join(constructs, file), 'utf8'));
    const watched = sources.flatMap((source) =>
      [...source.matchAll(/namespace: NAMESPACE,\s*metricName: '(\w+)'/g)].map(([, name]) => name),
    );
    expect(watched).toContain('NewTrouble');
    expect(names.filter((name) => isMetric(name, undefined)).sort()).toEqual(watched.sort());
    expect(names.filter((name) => isMetric(name, 'all'))).toEqual(names);
  });

  it('has no dimension that could grow with what is protected, but for databases that are probed', () => {
    // Jobs are code, as remediations are; steps and statuses are few. A metric for each database with `heartbeat` is what its alarm watches.
    const known = ['Remediation', 'Outcome', 'Guardrail', 'Verdict', 'Step', 'Status', 'Job', 'DBInstanceIdentifier'];
    expect(
      Object.values(METRICS)
        .flatMap(({ dimensions }) => dimensions)
        .filter((each) => !known.includes(each)),
    ).toEqual([]);
    const byTarget = Object.entries(METRICS).filter(([, { dimensions }]) =>
      (dimensions as readonly string[]).includes('DBInstanceIdentifier'),
    );
    expect(byTarget.map(([name]) => name)).toEqual(['DatabaseUnanswered']);
  });
});

describe('lines of a log', () => {
  const document = (changes: object) =>
    JSON.stringify({
      _aws: { Timestamp: AT, CloudWatchMetrics: [{ Namespace: 'N', Dimensions: [['A']], Metrics: [{ Name: 'm' }] }] },
      A: 'a',
      m: 1,
      ...changes,
    });

  it('hold metrics only as documents of the format', () => {
    expect(embeddedMetrics(document({}))).toHaveLength(1);
    for (const line of [
      '',
      'plain "_aws" text',
      '{"_aws": 1}',
      '{"_aws": {"Timestamp": "now", "CloudWatchMetrics": []}}',
    ])
      expect(embeddedMetrics(line)).toEqual([]);
  });

  it('lose a dimension set whose value is missing or no text, and a metric that is no number', () => {
    for (const changes of [{ A: undefined }, { A: 5 }, { A: '' }, { m: 'one' }, { m: undefined }])
      expect(embeddedMetrics(document(changes))).toEqual([]);
  });

  it('may hold several values of one metric', () => {
    expect(embeddedMetrics(document({ m: [1, 2, 3] }))[0]?.values).toEqual([1, 2, 3]);
  });
});

describe('what the incident process and jobs amount to', () => {
  it('is a deed of the follow-through, and how late a call was; never a wait', () => {
    const call = { level: 2, name: 'second', at: AT - 4_000, why: 'x' } as const;
    expect(stepMeasures({ kind: 'escalate', call }, AT)).toEqual([
      { name: 'FollowSteps', value: 1, dimensions: { Step: 'escalate' } },
      { name: 'CallLateness', value: 4 },
    ]);
    expect(stepMeasures({ kind: 'end', why: 'x' }, AT).map(({ name }) => name)).toEqual(['FollowSteps']);
    for (const kind of ['wait-for-ok', 'snooze'] as const)
      expect(stepMeasures({ kind, until: AT, why: 'x' }, AT)).toEqual([]);
  });

  it('is a run that ended, with its verdict and age; a turn that waits is nothing', () => {
    const order = { job: 'back-up-database', scheduledAt: '2026-11-21T02:59:00.000Z' };
    expect(turnMeasures(order, { kind: 'ended', verdict: 'failed', summary: '' }, AT)).toEqual([
      { name: 'JobRuns', value: 1, dimensions: { Job: 'back-up-database', Verdict: 'failed' } },
      { name: 'JobAge', value: 60, dimensions: { Job: 'back-up-database' } },
    ]);
    expect(turnMeasures(order, { kind: 'wait', seconds: 1, note: '' }, AT)).toEqual([]);
  });

  it('is an incident that was archived, and how long after its end; nothing when it was archived before', () => {
    const incident = { resolvedAt: '2026-11-21T02:59:30.000Z' };
    const event = { incident } as Parameters<typeof archiveMeasures>[0];
    expect(archiveMeasures(event, { written: 3 }, AT)).toEqual([
      { name: 'Archived', value: 1 },
      { name: 'ArchiveAge', value: 30 },
    ]);
    expect(archiveMeasures(event, { written: 0 }, AT)).toEqual([]);
  });
});
