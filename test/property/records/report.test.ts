import { describe, it } from '@jest/globals';
import fc from 'fast-check';
import { escaped as html } from '../../../functions/records/html.ts';
import { escaped as markdown } from '../../../functions/records/markdown.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom('<', '>', '"', "'", '&', '|', '\n', '\r', '`', '[', ']', '(', '!', '=', '@', '\\', 'a', ' '))
    .map((parts) => parts.join('')),
);

describe('any text from outside', () => {
  it('opens no tag and closes no attribute in HTML', () => {
    fc.assert(
      fc.property(text, (value) => !/[<>"']/.test(html(value)) && !/&(?!amp;|lt;|gt;|quot;|#39;)/.test(html(value))),
    );
  });

  it('stays in its cell and its line in Markdown, and is no HTML', () => {
    fc.assert(
      fc.property(text, (value) => {
        const shown = markdown(value);
        return !/[\n\r<>\u2028\u2029]/.test(shown) && !/(?<!\\)(?:\\\\)*\|/.test(shown.replace(/(?:\\\\)*\\\|/g, ''));
      }),
    );
  });
});
