/**
 * Event patterns (EventBridge user guide, "Creating Amazon EventBridge event patterns"). All named fields must match, one of the values of each;
 * an array in the event matches if one of its elements does; `$or` takes one of several patterns.
 */
import { InvalidEventPattern, type Leaf, type LeafMatcher, leafMatcher } from './matchers.ts';

export { InvalidEventPattern } from './matchers.ts';

/** Whether a compiled pattern accepts an event. */
export type CompiledPattern = (event: unknown) => boolean;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Scalars at this place: those of an array count one by one, objects don't count (they have fields, not a value). */
function leaves(value: unknown): readonly Leaf[] {
  if (value === undefined || isObject(value)) return [];
  if (Array.isArray(value)) return value.flatMap(leaves);
  return [value as Leaf];
}

function field(entries: readonly unknown[]): CompiledPattern {
  if (entries.length === 0) throw new InvalidEventPattern('empty arrays are not allowed');
  const matchers: readonly LeafMatcher[] = entries.map(leafMatcher);
  return (value) => {
    const found = leaves(value);
    return matchers.some(({ matches, matchesAbsence }) =>
      matchesAbsence ? found.length === 0 : found.some((leaf) => matches(leaf)),
    );
  };
}

function fields(pattern: Record<string, unknown>): CompiledPattern {
  const tests = Object.entries(pattern).map(([name, inner]): CompiledPattern => {
    // With fewer than two entries `$or` is an ordinary field's name.
    if (name === '$or' && Array.isArray(inner) && inner.length > 1 && inner.every(isObject)) {
      const ways = inner.map(fields);
      return (event) => ways.some((way) => way(event));
    }
    const test = compileValue(inner, name);
    return (event) => test(isObject(event) ? event[name] : undefined);
  });
  const matchesOne: CompiledPattern = (event) => tests.every((test) => test(event));
  return (event) => (Array.isArray(event) && event.length > 0 ? event.some(matchesOne) : matchesOne(event));
}

function compileValue(inner: unknown, name: string): CompiledPattern {
  if (Array.isArray(inner)) return field(inner);
  if (isObject(inner)) {
    if (Object.keys(inner).length === 0) throw new InvalidEventPattern(`"${name}": empty objects are not allowed`);
    return fields(inner);
  }
  throw new InvalidEventPattern(`"${name}" must be an object or an array`);
}

/**
 * @param pattern JSON text, or what it parses to.
 * @throws InvalidEventPattern saying which field or operator is wrong.
 */
export function compilePattern(pattern: unknown): CompiledPattern {
  let parsed = pattern;
  if (typeof pattern === 'string') {
    try {
      parsed = JSON.parse(pattern);
    } catch (error) {
      throw new InvalidEventPattern('Event pattern is not valid JSON', { cause: error });
    }
  }
  if (!isObject(parsed) || Object.keys(parsed).length === 0)
    throw new InvalidEventPattern('Event pattern is not valid. Reason: Filter is not an object or is empty');
  return fields(parsed);
}
