import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { escapeHtml, messagePage, questionPage } from '../../../functions/incidents/links/page.ts';
import { htmlResponse } from '../../../functions/incidents/links/respond.ts';
import { REFUSALS } from '../../../functions/incidents/links/words.ts';

const EVIL = `"><img src=x onerror=alert(1)>'&<script>alert(1)</script>`;
const question = {
  heading: EVIL,
  what: EVIL,
  person: EVIL,
  facts: [{ label: EVIL, value: EVIL }],
  timeline: [EVIL],
  button: EVIL,
  isGrave: true,
  reason: { label: EVIL, required: true },
  confirmation: EVIL,
  validUntil: '2026-11-21T03:00:00.000Z',
};

describe('the pages', () => {
  it('escape whatever comes from outside', () => {
    for (const html of [
      questionPage(question),
      messagePage({ tone: 'done', heading: EVIL, text: EVIL, facts: question.facts }),
    ]) {
      expect(html).not.toContain('<img');
      expect(html).not.toContain('<script');
      expect(html).not.toContain(EVIL);
      expect(html).toContain(escapeHtml(EVIL));
    }
  });

  it('have a policy that allows their own style and nothing else, and go into no cache, frame or referrer', () => {
    const { headers, body } = htmlResponse(200, questionPage(question));
    const style = /<style>([\s\S]*)<\/style>/.exec(body)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(headers['content-security-policy']).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    );
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'x-robots-tag': 'noindex, nofollow',
    });
  });

  it('have one form, which goes to where it came from, and load nothing', () => {
    const plain = 'backend-cpu';
    const facts = [{ label: plain, value: plain }];
    const html = questionPage({
      ...question,
      heading: plain,
      what: plain,
      person: plain,
      facts,
      timeline: [plain],
      button: plain,
      confirmation: plain,
      reason: undefined,
    });
    expect(html.match(/<form/g)).toHaveLength(1);
    expect(html).toContain('<form method="post">');
    expect(html).not.toMatch(/\s(src|href|action)=/);
  });

  it('say why a link is refused and what to do instead', () => {
    for (const { heading, text } of Object.values(REFUSALS)) {
      expect(heading.length).toBeGreaterThan(10);
      expect(text).toMatch(/\.$/);
    }
  });
});
