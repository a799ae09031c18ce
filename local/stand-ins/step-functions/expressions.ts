/**
 * JSONata in definitions ("Transforming data with JSONata in Step Functions"): a string `{% ... %}` is an expression, wherever it stands in a template. The
 * language is npm `jsonata`; Step Functions adds six functions and has no `$eval`.
 */
import { createHash, randomUUID } from 'node:crypto';
import jsonata from 'jsonata';
import { StatesError } from './errors.ts';
import type { Json } from './types.ts';

/** What expressions see, each under its name with a dollar sign: `states`, and the variables. */
export type Bindings = Readonly<Record<string, unknown>>;

/** A loop in an expression ends here; AWS publishes no number. */
const EVALUATION_LIMIT_MS = 5_000;

/** The expression inside `{% ... %}`, or nothing for plain text. */
export function expressionIn(text: string): string | undefined {
  return text.startsWith('{%') && text.endsWith('%}') && text.length >= 4 ? text.slice(2, -2).trim() : undefined;
}

/** What is wrong with the syntax of an expression, if anything. */
export function syntaxError(expression: string): string | undefined {
  try {
    jsonata(expression);
    return undefined;
  } catch (error) {
    return told(error);
  }
}

/**
 * Fills in a template: every expression in it gives way to its value.
 * @param field where the template stands in its state, such as `Arguments`; told in errors.
 * @throws StatesError States.QueryEvaluationError when an expression throws, or gives nothing or something that isn't JSON.
 */
export async function evaluate(template: Json, bindings: Bindings, field: string): Promise<Json> {
  if (typeof template === 'string') {
    const expression = expressionIn(template);
    return expression === undefined ? template : evaluateOne(expression, bindings, field);
  }
  if (Array.isArray(template))
    return Promise.all(template.map((each: Json, index) => evaluate(each, bindings, `${field}[${index}]`)));
  if (template === null || typeof template !== 'object') return template;
  const entries = Object.entries(template).map(
    async ([key, value]) => [key, await evaluate(value, bindings, `${field}/${key}`)] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

async function evaluateOne(expression: string, bindings: Bindings, field: string): Promise<Json> {
  const about = `The JSONata expression '${expression}' specified for the field '${field}'`;
  let value: unknown;
  try {
    const compiled = jsonata(expression, { timeout: EVALUATION_LIMIT_MS });
    value = await compiled.evaluate(undefined, { ...FUNCTIONS, ...bindings });
  } catch (error) {
    throw new QueryEvaluationError(`${about} threw an error during evaluation. ${told(error)}`, field);
  }
  if (value === undefined) throw new QueryEvaluationError(`${about} returned nothing (undefined).`, field);
  if (isFunction(value)) throw new QueryEvaluationError(`${about} returned a function, which isn't JSON.`, field);
  // Written and read again: the package marks its sequences with properties of their own.
  return JSON.parse(JSON.stringify(value)) as Json;
}

/** An expression couldn't be evaluated; `location` is the field it stands in. */
export class QueryEvaluationError extends StatesError {
  readonly location: string;
  constructor(causeText: string, location: string) {
    super('States.QueryEvaluationError', causeText);
    this.location = location;
  }
}

const isFunction = (value: unknown): boolean =>
  typeof value === 'function' ||
  (typeof value === 'object' && value !== null && ('_jsonata_lambda' in value || '_jsonata_function' in value));

function told(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return code === undefined ? String(message ?? error) : `${code}: ${String(message)}`;
}

const HASHES: Readonly<Record<string, string>> = {
  MD5: 'md5',
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
};

function hash(content: unknown, algorithm: unknown): string {
  const known = HASHES[String(algorithm ?? 'SHA-256')];
  if (!known) throw new Error(`$hash knows ${Object.keys(HASHES).join(', ')}, not ${String(algorithm)}`);
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  return createHash(known).update(text).digest('hex');
}

const MOST_IN_RANGE = 1_000;

function range(first: number, last: number, step: number): number[] {
  if (![first, last, step].every(Number.isFinite) || step === 0)
    throw new Error('$range takes a first value, a last value and a step other than 0');
  const count = Math.max(0, Math.floor((last - first) / step) + 1);
  if (count > MOST_IN_RANGE) throw new Error(`$range gives at most ${MOST_IN_RANGE} values, not ${count}`);
  return Array.from({ length: count }, (_, index) => first + index * step);
}

function partition(list: unknown, size: number): unknown[][] {
  if (!Array.isArray(list) || !Number.isInteger(size) || size < 1)
    throw new Error('$partition takes an array and a size of at least 1');
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  );
}

/** Between 0 and 1; the same for the same seed (mulberry32, as AWS doesn't say how). */
function random(seed: number | undefined): number {
  if (seed === undefined) return Math.random();
  let state = (Math.trunc(seed) + 0x6d2b79f5) | 0;
  state = Math.imul(state ^ (state >>> 15), state | 1);
  state ^= state + Math.imul(state ^ (state >>> 7), state | 61);
  return ((state ^ (state >>> 14)) >>> 0) / 2 ** 32;
}

/** "JSONata functions provided by Step Functions". */
const FUNCTIONS: Bindings = {
  hash,
  range,
  partition,
  random,
  uuid: () => randomUUID(),
  parse: (text: string) => JSON.parse(text),
  eval: undefined,
};
