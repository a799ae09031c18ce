/**
 * Metric math, as far as alarms here use it (AWS page "Using math expressions with CloudWatch metrics"): + - * / with ids, numbers,
 * parentheses and comparisons, [arrays], METRICS(), SUM MAX MIN AVG over several series, FILL, IF, ABS CEIL FLOOR, AND OR.
 * Anything else is refused with a sentence. Every value is a series with one entry for each window; a number is a constant series.
 */
import { AwsFault } from '../../world/types.ts';

/** One value for each window, oldest first; `undefined` = missing. */
export type Values = readonly (number | undefined)[];

interface Context {
  readonly windows: number;
  readonly metrics: readonly string[];
  value(id: string): Values;
}
type Node = (context: Context) => Values | readonly Values[];

const refuse = (text: string, why: string): AwsFault =>
  new AwsFault(
    'ValidationError',
    `Metric math expression "${text}": ${why}. The local world knows a part of metric math only`,
  );

const TOKEN = /\s*(?:(\d+(?:\.\d+)?)|([A-Za-z_][A-Za-z0-9_]*)|(<=|>=|==|!=|&&|\|\||[-+*/(),<>[\]]))/y;

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw refuse(text, `can't read it from "${text.slice(at)}"`);
    tokens.push(match[1] ?? match[2] ?? match[3] ?? '');
  }
  return tokens;
}

const isMany = (value: Values | readonly Values[]): value is readonly Values[] => Array.isArray(value[0]);
const each = (parts: readonly Values[], combine: (values: readonly number[]) => number): Values =>
  (parts[0] ?? []).map((_, i) => {
    const present = parts.flatMap((part) => part[i] ?? []);
    return present.length === parts.length ? combine(present) : undefined;
  });
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const truth = (holds: boolean): number => (holds ? 1 : 0);

const BINARY: Record<string, (a: number, b: number) => number> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '<': (a, b) => truth(a < b),
  '>': (a, b) => truth(a > b),
  '<=': (a, b) => truth(a <= b),
  '>=': (a, b) => truth(a >= b),
  '==': (a, b) => truth(a === b),
  '!=': (a, b) => truth(a !== b),
  AND: (a, b) => truth(a !== 0 && b !== 0),
  OR: (a, b) => truth(a !== 0 || b !== 0),
  '&&': (a, b) => truth(a !== 0 && b !== 0),
  '||': (a, b) => truth(a !== 0 || b !== 0),
};
/** Loosest first. */
const LEVELS = [
  ['OR', '||'],
  ['AND', '&&'],
  ['==', '!=', '<', '>', '<=', '>='],
  ['+', '-'],
  ['*', '/'],
];

/** Over several series: aggregated window by window, skipping what is missing; over one series: one number for the whole. */
const REDUCERS: Record<string, (values: readonly number[]) => number> = {
  SUM: sum,
  AVG: (values) => sum(values) / values.length,
  MAX: (values) => Math.max(...values),
  MIN: (values) => Math.min(...values),
};
const UNARY: Record<string, (value: number) => number> = { ABS: Math.abs, CEIL: Math.ceil, FLOOR: Math.floor };

function reduce(value: Values | readonly Values[], combine: (values: readonly number[]) => number): Values {
  if (!isMany(value)) {
    const present = value.flatMap((v) => v ?? []);
    return value.map(() => (present.length > 0 ? combine(present) : undefined));
  }
  return (value[0] ?? []).map((_, i) => {
    const present = value.flatMap((series) => series[i] ?? []);
    return present.length > 0 ? combine(present) : undefined;
  });
}

function fill(series: Values, how: string | Values): Values {
  if (typeof how !== 'string') return series.map((value, i) => value ?? how[i]);
  let last: number | undefined;
  return series.map((value) => {
    last = value ?? last;
    return last;
  });
}

function parse(text: string): Node {
  const tokens = tokenize(text);
  let at = 0;
  const take = (expected?: string): string => {
    const token = tokens[at];
    if (token === undefined || (expected !== undefined && token !== expected))
      throw refuse(text, `expected ${expected ?? 'a value'}, got ${token ?? 'its end'}`);
    at += 1;
    return token;
  };
  const list = (close: string): Node[] => {
    const items: Node[] = [];
    while (tokens[at] !== close) {
      items.push(level(0));
      if (tokens[at] !== close) take(',');
    }
    take(close);
    return items;
  };
  const single =
    (node: Node): ((context: Context) => Values) =>
    (context) => {
      const value = node(context);
      if (isMany(value)) throw refuse(text, 'several series where one is expected');
      return value;
    };

  function call(name: string): Node {
    take('(');
    if (name === 'FILL') return fillCall();
    const args = list(')');
    const [first, second, third] = args;
    if (name === 'METRICS' && !first) return (c) => c.metrics.map((id) => c.value(id));
    const reducer = REDUCERS[name];
    if (reducer && first && !second) return (c) => reduce(first(c), reducer);
    const unary = UNARY[name];
    if (unary && first && !second) return (c) => single(first)(c).map((v) => (v === undefined ? v : unary(v)));
    if (name === 'IF' && first && second && third) {
      const [condition, yes, no] = [single(first), single(second), single(third)];
      return (c) => {
        const [ifYes, ifNo] = [yes(c), no(c)];
        return condition(c).map((v, i) => (v === undefined ? undefined : v !== 0 ? ifYes[i] : ifNo[i]));
      };
    }
    throw refuse(text, `${name} with ${args.length} arguments is not known here`);
  }
  function fillCall(): Node {
    const series = single(level(0));
    take(',');
    if (tokens[at] === 'LINEAR') throw refuse(text, 'FILL(..., LINEAR) is not known here');
    const repeat = tokens[at] === 'REPEAT' && take();
    const other = repeat ? undefined : single(level(0));
    take(')');
    return (c) => fill(series(c), other ? other(c) : 'REPEAT');
  }
  function primary(): Node {
    const token = take();
    if (token === '(') {
      const inner = level(0);
      take(')');
      return inner;
    }
    if (token === '[') {
      const items = list(']').map(single);
      return (c) => items.map((item) => item(c));
    }
    if (token === '-') {
      const operand = single(primary());
      return (c) => operand(c).map((v) => (v === undefined ? v : -v));
    }
    if (/^\d/.test(token)) return (c) => Array.from({ length: c.windows }, () => Number(token));
    if (tokens[at] === '(') return call(token);
    if (/^[a-z]/.test(token)) return (c) => c.value(token);
    throw refuse(text, `"${token}" is not known here`);
  }
  function level(depth: number): Node {
    const operators = LEVELS[depth];
    if (!operators) return primary();
    let left = level(depth + 1);
    while (operators.includes(tokens[at] ?? '')) {
      const combine = BINARY[take()];
      const [a, b] = [single(left), single(level(depth + 1))];
      left = (c) => each([a(c), b(c)], ([x = 0, y = 0]) => (combine ? combine(x, y) : Number.NaN));
    }
    return left;
  }
  const root = level(0);
  if (at < tokens.length) throw refuse(text, `unexpected "${tokens[at]}"`);
  return single(root);
}

export interface MathQuery {
  readonly id: string;
  /** Absent for a metric whose values are given. */
  readonly expression?: string;
}

/**
 * Values of every query, by id. `given` holds the metrics' own values.
 * @throws AwsFault `ValidationError` for what isn't known here, an unknown id, or expressions that refer to each other in a circle.
 */
export function evaluateMath(
  queries: readonly MathQuery[],
  given: ReadonlyMap<string, Values>,
  windows: number,
): ReadonlyMap<string, Values> {
  const done = new Map<string, Values>(given);
  const under = new Set<string>();
  const metrics = queries.filter((query) => query.expression === undefined).map((query) => query.id);
  const value = (id: string): Values => {
    const known = done.get(id);
    if (known) return known;
    const text = queries.find((query) => query.id === id)?.expression;
    if (text === undefined || under.has(id)) throw refuse(text ?? id, `the id "${id}" is unknown or refers to itself`);
    under.add(id);
    const result = parse(text)({ windows, metrics, value });
    // Division by zero gives no datapoint, as on AWS.
    const values = (result as Values).map((v) => (v !== undefined && Number.isFinite(v) ? v : undefined));
    done.set(id, values);
    return values;
  };
  for (const query of queries) value(query.id);
  return done;
}
