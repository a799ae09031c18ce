/**
 * Whether a role's own policies allow something (IAM User Guide, "Policy evaluation for requests within a single account"): an explicit
 * Deny wins, else one Allow is enough, else no. Resource policies, boundaries, session and organization policies aren't looked at.
 */
import { matchesAction, matchesArn, matchesText } from './match.ts';

/** Operator -> condition key -> values. Every operator and key must hold; of the values, one. */
export type Conditions = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions: Conditions;
}

/** One thing that IAM is asked: an API call asks one or more of them. */
export interface Need {
  /** `service:Action`, as policies name it. */
  readonly action: string;
  /** An ARN, or `*` where the action is on no resource. */
  readonly resource: string;
  /** Condition keys that the call itself gives; some have several values. */
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

export type Verdict = 'allowed' | 'denied' | 'not allowed';

/** The operators that are evaluated (IAM User Guide, "IAM JSON policy elements: Condition operators"). */
const OPERATORS: Readonly<Record<string, (pattern: string, value: string) => boolean>> = {
  StringEquals: (pattern, value) => pattern === value,
  StringLike: matchesText,
  // "ArnEquals and ArnLike behave identically", with wildcards in both.
  ArnEquals: matchesArn,
  ArnLike: matchesArn,
};

/**
 * "Set operators for multivalued context keys", IAM User Guide: every value of the request must match one of the policy's; a request without the
 * key matches, too.
 */
const FOR_ALL = 'ForAllValues:';
/** "Condition operator to check existence of condition keys": `true` when the key must be absent, `false` when it must be there. */
const NULL = 'Null';

/** Condition keys whose value is known here; by whom it is given is in `requests.ts` and `iam.ts`. */
const KEYS = [
  'lambda:SourceFunctionArn',
  'application-autoscaling:service-namespace',
  'application-autoscaling:scalable-dimension',
  'ses:FromAddress',
  'iam:PassedToService',
  'kms:ViaService',
  'ecs:CreateAction',
  'dynamodb:LeadingKeys',
  'events:detail-type',
  'events:source',
  'route53:ChangeResourceRecordSetsNormalizedRecordNames',
  'route53:ChangeResourceRecordSetsRecordTypes',
  'route53:ChangeResourceRecordSetsActions',
];

/** A policy says something that isn't evaluated here: rather no answer than a wrong one. */
export class UnsupportedPolicyError extends Error {
  override readonly name = 'UnsupportedPolicyError';
}

/** @throws UnsupportedPolicyError for an operator or key that `judge` doesn't know. */
export function checkConditions(where: string, conditions: Conditions): void {
  for (const [operator, keys] of Object.entries(conditions)) {
    if (operator !== NULL && !OPERATORS[operator.replace(FOR_ALL, '')])
      throw new UnsupportedPolicyError(
        `${where}: condition operator ${operator} isn't evaluated; known are ${[...Object.keys(OPERATORS), NULL].join(', ')}, and ${FOR_ALL} before them`,
      );
    for (const key of Object.keys(keys))
      if (!KEYS.includes(key))
        throw new UnsupportedPolicyError(
          `${where}: condition key ${key} has no value here; known are ${KEYS.join(', ')}`,
        );
  }
}

/** Whether a statement is about what is asked. A key without a value doesn't match, as on AWS. */
export function concerns(statement: Statement, need: Need): boolean {
  return (
    statement.actions.some((pattern) => matchesAction(pattern, need.action)) &&
    statement.resources.some((pattern) => matchesArn(pattern, need.resource)) &&
    Object.entries(statement.conditions).every(([operator, keys]) =>
      Object.entries(keys).every(([key, patterns]) => holds(operator, patterns, valuesOf(need.context?.[key]))),
    )
  );
}

const valuesOf = (given: string | readonly string[] | undefined): readonly string[] =>
  given === undefined ? [] : typeof given === 'string' ? [given] : given;

function holds(operator: string, patterns: readonly string[], values: readonly string[]): boolean {
  if (operator === NULL) return patterns.includes(String(values.length === 0));
  const matches = OPERATORS[operator.replace(FOR_ALL, '')];
  const any = (value: string) => patterns.some((pattern) => matches?.(pattern, value) === true);
  // Without a set operator the key has one value, and has to be there.
  return operator.startsWith(FOR_ALL) ? values.every(any) : values.length === 1 && values.every(any);
}

export function judge(statements: readonly Statement[], need: Need): Verdict {
  const found = statements.filter((statement) => concerns(statement, need));
  if (found.some(({ effect }) => effect === 'Deny')) return 'denied';
  return found.length > 0 ? 'allowed' : 'not allowed';
}
