/** What `doctor` says of Nightshift's login on a database. Pure. */
import type { DatabaseConfig } from '../engine/config.ts';
import type { Finding } from '../engine/remediation.ts';
import type { NoConnection } from './session.ts';

/** What may be wrong once it is in: whether it is so, what that is, what to do. */
export type Fault = readonly [isSo: boolean, what: string, todo: string];

/** That it gets in, and each fault that it has. */
export const loginFindings = ({ user }: Pick<DatabaseConfig, 'user'>, faults: readonly Fault[]): readonly Finding[] => [
  { verdict: 'ok', what: `login ${user} gets in` },
  ...faults.filter(([isSo]) => isSo).map(([, what, todo]): Finding => ({ verdict: 'wrong', what, todo })),
];

/** Why it doesn't get in, and what to do about it. */
export function noConnectionFinding({ user }: Pick<DatabaseConfig, 'user'>, { failure, why }: NoConnection): Finding {
  switch (failure) {
    case 'auth':
      return {
        verdict: 'wrong',
        what: why,
        todo: `create the login ${user}, grant rds_iam to it, and allow rds-db:connect to whoever runs this`,
      };
    case 'no-slot':
      return {
        verdict: 'wrong',
        what: `every connection is taken, also for ${user}`,
        todo: `set the parameter reserved_connections above 0 and grant pg_use_reserved_connections to ${user} (PostgreSQL 16 and later)`,
      };
    case 'unreachable':
      return {
        verdict: 'unknown',
        what: `it can't be reached from here: ${why}`,
        todo: 'run this from within the network of the database to have its login checked',
      };
    case 'other':
      return {
        verdict: 'unknown',
        what: why,
        todo: "if it is about a certificate: let NODE_EXTRA_CA_CERTS name the bundle with Amazon RDS's authorities",
      };
    default:
      return failure satisfies never;
  }
}
