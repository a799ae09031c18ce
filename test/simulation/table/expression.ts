/**
 * DynamoDB's expressions as far as our engine uses them, compiled to functions ("Using expressions in DynamoDB", "Condition and filter expressions,
 * operators, and functions", "Update expressions", Amazon DynamoDB Developer Guide). Anything else is refused, as DynamoDB refuses what it doesn't know:
 * a request that the model can't judge must not pass by it. `test/emulator/simulation` holds it against the emulator.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

export type Image = Readonly<Record<string, AttributeValue>>;
type Names = Readonly<Record<string, string>>;
type Values = Readonly<Record<string, AttributeValue>>;

/** What an expression is judged with: the item (empty when there is none) and the request's substitutions. */
export interface Scope {
  readonly item: Image;
  readonly names: Names;
  readonly values: Values;
}

export type Condition = (scope: Scope) => boolean;
type Operand = (scope: Scope) => AttributeValue | undefined;
/** Applied to a copy of the item. */
export type Update = (scope: Scope, next: Record<string, AttributeValue>) => void;

/** DynamoDB would answer with a ValidationException. */
export class InvalidExpressionError extends Error {}

const TOKEN = /\s*(<>|<=|>=|[=<>(),+-]|[#:]?[A-Za-z_][A-Za-z0-9_]*(?:\.[#]?[A-Za-z_][A-Za-z0-9_]*)*)/y;
const WORDS = ['AND', 'OR', 'NOT', 'BETWEEN', 'IN', 'SET', 'REMOVE', 'ADD', 'DELETE'];

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  let at = 0;
  while (text.slice(at).trim() !== '') {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (!found?.[1]) throw new InvalidExpressionError(`"${text}": not understood at ${at}`);
    tokens.push(found[1]);
    at = TOKEN.lastIndex;
  }
  return tokens;
}

class Parser {
  readonly #tokens: readonly string[];
  readonly #text: string;
  #next = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokensOf(text);
  }

  get done(): boolean {
    return this.#next >= this.#tokens.length;
  }

  peek(): string {
    return this.#tokens[this.#next] ?? '';
  }

  isWord(word: string): boolean {
    return this.peek().toUpperCase() === word;
  }

  take(): string {
    const token = this.peek();
    if (token === '') throw new InvalidExpressionError(`"${this.#text}" ends too early`);
    this.#next++;
    return token;
  }

  expect(token: string): void {
    if (this.take().toUpperCase() !== token) throw new InvalidExpressionError(`"${this.#text}": expected ${token}`);
  }

  accept(token: string): boolean {
    if (this.peek().toUpperCase() !== token) return false;
    this.#next++;
    return true;
  }

  condition(): Condition {
    let left = this.#conjunction();
    while (this.accept('OR')) {
      const [a, b] = [left, this.#conjunction()];
      left = (scope) => a(scope) || b(scope);
    }
    return left;
  }

  #conjunction(): Condition {
    let left = this.#negation();
    while (this.accept('AND')) {
      const [a, b] = [left, this.#negation()];
      left = (scope) => a(scope) && b(scope);
    }
    return left;
  }

  #negation(): Condition {
    if (!this.accept('NOT')) return this.#primary();
    const inner = this.#negation();
    return (scope) => !inner(scope);
  }

  #primary(): Condition {
    if (this.accept('(')) {
      const inner = this.condition();
      this.expect(')');
      return inner;
    }
    const word = this.peek();
    switch (word) {
      case 'attribute_exists':
      case 'attribute_not_exists': {
        this.take();
        const path = this.#inBrackets(() => this.operand());
        return word === 'attribute_exists'
          ? (scope) => path(scope) !== undefined
          : (scope) => path(scope) === undefined;
      }
      case 'begins_with': {
        this.take();
        const [path, start] = this.#inBrackets(() => {
          const first = this.operand();
          this.expect(',');
          return [first, this.operand()] as const;
        });
        return (scope) => {
          const prefix = start(scope)?.S;
          return prefix !== undefined && path(scope)?.S?.startsWith(prefix) === true;
        };
      }
      default:
        return this.#comparison();
    }
  }

  #inBrackets<T>(inner: () => T): T {
    this.expect('(');
    const found = inner();
    this.expect(')');
    return found;
  }

  #comparison(): Condition {
    const left = this.operand();
    if (this.accept('BETWEEN')) {
      const low = this.operand();
      this.expect('AND');
      const high = this.operand();
      return (scope) => ordered(left(scope), low(scope), atLeast) && ordered(left(scope), high(scope), atMost);
    }
    const operator = this.take();
    const right = this.operand();
    switch (operator) {
      case '=':
        return (scope) => isEqual(left(scope), right(scope));
      // "Comparison operators": a <> b is true where a isn't there.
      case '<>':
        return (scope) => !isEqual(left(scope), right(scope));
      case '<':
        return (scope) => ordered(left(scope), right(scope), (order) => order < 0);
      case '<=':
        return (scope) => ordered(left(scope), right(scope), atMost);
      case '>':
        return (scope) => ordered(left(scope), right(scope), (order) => order > 0);
      case '>=':
        return (scope) => ordered(left(scope), right(scope), atLeast);
      default:
        throw new InvalidExpressionError(`"${this.#text}": operator ${operator} isn't modelled`);
    }
  }

  /** A value (`:name`) or a path (`a.b`, `#a`). */
  operand(): Operand {
    const token = this.take();
    if (token.startsWith(':')) return ({ values }) => substituted(values, token);
    return pathOf(this.#asPath(token));
  }

  #asPath(token: string): readonly string[] {
    if (!/^[#A-Za-z_]/.test(token) || WORDS.includes(token.toUpperCase()))
      throw new InvalidExpressionError(`"${this.#text}": ${token} is no path`);
    return token.split('.');
  }

  /** A path of one step, the only ones that we write to. */
  written(): (names: Names) => string {
    const [step = '', ...deeper] = this.#asPath(this.take());
    if (deeper.length > 0) throw new InvalidExpressionError(`"${this.#text}": nested updates aren't modelled`);
    return (names) => (step.startsWith('#') ? substituted(names, step) : step);
  }
}

function substituted<T>(from: Readonly<Record<string, T>>, name: string): T {
  const value = from[name];
  if (value === undefined) throw new InvalidExpressionError(`${name} isn't defined`);
  return value;
}

function pathOf(steps: readonly string[]): Operand {
  return ({ item, names }) => {
    let found: AttributeValue | undefined;
    let level: Image | undefined = item;
    for (const step of steps) {
      found = level?.[step.startsWith('#') ? substituted(names, step) : step];
      level = found?.M;
    }
    return found;
  };
}

const atLeast = (order: number) => order >= 0;
const atMost = (order: number) => order <= 0;

/** False where either is missing or their types differ. Strings are compared as UTF-8 bytes: for what we store, as JavaScript does. */
function ordered(
  left: AttributeValue | undefined,
  right: AttributeValue | undefined,
  holds: (order: number) => boolean,
): boolean {
  if (left?.N !== undefined && right?.N !== undefined) return holds(Number(left.N) - Number(right.N));
  if (left?.S !== undefined && right?.S !== undefined) return holds(left.S < right.S ? -1 : left.S > right.S ? 1 : 0);
  return false;
}

function isEqual(left: AttributeValue | undefined, right: AttributeValue | undefined): boolean {
  if (!left || !right) return false;
  if (left.S !== undefined || right.S !== undefined) return left.S === right.S;
  if (left.N !== undefined && right.N !== undefined) return Number(left.N) === Number(right.N);
  return JSON.stringify(left) === JSON.stringify(right);
}

/** Compiled once for each text: the engine has few. */
export function cached<T>(compile: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const compiled = compile(text);
    known.set(text, compiled);
    return compiled;
  };
}

/** @throws InvalidExpressionError when it isn't a condition that the model knows. */
export const condition = cached((text: string): Condition => {
  const parser = new Parser(text);
  const compiled = parser.condition();
  if (!parser.done) throw new InvalidExpressionError(`"${text}": "${parser.peek()}" is left over`);
  return compiled;
});

/** @throws InvalidExpressionError when it isn't an update that the model knows. */
export const update = cached((text: string): Update => {
  const parser = new Parser(text);
  const clauses: Update[] = [];
  while (!parser.done) {
    const clause = parser.take().toUpperCase();
    do clauses.push(clauseOf(clause, parser, text));
    while (parser.accept(','));
  }
  return (scope, next) => {
    for (const apply of clauses) apply(scope, next);
  };
});

function clauseOf(clause: string, parser: Parser, text: string): Update {
  const name = parser.written();
  switch (clause) {
    case 'SET': {
      parser.expect('=');
      const value = parser.operand();
      return (scope, next) => {
        const found = value(scope);
        if (!found) throw new InvalidExpressionError(`"${text}": a value is missing`);
        next[name(scope.names)] = found;
      };
    }
    case 'REMOVE':
      return ({ names }, next) => {
        delete next[name(names)];
      };
    case 'ADD': {
      const value = parser.operand();
      return (scope, next) => {
        const key = name(scope.names);
        next[key] = { N: String(Number(scope.item[key]?.N ?? 0) + Number(value(scope)?.N)) };
      };
    }
    default:
      throw new InvalidExpressionError(`"${text}": ${clause} isn't modelled`);
  }
}

/** Which attributes a ProjectionExpression keeps; nested paths keep their place. */
export const projection = cached((text: string) => {
  const paths = text.split(',').map((path) => path.trim().split('.'));
  return (item: Image, names: Names): Image => {
    const kept: Record<string, AttributeValue> = {};
    for (const path of paths)
      keep(
        item,
        kept,
        path.map((step) => (step.startsWith('#') ? substituted(names, step) : step)),
      );
    return kept;
  };
});

function keep(from: Image, to: Record<string, AttributeValue>, [step = '', ...deeper]: readonly string[]): void {
  const found = from[step];
  if (!found) return;
  if (deeper.length === 0) {
    to[step] = found;
    return;
  }
  if (!found.M) return;
  const inner = { ...to[step]?.M };
  keep(found.M, inner, deeper);
  if (Object.keys(inner).length > 0) to[step] = { M: inner };
}

/** Names and values that a text uses: the engine has few texts. */
const usedIn = cached((text: string): readonly string[] => [
  ...new Set(text.match(/[#:][A-Za-z_][A-Za-z0-9_]*/g) ?? []),
]);

/**
 * "Expression attribute names and values" must be used, and what is used must be there, or the request is refused as a whole. Nested names
 * (`#data.target`) count.
 */
export function assertSubstitutions(texts: readonly (string | undefined)[], names: Names, values: Values): void {
  for (const text of texts)
    if (text !== undefined)
      for (const name of usedIn(text))
        if (names[name] === undefined && values[name] === undefined)
          throw new InvalidExpressionError(`${name} isn't defined`);
  assertUsed(texts, names);
  assertUsed(texts, values);
}

function assertUsed(texts: readonly (string | undefined)[], given: Names | Values): void {
  for (const name in given)
    if (!texts.some((text) => text !== undefined && usedIn(text).includes(name)))
      throw new InvalidExpressionError(`${name} is not used`);
}
