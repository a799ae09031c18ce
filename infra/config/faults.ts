/** Faults of a configuration: all of them at once, each with its path, the value given and what is allowed. */
import leven from 'leven';
import { z } from 'zod';

export interface Fault {
  /** Where, as it is written: `services.backend.maxTasks`. */
  readonly path: string;
  /** The value given, as JSON; `undefined` when it is missing. */
  readonly given: string | undefined;
  /** What is allowed, or what to do, as a sentence fragment. */
  readonly expected: string;
}

/** Thrown with every fault of a configuration. Commands that meet it exit with 2. */
export class ConfigurationError extends Error {
  readonly faults: readonly Fault[];
  constructor(source: string, faults: readonly Fault[]) {
    const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
    super([`${source}: ${count}`, ...faults.map((fault) => `  ${formatFault(fault)}`)].join('\n'));
    this.name = 'ConfigurationError';
    this.faults = faults;
  }
}

/** One line: path, value given, what is allowed. */
export function formatFault({ path, given, expected }: Fault): string {
  return `${path || '(top level)'}: ${given === undefined ? 'missing' : given}; ${expected}`;
}

/** `undefined` when nothing known is near enough to be what was meant. */
export function didYouMean(given: string, known: readonly string[]): string | undefined {
  const nearest = known
    .map((candidate) => ({ candidate, distance: leven(given.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return nearest && nearest.distance <= Math.max(2, Math.floor(given.length / 3)) ? nearest.candidate : undefined;
}

/** Sentence fragment for a name that isn't known. */
export function unknownName(given: string, known: readonly string[]): string {
  const meant = didYouMean(given, known);
  if (meant) return `unknown; did you mean '${meant}'?`;
  return known.length === 0 ? 'unknown; there are none' : `unknown; known are ${[...known].sort().join(', ')}`;
}

export const formatPath = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((written, part) => {
    if (typeof part === 'number') return `${written}[${part}]`;
    return written === '' ? String(part) : `${written}.${String(part)}`;
  }, '');

/** The value at a path of the input; `undefined` when something on the way is missing. */
export function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, part) => (isRecord(value) ? value[String(part)] : undefined), input);
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

export const asGiven = (value: unknown): string | undefined =>
  value === undefined ? undefined : JSON.stringify(value);

/** Turns the issues of a failed parse into faults; an unknown key becomes a fault of its own, with a suggestion. */
export function faultsOf(issues: readonly z.core.$ZodIssue[], schema: z.ZodType, input: unknown): Fault[] {
  return issues.flatMap((issue): Fault[] => {
    if (issue.code === 'unrecognized_keys') {
      const known = keysAt(schema, issue.path);
      return issue.keys.map((key) => ({
        path: formatPath([...issue.path, key]),
        given: asGiven(valueAt(input, [...issue.path, key])),
        expected: unknownName(key, known),
      }));
    }
    const expected =
      issue.code === 'invalid_key' ? issue.issues.map((inner) => inner.message).join('; ') : describe(issue);
    return [{ path: formatPath(issue.path), given: asGiven(shown(issue.path, valueAt(input, issue.path))), expected }];
  });
}

/** What tells the members of a union apart, by the field's name: windows by `repeats`, channels by `kind`. */
const UNIONS: Readonly<Record<string, string>> = {
  repeats: 'weekly or never',
  kind: 'one of slack, teams, pagerduty, webhook, email, sns',
};

/** Where a secret's ARN belongs, the secret itself may have been written: it isn't repeated. */
const shown = (path: readonly PropertyKey[], value: unknown): unknown =>
  typeof value === 'string' && String(path.at(-1)).endsWith('SecretArn') && !value.startsWith('arn:')
    ? '(not shown)'
    : value;

function describe(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${issue.expected}`;
    case 'too_small':
      return `allowed is ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
    case 'too_big':
      return `allowed is ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`;
    case 'invalid_value':
      return `allowed is one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_union':
      return `allowed is ${UNIONS[issue.discriminator ?? ''] ?? 'another form'}`;
    case 'invalid_format':
      return issue.message.startsWith('Invalid') ? `expected ${issue.format}` : `expected ${issue.message}`;
    default:
      return issue.message;
  }
}

/** Names that the closed object at a path knows. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const found = path.reduce<z.core.$ZodType | undefined>((current, part) => {
    const inner = current && unwrap(current);
    if (inner instanceof z.ZodObject) return inner.shape[String(part)];
    if (inner instanceof z.ZodRecord) return inner.valueType;
    if (inner instanceof z.ZodArray) return inner.element;
    return undefined;
  }, schema);
  const inner = found && unwrap(found);
  if (inner instanceof z.ZodDiscriminatedUnion)
    return inner.options.flatMap((option) => keysAt(option as z.ZodType, []));
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

/** What is inside `.optional()`, `.default()` and `.prefault()`. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return unwrap(schema.unwrap());
  return schema;
}
