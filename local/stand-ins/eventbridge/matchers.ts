/** Comparison operators of event patterns (EventBridge user guide, "Comparison operators for use in event patterns in Amazon EventBridge"). */

/** The pattern itself is wrong: AWS refuses it when the rule is made. */
export class InvalidEventPattern extends Error {
  override readonly name = 'InvalidEventPatternException';
}

export type Leaf = string | number | boolean | null;
type Test = (value: Leaf) => boolean;

const isText = (value: unknown): value is string => typeof value === 'string';

/** `exists: false` is about absence, so it isn't a test on a value. */
export interface LeafMatcher {
  readonly matches: Test;
  readonly matchesAbsence: boolean;
}

function text(value: unknown, where: string): string {
  if (isText(value)) return value;
  throw new InvalidEventPattern(`${where}: expected a string, got ${JSON.stringify(value)}`);
}

/** `{"prefix": "x"}` or `{"prefix": {"equals-ignore-case": "x"}}`; the same for suffix. */
function affix(kind: 'prefix' | 'suffix', operand: unknown): Test {
  const test = (value: string, part: string) => (kind === 'prefix' ? value.startsWith(part) : value.endsWith(part));
  if (typeof operand === 'object' && operand !== null && 'equals-ignore-case' in operand) {
    const part = text(operand['equals-ignore-case'], kind).toLowerCase();
    return (value) => isText(value) && test(value.toLowerCase(), part);
  }
  const part = text(operand, kind);
  return (value) => isText(value) && test(value, part);
}

function wildcard(operand: unknown): Test {
  const pattern = text(operand, 'wildcard');
  // A backslash escapes a star or a backslash.
  const source = pattern.replace(/\\([*\\])|\*|[^*\\]+|\\/g, (part, escaped: string | undefined) => {
    if (part === '*') return '[\\s\\S]*';
    return (escaped ?? part).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  const expression = new RegExp(`^${source}$`);
  return (value) => isText(value) && expression.test(value);
}

const COMPARISONS: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  '=': (left, right) => left === right,
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
};

/** `{"numeric": [">", 0, "<=", 5]}`. */
function numeric(operand: unknown): Test {
  if (!Array.isArray(operand) || operand.length === 0 || operand.length % 2 !== 0)
    throw new InvalidEventPattern('numeric: expected pairs of operator and number');
  const tests: ((value: number) => boolean)[] = [];
  for (let at = 0; at < operand.length; at += 2) {
    const compare = COMPARISONS[String(operand[at])];
    const limit: unknown = operand[at + 1];
    if (!compare || typeof limit !== 'number') throw new InvalidEventPattern(`numeric: ${JSON.stringify(operand)}`);
    tests.push((value) => compare(value, limit));
  }
  return (value) => typeof value === 'number' && tests.every((test) => test(value));
}

function addressBits(address: string): { bits: bigint; size: number } | undefined {
  if (/^\d+(\.\d+){3}$/.test(address)) {
    const parts = address.split('.').map(Number);
    if (parts.some((part) => part > 255)) return undefined;
    return { bits: parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n), size: 32 };
  }
  if (!address.includes(':')) return undefined;
  const [head = '', tail] = address.split('::');
  const left = head ? head.split(':') : [];
  const right = tail ? tail.split(':') : [];
  const missing = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array<string>(Math.max(0, missing)).fill('0'), ...right];
  if (groups.length !== 8 || groups.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return { bits: groups.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n), size: 128 };
}

function cidr(operand: unknown): Test {
  const [base = '', length = ''] = text(operand, 'cidr').split('/');
  const network = addressBits(base);
  const bits = Number(length);
  if (!network || length === '' || !(bits >= 0 && bits <= network.size))
    throw new InvalidEventPattern(`cidr: ${String(operand)}`);
  const shift = BigInt(network.size - bits);
  return (value) => {
    const address = isText(value) ? addressBits(value) : undefined;
    return address !== undefined && address.size === network.size && address.bits >> shift === network.bits >> shift;
  };
}

const asList = (operand: unknown): readonly unknown[] => (Array.isArray(operand) ? operand : [operand]);

function anythingBut(operand: unknown): Test {
  if (typeof operand === 'object' && operand !== null && !Array.isArray(operand)) {
    const [[operator, inner] = ['', undefined]] = Object.entries(operand);
    const tests = asList(inner).map((one) => operators(operator, one, 'anything-but'));
    return (value) => isText(value) && !tests.some((test) => test(value));
  }
  const excluded = asList(operand);
  if (excluded.length === 0) throw new InvalidEventPattern('anything-but: expected at least one value');
  return (value) => !excluded.includes(value);
}

function equalsIgnoreCase(operand: unknown): Test {
  const wanted = text(operand, 'equals-ignore-case').toLowerCase();
  return (value) => isText(value) && value.toLowerCase() === wanted;
}

function operators(operator: string, operand: unknown, where: string): Test {
  switch (operator) {
    case 'prefix':
    case 'suffix':
      return affix(operator, operand);
    case 'equals-ignore-case':
      return equalsIgnoreCase(operand);
    case 'wildcard':
      return wildcard(operand);
    case 'anything-but':
      return anythingBut(operand);
    case 'numeric':
      return numeric(operand);
    case 'cidr':
      return cidr(operand);
    default:
      throw new InvalidEventPattern(`${where}: unrecognised operator "${operator}"`);
  }
}

/** One entry of a field's array in a pattern. @throws InvalidEventPattern. */
export function leafMatcher(entry: unknown): LeafMatcher {
  if (entry === null || typeof entry !== 'object') {
    return { matches: (value) => value === entry, matchesAbsence: false };
  }
  const [first, ...more] = Object.entries(entry);
  if (!first || more.length > 0 || Array.isArray(entry))
    throw new InvalidEventPattern(`expected one operator, got ${JSON.stringify(entry)}`);
  const [operator, operand] = first;
  if (operator === 'exists') {
    if (typeof operand !== 'boolean') throw new InvalidEventPattern('exists: expected true or false');
    return { matches: () => operand, matchesAbsence: !operand };
  }
  return { matches: operators(operator, operand, 'pattern'), matchesAbsence: false };
}
