/** Roles against recorded calls, both ways. Pure. */
import { judge, type Statement } from '../../local/iam/evaluate.ts';
import { matchesAction, matchesArn } from '../../local/iam/match.ts';
import type { Role } from '../../local/iam/roles.ts';
import type { RecordedCall } from '../../local/world/types.ts';
import { type Deployed, INVISIBLE, type Invisible } from './invisible-actions.ts';

/** One action on one resource, of one role. */
export interface Finding {
  /** The function that runs with the role, or the role's logical id when none does. */
  readonly role: string;
  readonly action: string;
  readonly resource: string;
}

export interface Comparison {
  /** How many roles were compared. */
  readonly roles: number;
  /** Asked for by a call, and not allowed. */
  readonly missing: readonly Finding[];
  /** Allowed, and neither asked for by any call nor needed by AWS unseen. */
  readonly unused: readonly Finding[];
}

/** What a function asked of IAM by one call or login. */
export type Use = Pick<RecordedCall, 'caller' | 'needs'>;
type Need = { readonly action: string; readonly resource: string };

const nameOf = (role: Role): string => role.functions.join(', ') || role.logicalId;
const once = <T>(items: readonly T[]): T[] => [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];

/** @param calls what functions asked for, such as the gateway's recorded calls. */
export function compare(
  roles: readonly Role[],
  calls: readonly Use[],
  deployed: Deployed,
  invisible: readonly Invisible[] = INVISIBLE,
): Comparison {
  const findings = roles.map((role) => {
    const needs = once(calls.flatMap(({ caller, needs = [] }) => (role.functions.includes(caller) ? needs : [])));
    return { missing: missingOf(role, needs), unused: unusedOf(role, needs, deployed, invisible) };
  });
  return {
    roles: roles.length,
    missing: findings.flatMap(({ missing }) => missing),
    unused: findings.flatMap(({ unused }) => unused),
  };
}

const missingOf = (role: Role, needs: readonly Need[]): Finding[] =>
  needs
    .filter((need) => judge(role.statements, need) !== 'allowed')
    .map(({ action, resource }) => ({ role: nameOf(role), action, resource }));

/** A Deny grants nothing, so it can't be too much. */
function unusedOf(role: Role, needs: readonly Need[], deployed: Deployed, invisible: readonly Invisible[]): Finding[] {
  const isUsed = ({ action, resource }: Need): boolean =>
    needs.some((need) => matchesAction(action, need.action) && matchesArn(resource, need.resource)) ||
    invisible.some((entry) => entry.actions.includes(action) && entry.neededBy(role, resource, deployed));
  return once(grantsOf(role.statements).filter((grant) => !isUsed(grant))).map(({ action, resource }) => ({
    role: nameOf(role),
    action,
    resource,
  }));
}

const grantsOf = (statements: readonly Statement[]): Need[] =>
  statements
    .filter(({ effect }) => effect === 'Allow')
    .flatMap(({ actions, resources }) =>
      actions.flatMap((action) => resources.map((resource) => ({ action, resource }))),
    );
