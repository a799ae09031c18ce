/** Which user comes next, and whether a user is let in, shut out, or in use. Pure. The services' and the secret's part is in `rolling.ts`. */
import type { Change, Json } from '../../engine/remediation.ts';
import { type SwitchSeen, unrollable } from '../rolling.ts';
import type { StepDecision, StepProof } from '../step.ts';
import type { Credential } from './credential.ts';
import type { User } from './helper/orders.ts';

export type Input = {
  readonly database: string;
  readonly emergency?: boolean | undefined;
  readonly reason?: string | undefined;
};

/** What `look` leaves for the later steps. */
export type Looked = {
  /** Id of the version that was the current one. */
  readonly from: string;
  readonly oldUser: string;
  readonly newUser: string;
  /** The other user could log in before: by a password that somebody else may know. */
  readonly couldLogin: boolean;
};

/** What is seen of the users; that nobody lets us look is seen, too. */
export type UsersSeen =
  | { readonly kind: 'users'; readonly users: readonly User[] }
  | { readonly kind: 'refused'; readonly passing: boolean; readonly why: string };

export interface LookSeen extends SwitchSeen {
  readonly logins: UsersSeen;
  /** Of the current version; undefined: not such JSON. */
  readonly credential:
    | (Pick<Credential, 'username' | 'host' | 'port'> & { readonly dbname?: string | undefined })
    | undefined;
  /** Secrets Manager rotates it itself. */
  readonly rotatesItself: boolean;
}

export interface LookSettings {
  readonly users: readonly string[];
  readonly login: string;
  readonly address: { readonly host: string; readonly port: number };
  /** The database in which rights are compared and the new login is tried. */
  readonly databaseName: string;
}

const POLL_SECONDS = 5;
const fail = (reason: string): StepDecision => ({ kind: 'fail', reason });

/** Everything that can be known beforehand is found wrong here, before anything is made. */
export function look(seen: LookSeen, { users, login, address, databaseName }: LookSettings): StepDecision {
  const { versions, credential, logins, services, rotatesItself } = seen;
  if (rotatesItself)
    return fail(
      'Secrets Manager rotates this secret itself (RotationEnabled): two that do would undo each other’s work',
    );
  if (versions.current === undefined) return fail('the secret has no current version');
  if (!credential)
    return fail('the secret isn’t JSON with username and password, or has the password in another place, too');
  const { username: oldUser, host, port, dbname } = credential;
  if ((host !== undefined && host !== address.host) || (port !== undefined && port !== address.port))
    return fail(`the secret names another instance than the configuration (${address.host}:${address.port})`);
  if (dbname !== undefined && dbname !== databaseName)
    return fail(`the secret names another database than the configuration (databaseName: ${databaseName})`);
  const newUser = users.find((each) => each !== oldUser);
  if (!users.includes(oldUser) || newUser === undefined)
    return fail(`the secret’s user is none of rotation.users (${users.join(', ')})`);
  if (logins.kind === 'refused')
    return logins.passing
      ? { kind: 'wait', seconds: POLL_SECONDS, detail: `${login} doesn't get in yet: ${logins.why}` }
      : fail(`${login} can't look: ${logins.why}`);
  const wrong = wrongWith(logins.users, { oldUser, newUser, login });
  if (wrong !== undefined) return fail(wrong);
  const unable = unrollable(services);
  if (unable.length > 0) return fail(unable.join('; '));
  const result: Looked = {
    ...{ from: versions.current, oldUser, newUser },
    couldLogin: logins.users.some(({ name, canLogin }) => name === newUser && canLogin),
  };
  return { kind: 'done', detail: `${newUser} is to take the place of ${oldUser}`, result };
}

function wrongWith(
  users: readonly User[],
  { oldUser, newUser, login }: { readonly oldUser: string; readonly newUser: string; readonly login: string },
): string | undefined {
  for (const name of [oldUser, newUser]) {
    const user = users.find((each) => each.name === name);
    if (!user) return `${name} isn't a user of the database: make it (docs/recovery.md)`;
    if (!user.mayEnd) return `${login} may not end sessions of ${name}: grant it pg_signal_backend (docs/recovery.md)`;
    if (!user.mayAlter) return `${login} may not change ${name}: grant it (docs/recovery.md)`;
  }
  const other = users.find(({ name }) => name === newUser);
  if (other && other.sessions > 0)
    return `${other.sessions} sessions are logged in as ${newUser}: whoever uses it would be locked out by its new password`;
  if (other && other.lacks > 0)
    return `${newUser} lacks ${other.lacks} of the rights that ${oldUser} has: grant them, best by one role that both are members of`;
  return undefined;
}

/** @param own id of the version that this run makes. */
export const decideCreate = ({ versions: { isMade } }: SwitchSeen, own: string, { newUser }: Looked): StepDecision =>
  isMade
    ? { kind: 'done', detail: `version ${own} is there` }
    : {
        kind: 'act',
        change: {
          summary: `make a version of the secret with ${newUser} and a new password`,
          before: { made: false },
          after: { made: true, version: own },
          undo: 'nothing: nobody reads it',
        },
      };

export const proveCreate = ({ versions: { isMade } }: SwitchSeen): StepProof =>
  isMade
    ? { kind: 'good', detail: 'the version is there' }
    : { kind: 'not-yet', detail: 'the version isn’t to be seen yet', seconds: POLL_SECONDS };

export const userIn = (seen: UsersSeen, name: string): User | undefined =>
  seen.kind === 'users' ? seen.users.find((each) => each.name === name) : undefined;

/** Whether a user may log in, as the change of a step. @param given what besides that changes. */
const loginChange = (summary: string, from: boolean, to: boolean, undo: string): StepDecision => ({
  kind: 'act',
  change: { summary, before: { login: from }, after: { login: to }, undo },
});

/** Whoever uses the other user by now would be locked out by its new password. */
export function decideSet(seen: UsersSeen, { newUser, couldLogin }: Looked): StepDecision {
  const sessions = userIn(seen, newUser)?.sessions ?? 0;
  if (sessions > 0) return fail(`${sessions} sessions are logged in as ${newUser} by now: somebody uses it`);
  return loginChange(`let ${newUser} log in with the new password`, couldLogin, true, `shut ${newUser} out again`);
}

const loginOf = (change: Pick<Change, 'before' | 'after'>, side: 'before' | 'after'): boolean =>
  (change[side] as { readonly login: boolean }).login;

/** Whether the user may log in, as the change wants it. */
export function proveLogin(change: Pick<Change, 'after'>, seen: UsersSeen, user: string): StepProof {
  if (seen.kind === 'refused')
    return seen.passing
      ? { kind: 'not-yet', detail: seen.why, seconds: POLL_SECONDS }
      : { kind: 'bad', detail: seen.why };
  const found = userIn(seen, user);
  const wanted = loginOf({ ...change, before: null }, 'after');
  // Shut out is whoever can't log in and isn't any more: a function may die before it has ended the sessions.
  if (found && !wanted && !found.canLogin && found.sessions > 0)
    return { kind: 'not-yet', detail: `${found.sessions} sessions of ${user} are being ended`, seconds: POLL_SECONDS };
  if (found?.canLogin === wanted) return { kind: 'good', detail: `${user} may ${wanted ? '' : 'not '}log in` };
  return { kind: 'bad', detail: found ? `${user} may ${wanted ? 'not ' : ''}log in` : `${user} is gone` };
}

/** Letting in and shutting out are the same however often they are done: what isn't seen to be so is done again. */
export const loginApplied = (change: Pick<Change, 'after'>, seen: UsersSeen, user: string): 'yes' | 'no' =>
  proveLogin(change, seen, user).kind === 'good' ? 'yes' : 'no';

export const decideUnset = (made: Change | undefined, { newUser }: Looked): StepDecision => {
  if (!made) return { kind: 'done', detail: 'nobody was let in' };
  if (loginOf(made, 'before'))
    return { kind: 'done', detail: `${newUser} could log in before, and still can, with a password that nobody uses` };
  return loginChange(`shut ${newUser} out again`, true, false, `let ${newUser} log in`);
};

/** What came of trying to log in as the new user. */
export type Tried =
  | { readonly kind: 'got-in' }
  | { readonly kind: 'refused'; readonly passing: boolean; readonly why: string };

export function decideTest(tried: Tried, { newUser }: Looked): StepDecision {
  if (tried.kind === 'got-in') return { kind: 'done', detail: `${newUser} gets in with what the new version says` };
  return tried.passing
    ? { kind: 'wait', seconds: POLL_SECONDS, detail: tried.why }
    : fail(`${newUser} doesn't get in with what the new version says: ${tried.why}`);
}

export const decideCut = ({ emergency = false }: Input, { oldUser }: Looked): StepDecision =>
  emergency
    ? loginChange(`shut ${oldUser} out and end its sessions`, true, false, 'none: its password has leaked')
    : { kind: 'done', detail: 'not an emergency: the earlier user stays until nobody uses it' };

export function decideRetire(seen: UsersSeen, { oldUser, newUser }: Looked): StepDecision {
  if (seen.kind === 'refused')
    return seen.passing ? { kind: 'wait', seconds: POLL_SECONDS, detail: seen.why } : fail(seen.why);
  const old = userIn(seen, oldUser);
  if (!old) return fail(`${oldUser} is gone from the database`);
  if (old.sessions > 0)
    return {
      kind: 'wait',
      seconds: POLL_SECONDS,
      detail: `${old.sessions} sessions are still logged in as ${oldUser}: somebody else uses it, or a service keeps what it read before`,
    };
  if (!old.canLogin) return { kind: 'done', detail: endOf({ oldUser, newUser }) };
  return loginChange(`shut ${oldUser} out`, true, false, `let ${oldUser} log in again`);
}

/** What came of it. */
export const endOf = ({ oldUser, newUser }: Pick<Looked, 'oldUser' | 'newUser'>): string =>
  `the services log in as ${newUser}; ${oldUser} is shut out`;

export const decideReadmit = (made: Change | undefined, { oldUser }: Looked): StepDecision =>
  made
    ? loginChange(`let ${oldUser} log in again`, false, true, `shut ${oldUser} out`)
    : { kind: 'done', detail: 'nobody was shut out' };

/** Plain data: interfaces among it have no index signature, so TypeScript doesn't see that. */
export const asJson = (value: object): Json => value as Json;
