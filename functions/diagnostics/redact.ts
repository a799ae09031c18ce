/**
 * Takes out of a text from outside what looks like a secret. AWS's events and reasons shouldn't hold any; but an application's own words end up in some
 * of them (an exit message, a failing command), and what is attached to a page is kept and sent on. Pure.
 */

const HIDDEN = '[removed]';

const SECRETS: readonly (readonly [RegExp, string])[] = [
  // Whole private keys, also where a line break was turned into a space.
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, HIDDEN],
  // "IAM identifiers": access keys begin with AKIA, temporary ones with ASIA.
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, HIDDEN],
  // User and password of a URL.
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, `$1${HIDDEN}@`],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9+/_.=-]{8,}/gi, `$1 ${HIDDEN}`],
  // A JSON web token.
  [/\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g, HIDDEN],
  // key=value, "key": "value", with whatever stands before or after the telling word in the key.
  [
    /([\w.-]*(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)[\w.-]*["']?\s*[=:]\s*)(?:"[^"]*"|'[^']*'|[^\s,;&"')]+)/gi,
    `$1${HIDDEN}`,
  ],
  // Long runs of letters and digits without any other mark are keys far more often than words; digests of images are told apart by their prefix.
  [
    /(?<!sha256:)(?<![A-Za-z0-9+/_-])(?=[A-Za-z0-9+/]*[A-Z])(?=[A-Za-z0-9+/]*[a-z])(?=[A-Za-z0-9+/]*\d)[A-Za-z0-9+/]{40,}={0,2}/g,
    HIDDEN,
  ],
];

/** In UTF-16 units. What is beyond isn't looked at: AWS says less, and the time that a pattern takes grows with the square of it. */
const LOOKED_AT = 4_000;

/** @param limit UTF-16 units that are kept, never half a character. */
export function redact(text: string, limit = 300): string {
  const clean = SECRETS.reduce((left, [pattern, by]) => left.replace(pattern, by), text.slice(0, LOOKED_AT))
    // Control characters have no place in a page or a terminal.
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim();
  return clean.length <= limit ? clean : `${clean.slice(0, limit - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
