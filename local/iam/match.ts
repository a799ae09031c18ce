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

/**
 * @param resource an ARN, or `*` for an action that is on no resource: only the pattern `*` allows that.
 */
export function matchesArn(pattern: string, resource: string): boolean {
  if (pattern === '*') return true;
  const [patterns, parts] = [pattern.split(':'), resource.split(':')];
  if (patterns.length <= HEAD) return pattern.endsWith('*') && matchesText(pattern, resource);
  const isHead = patterns.slice(0, HEAD).every((each, index) => matchesText(each, parts[index] ?? ''));
  return isHead && parts.length > HEAD && matchesText(patterns.slice(HEAD).join(':'), parts.slice(HEAD).join(':'));
}
