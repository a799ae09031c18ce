/** Composite alarms' rules (API page "PutCompositeAlarm", AlarmRule): ALARM() OK() INSUFFICIENT_DATA() TRUE FALSE AND OR NOT. */
import { AwsFault } from '../../world/types.ts';
import type { StateValue } from './evaluator.ts';

export interface AlarmRule {
  /** Names (or ARNs) of the alarms it refers to, in order of appearance, once each. */
  readonly children: readonly string[];
  /** Whether the rule holds; `stateOf` gets a name or ARN as written. */
  holds(stateOf: (alarm: string) => StateValue): boolean;
}

type Test = (stateOf: (alarm: string) => StateValue) => boolean;
const STATES: readonly string[] = ['ALARM', 'OK', 'INSUFFICIENT_DATA'];
const TOKEN =
  /\s*(?:(ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"((?:[^"\\]|\\.)+)"|([^()"\s][^()"]*?))\s*\)|(AND|OR|NOT|TRUE|FALSE|\(|\)))/y;

/** @throws AwsFault `ValidationError` when the rule can't be read. */
export function parseRule(text: string): AlarmRule {
  const children: string[] = [];
  const tokens: (string | Test)[] = [];
  const wrong = (why: string): AwsFault => new AwsFault('ValidationError', `AlarmRule "${text}": ${why}`);
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw wrong(`can't read it from "${text.slice(from)}"`);
    const [, state, quoted, bare, word] = match;
    const alarm = quoted?.replaceAll(/\\(.)/g, '$1') ?? bare ?? '';
    if (state && STATES.includes(state)) {
      if (!children.includes(alarm)) children.push(alarm);
      tokens.push((stateOf) => stateOf(alarm) === state);
    } else tokens.push(word ?? '');
  }
  let at = 0;
  function primary(): Test {
    const token = tokens[at];
    at += 1;
    if (typeof token === 'function') return token;
    if (token === 'TRUE' || token === 'FALSE') return () => token === 'TRUE';
    if (token === 'NOT') {
      const inner = primary();
      return (stateOf) => !inner(stateOf);
    }
    if (token !== '(') throw wrong(`unexpected ${token === undefined ? 'end' : `"${token}"`}`);
    const inner = either();
    if (tokens[at] !== ')') throw wrong('a closing parenthesis is missing');
    at += 1;
    return inner;
  }
  function both(): Test {
    let left = primary();
    while (tokens[at] === 'AND') {
      at += 1;
      const [a, b] = [left, primary()];
      left = (stateOf) => a(stateOf) && b(stateOf);
    }
    return left;
  }
  function either(): Test {
    let left = both();
    while (tokens[at] === 'OR') {
      at += 1;
      const [a, b] = [left, both()];
      left = (stateOf) => a(stateOf) || b(stateOf);
    }
    return left;
  }
  const root = either();
  if (at < tokens.length) throw wrong('it goes on after its end');
  return { children, holds: root };
}
