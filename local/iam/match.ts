/**
 * Matching of actions and resources against a policy's patterns (IAM User Guide, "IAM JSON policy elements: Action" and "... Resource"):
 * `*` is any text, `?` one character; action names don't mind case, ARNs do.
 */

const expressions = new Map<string, RegExp>();

function expressionOf(pattern: string, flags: string): RegExp {
  const key = `${flags} ${pattern}`;
  const known = expressions.get(key);
  if (known) return known;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const made = new RegExp(`^${source}$`, `s${flags}`);
  expressions.set(key, made);
  return made;
}

/** `*` and `?`, upper and lower case told apart: for StringLike, too. */
export const matchesText = (pattern: string, text: string): boolean => expressionOf(pattern, '').test(text);

export const matchesAction = (pattern: string, action: string): boolean => expressionOf(pattern, 'i').test(action);

/** Partition, service, region and account: each is matched by itself, what follows them as a whole. */
const HEAD = 5;
const splits = new Map<string, readonly string[]>();

/** The head's segments and the rest; policies hold few patterns, so they are kept. */
function parts(arn: string): readonly string[] {
  const segments = arn.split(':');
  return segments.length <= HEAD ? segments : [...segments.slice(0, HEAD), segments.slice(HEAD).join(':')];
}

function patternParts(pattern: string): readonly string[] {
  const known = splits.get(pattern);
  if (known) return known;
  const made = parts(pattern);
  splits.set(pattern, made);
  return made;
}

/**
 * @param resource an ARN, or `*` for an action that is on no resource: only the pattern `*` allows that.
 */
export function matchesArn(pattern: string, resource: string): boolean {
  if (pattern === '*') return true;
  const patterns = patternParts(pattern);
  if (patterns.length <= HEAD) return pattern.endsWith('*') && matchesText(pattern, resource);
  const given = parts(resource);
  return given.length > HEAD && patterns.every((each, index) => matchesText(each, given[index] ?? ''));
}
