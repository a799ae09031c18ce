import { describe, expect, it } from '@jest/globals';
import type { EntryKind, JournalEntry } from '../../../events/journal.ts';
import { ENTRY_KINDS } from '../../../events/journal.ts';
import { reduceIncident } from '../../../functions/engine/reducer.ts';
import { archiveOf } from '../../../functions/records/document.ts';
import { htmlOf } from '../../../functions/records/html.ts';
import { escaped as markdown, markdownOf } from '../../../functions/records/markdown.ts';
import { durationText, reportOf, TOPICS, topicOf } from '../../../functions/records/report.ts';
import { keptStory, storyEntries } from '../../support/story.ts';

const place = { deployment: 'main', region: 'us-east-1' };
const incidentOf = (entries: readonly JournalEntry[]) => {
  const incident = reduceIncident(entries);
  if (!incident) throw new Error('no incident');
  return incident;
};
const story = incidentOf(storyEntries());

/** The story with a text from outside in its title and in every line. */
const poisoned = (text: string) =>
  incidentOf(
    storyEntries().map((entry) => ({
      ...entry,
      by: entry.by === 'scale-out-service' ? text : entry.by,
      summary: text,
      data: Object.fromEntries(
        Object.entries(entry.data).map(([key, value]) =>
          ['title', 'target', 'change', 'undo', 'remediation'].includes(key) ? [key, text] : [key, value],
        ),
      ),
    })),
  );
const htmlWith = (text: string) => htmlOf({ ...place, incident: poisoned(text) });
const markdownWith = (text: string) => markdownOf({ ...place, incident: poisoned(text) });

/** As a recovery plan writes it with its last line. */
const recovery = {
  ...{ run: 'service-recovery-1', recoveryTimeMs: 200_000, frozenMs: 60_000, targetRecoveryTimeMs: 900_000 },
  steps: [
    { name: 'restart', status: 'done', budgetMs: 300_000, fromMs: 0, tookMs: 50_000, note: 'of no help <b>' },
    { name: 'roll-back', status: 'undone', budgetMs: 600_000, fromMs: 50_000, note: 'refused' },
    { name: 'prove', status: 'waiting', budgetMs: 180_000 },
  ],
};
const withRecovery = (told: unknown) =>
  incidentOf(
    storyEntries().map((entry) => (entry.kind === 'resolved' ? { ...entry, data: { recovery: told } } : entry)),
  );

describe('the report of a run of a recovery plan', () => {
  it('shows its time against the target, and each step against its budget', () => {
    const incident = withRecovery(recovery);
    const page = markdownOf({ ...place, incident });
    expect(page).toContain('Run service-recovery-1: 3 min 20 s, of which 1 min frozen; the target is 15 min.');
    expect(page).toContain('| restart | done | +0 s | 50 s | 5 min | of no help &lt;b&gt; |');
    expect(page).toContain('| prove | waiting |  |  | 3 min |  |');
    const html = htmlOf({ ...place, incident });
    expect(html).toContain('50 s of 5 min: of no help &lt;b&gt;');
    expect(html.match(/<svg class="step"/g)).toHaveLength(2);
    expect(html).toContain('class="state-resolved" x="0.0" y="2" width="250.0"');
  });

  it.each([[undefined], ['text'], [{}], [{ ...recovery, steps: 'none' }], [{ ...recovery, recoveryTimeMs: '1' }]])(
    'has no such part for any other incident (%j)',
    (told) => {
      expect(reportOf(withRecovery(told)).recovery).toBeUndefined();
      expect(markdownOf({ ...place, incident: withRecovery(told) })).not.toContain('## Recovery');
    },
  );
});

describe('a report', () => {
  it('[7b/postmortem-deadline] says when it began, what was done first, who was called, how long it took, and when its review is due', () => {
    const facts = new Map(reportOf(story).facts.map(({ label, value }) => [label, value]));
    expect(facts.get('First change')).toBe('2026-11-20 03:01:02.500 UTC (1 min 2 s after the beginning)');
    expect(facts.get('Acknowledged')).toContain('by ada');
    expect(facts.get('Duration (recovery time achieved)')).toBe('5 min');
    expect(facts.get('Review due')).toBe('2026-11-22 03:05:00.000 UTC');
  });

  it('of a severe incident is the draft of a post-mortem, with a place for what only people know', () => {
    const draft = markdownOf({ ...place, incident: story });
    for (const heading of ['Summary', 'Timeline', 'What was changed', 'Cause', 'Lessons', 'Follow-up'])
      expect(draft).toContain(`## ${heading}`);
    expect(draft).toContain('| **Data loss (recovery point achieved)** | _To be written by a person._ |');
    const small = markdownOf({ ...place, incident: { ...story, severity: 'P4' } });
    expect(small).not.toContain('To be written');
  });

  it('[7b/postmortem-template, 9/report-incident] measures detecting, acknowledging, mitigating and resolving, and says what it cannot know', () => {
    const entries = storyEntries().map((entry) =>
      entry.kind === 'signal'
        ? { ...entry, data: { ...entry.data, subject: 'backend-cpu', at: '2026-11-20T02:59:50.000Z' } }
        : entry.kind === 'alarm-ok'
          ? { ...entry, data: { ...entry.data, subject: 'backend-cpu' } }
          : entry,
    );
    const factsOf = (of: readonly JournalEntry[]) =>
      new Map(reportOf(incidentOf(of)).facts.map(({ label, value }) => [label, value]));
    const facts = factsOf(entries);
    expect(facts.get('Time to detect (from the alarm)')).toBe('10 s');
    expect(facts.get('Time to acknowledge')).toBe('3 min 20 s');
    expect(facts.get('Time to mitigate')).toBe('4 min 50 s');
    expect(facts.get('Time to resolve')).toBe('5 min');
    expect(facts.get('Impact measured')).toBe('1 alarm, firing for 5 min from the first to the last');
    const open = factsOf(entries.filter(({ kind }) => !['alarm-ok', 'acknowledged', 'resolved'].includes(kind)));
    expect(open.get('Time to mitigate')).toContain('not known');
    expect(open.get('Time to acknowledge')).toBe('nobody acknowledged it');
    expect(open.get('Time to resolve')).toBe('not over yet');
    expect(open.get('Impact measured')).toContain('not known');
    for (const label of ['Impact on users', 'Commander'])
      expect([facts.has(label), facts.get(label)]).toEqual([true, undefined]);
  });

  it('[7b/follow-up-tasks] begins its review with what the journal says helped and did not, and leaves the rest to people', () => {
    const entries = storyEntries().map((entry) =>
      entry.kind === 'escalated' ? { ...entry, kind: 'not-verified' as const } : entry,
    );
    const incident = incidentOf(entries);
    for (const text of [markdownOf({ ...place, incident }), htmlOf({ ...place, incident })]) {
      expect(text).toMatch(/Helped, as the journal tells:.*CPU is 41 %/s);
      expect(text).toMatch(/Did not help, as the journal tells:.*CPU is still 90 %/s);
      for (const what of ['Prevention', 'Monitoring', 'Runbook and documents', 'Training'])
        expect(text).toMatch(new RegExp(`${what}: [^|]*To be written by a person`));
    }
  });

  it('of an incident that is not over says so', () => {
    const open = markdownOf({ ...place, incident: incidentOf(storyEntries().slice(0, 3)) });
    expect(open).toContain('| **Resolved** | not yet |');
    expect(open).toContain('nothing was changed');
  });

  it('shows how the incident stood over its whole time, without gap or overlap', () => {
    const { spans, lengthMs } = reportOf(story);
    expect(spans.map(({ state }) => state)).toEqual(['open', 'acting', 'verifying', 'escalated', 'resolved']);
    expect(spans[0]?.fromMs).toBe(0);
    expect(spans.at(-1)?.toMs).toBe(lengthMs);
    for (const [index, { fromMs }] of spans.entries()) if (index > 0) expect(fromMs).toBe(spans[index - 1]?.toMs);
  });

  it('gives each kind of entry a topic, and what a person wrote is theirs', () => {
    for (const kind of ENTRY_KINDS) expect(TOPICS).toContain(topicOf({ kind, by: 'announcer' }));
    for (const kind of ['resolved', 'note'] as EntryKind[]) expect(topicOf({ kind, by: 'person:ada' })).toBe('person');
  });

  it.each([
    [0, '0 s'],
    [5_640, '5.6 s'],
    [60_000, '1 min'],
    [3_725_000, '1 h 2 min'],
    [90_000_000, '1 d 1 h'],
    [-2_000, '-2 s'],
  ])('writes %s ms as %s', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });

  it('of an incident of one moment is still a page', () => {
    const html = htmlOf({ ...place, incident: incidentOf(storyEntries().slice(0, 1)) });
    expect(html).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('says what its chain proves, and what it does not', () => {
    const kept = archiveOf(keptStory(), place);
    if (!kept) throw new Error('no archive');
    for (const text of [markdownOf(kept), htmlOf(kept)]) {
      expect(text).toContain('12 entries are chained');
      expect(text).toContain('Not signed');
    }
    expect(markdownOf({ ...place, incident: story })).not.toContain('chained');
  });
});

describe('the page', () => {
  it('asks for nothing from anywhere and runs nothing', () => {
    const html = htmlOf({ ...place, incident: story });
    expect(html).not.toMatch(/<script|<img|<link|<iframe|\bsrc=|\bhref=|@import|url\(|\son\w+=/i);
    expect(html).toContain("default-src 'none'");
  });

  it.each([
    ['a script', '<script>alert(1)</script>', '<script>'],
    ['an image that fails', '<img src=x onerror=alert(1)>', '<img'],
    ['the end of an attribute', '"><svg onload=alert(1)>', '"><svg'],
    ['the end of the title', '</title><script>', '</title><script>'],
    ['single quotes', "' onmouseover='alert(1)", "' onmouseover='"],
    ['an entity', '&lt;script&gt;', '>&lt;script&gt;<'],
    ['a line break', 'a\r\nb', 'a\r\nb'],
    ['text turned around', 'a\u202eb', '\u202e'],
    ['a terminal’s escape', 'a\u001b[31mb', '\u001b'],
  ])('shows %s from outside as text', (_what, text, never) => {
    expect(htmlWith(text)).not.toContain(never);
  });
});

describe('the Markdown', () => {
  it.each([
    ['a cell', 'a | b', 'a \\| b'],
    ['a line', 'a\n# b', 'a \\# b'],
    ['HTML', '<b>', '&lt;b&gt;'],
    ['an image', '![x](https://evil.example/a.png)', '\\!\\[x\\](https&#58;//evil.example/a.png)'],
    ['an address', 'https://evil.example www.evil.example', 'https&#58;//evil.example www&#46;evil.example'],
    ['a mention', '@here', "'&#64;here"],
    ['code', '`rm`', '\\`rm\\`'],
    ['emphasis', '*a* _b_ ~c~', '\\*a\\* \\_b\\_ \\~c\\~'],
    ['a list', '1. a', '1\\. a'],
    ['a number as it is', '10.3 s', '10.3 s'],
    ['an entity', '&copy;', '&amp;copy;'],
    ['a backslash', '\\', '\\\\'],
    ['mathematics', '$x$', '\\$x\\$'],
  ])('shows %s from outside as text', (_what, text, shown) => {
    expect(markdown(text)).toBe(shown);
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '=cmd|/C calc!A0', '\t=1', '%x', '|x'])(
    'begins no cell with what a spreadsheet takes for a formula: %j',
    (formula) => {
      const cells = markdownWith(formula)
        .split('\n')
        .flatMap((line) => line.split(/(?<!\\)\|/))
        .map((cell) => cell.trim());
      for (const cell of cells) expect(cell).not.toMatch(/^[=+@%]|^-(?!--|$| )/);
      for (const tag of ['h1', 'h3', 'td', 'dd', 'span class="quiet by"'])
        expect(htmlWith(formula)).not.toContain(`<${tag}>${formula.trim()}`);
      expect(htmlWith(formula)).toContain(`&#39;${formula.trim()}`);
    },
  );

  it('keeps every row of a table in one line', () => {
    const rows = markdownWith('a\nb\r\u2028c | d')
      .split('\n')
      .filter((line) => line.startsWith('|'));
    for (const row of rows) expect(row.endsWith('|')).toBe(true);
  });
});
