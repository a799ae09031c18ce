/** What targets get, by the examples of "Amazon EventBridge input transformation". */
import { describe, expect, it } from '@jest/globals';
import { jsonPath, targetInput } from '../../../local/stand-ins/eventbridge/input.ts';

const event = {
  id: 'i',
  'detail-type': 'Order',
  time: '2026-01-01T00:00:00Z',
  resources: ['arn:one', 'arn:two'],
  detail: { name: 'say "hi"', count: 3, tags: ['a'] },
};
const rule = { name: 'the-rule', arn: 'arn:rule' };
const transformed = (InputTemplate: string, InputPathsMap: Record<string, string> = {}) =>
  targetInput({ InputTransformer: { InputTemplate, InputPathsMap } }, event, rule);

describe('a path', () => {
  it.each<[string, unknown]>([
    ['$', event],
    ['$.detail.count', 3],
    ['$.resources[1]', 'arn:two'],
    ["$['detail-type']", 'Order'],
    ['$.detail.missing.below', undefined],
  ])('%s is found', (path, expected) => {
    expect(jsonPath(path, event)).toEqual(expected);
  });
});

describe('a target', () => {
  it('gets the whole event, a part, or a constant', () => {
    expect(JSON.parse(targetInput({}, event, rule))).toEqual(event);
    expect(targetInput({ InputPath: '$.detail.tags' }, event, rule)).toBe('["a"]');
    expect(targetInput({ Input: '{"x":1}' }, event, rule)).toBe('{"x":1}');
  });

  it('gets variables quoted where they stand alone, and bare inside quotes', () => {
    const made = transformed('{"name":<n>,"count":<c>,"text":"<n>: <c>"}', { n: '$.detail.name', c: '$.detail.count' });
    expect(JSON.parse(made)).toEqual({ name: 'say "hi"', count: 3, text: 'say "hi": 3' });
  });

  it('gets the reserved variables, and unknown ones as they stand', () => {
    expect(transformed('"<aws.events.rule-name> <unknown>"')).toBe('"the-rule <unknown>"');
    expect(JSON.parse(transformed('{"e":<aws.events.event.json>}'))).toEqual({ e: event });
  });

  it('gets an empty text for a variable whose path isn’t in the event', () => {
    expect(transformed('{"x":<x>,"y":"<x>"}', { x: '$.nope' })).toBe('{"x":"","y":""}');
  });
});
