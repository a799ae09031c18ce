/** The steps of `secret-rotation`: create, set, test and finish, with the services rolled before the earlier user is shut out. */
import { randomBytes } from 'node:crypto';
import * as z from 'zod/mini';
import type { DatabaseConfig, RotationConfig, RuntimeConfig, ServiceConfig } from '../../engine/config.ts';
import { ActionFailedError, ChangedBySomeoneElseError, OutOfTimeError, RetryableError } from '../../engine/errors.ts';
import type { ActReport } from '../../engine/remediation.ts';
import type { PlanCode } from '../around.ts';
import { planHandler } from '../handler.ts';
import { inputBy } from '../read-input.ts';
import { readAll } from '../roll-services.ts';
import { decideSwitch, nameOf, proveSwitch, type SwitchSeen, switchApplied, versionsOf } from '../rolling.ts';
import { changedSince, makeCurrent, makeVersion, readVersions, textOf, versionOfRun } from '../secret-versions.ts';
import { looksOnly, type Moved, proveStep, rollStep, switchBack } from '../shared-steps.ts';
import type { Move, StepCode, StepContext, Targets } from '../step.ts';
import { type AskLogins, askSealed, byFunction } from './by-function.ts';
import { credentialOf, withCredential } from './credential.ts';
import {
  decideCreate,
  decideCut,
  decideReadmit,
  decideRetire,
  decideSet,
  decideTest,
  decideUnset,
  endOf,
  type Input,
  type Looked,
  type LookSeen,
  loginApplied,
  look,
  proveCreate,
  proveLogin,
  type Tried,
  type UsersSeen,
  userIn,
} from './decide.ts';
import type { LoginAnswer, LoginOrder } from './helper/orders.ts';
import { manifest } from './manifest.ts';

const input = z.strictObject({
  database: z.string().check(z.minLength(1), z.maxLength(63)),
  emergency: z.optional(z.union([z.boolean(), z.stringbool()])),
  reason: z.optional(z.string().check(z.maxLength(500))),
});

type Context = StepContext<Input>;

interface Settings {
  readonly database: DatabaseConfig;
  readonly rotation: RotationConfig;
  readonly services: readonly ServiceConfig[];
}

function settingsIn({ database: name }: Input, config: Pick<RuntimeConfig, 'databases' | 'services'>) {
  const database = config.databases[name];
  if (!database?.rotation) return undefined;
  const services = Object.values(config.services).filter(({ dependsOn }) => dependsOn.includes(name));
  return { database, rotation: database.rotation, services };
}

/** @throws ActionFailedError when the configuration that is deployed by now doesn't have it any more. */
function settingsOf({ input: given, config }: Pick<Context, 'input' | 'config'>): Settings {
  const found = settingsIn(given, config);
  if (!found) throw new ActionFailedError(`databases.${given.database}.rotation: not in the configuration any more`);
  return found;
}

export function targetsOf(given: Input, config: RuntimeConfig): Targets {
  const found = settingsIn(given, config);
  if (found?.services.length === 0)
    return {
      kind: 'refused',
      why: `no service depends on ${given.database} (services.<name>.dependsOn): whoever uses the secret would keep what it read before`,
    };
  if (found)
    return {
      kind: 'targets',
      targets: [`rds-instance/${given.database}`, ...found.services.map((each) => `ecs-service/${nameOf(each)}`)],
    };
  const names = Object.keys(config.databases).filter((name) => settingsIn({ database: name }, config));
  return {
    kind: 'refused',
    why: `database: "${given.database}" has no "rotation" in the configuration; ${names.length > 0 ? `these have: ${names.join(', ')}` : 'no database has one (docs/recovery.md)'}`,
  };
}

/** Left by `look`, which every later step comes after. @throws ActionFailedError */
function lookedOf({ results }: Context): Looked {
  const found = results.look;
  if (found === undefined) throw new ActionFailedError('look left no result');
  return found as unknown as Looked;
}

const moved: Moved<Input> = {
  servicesOf: (context) => settingsOf(context).services,
  secretOf: (context) => settingsOf(context).rotation.secretArn,
};

async function observeSwitch(context: Context): Promise<SwitchSeen> {
  const { rotation, services } = settingsOf(context);
  const [versions, seen] = await Promise.all([
    readVersions(rotation.secretArn, versionOfRun(context.run)),
    readAll(services, context),
  ]);
  return { versions, services: seen };
}

/** Directly before users are changed: hours may have gone by since the secret was looked at. @throws ChangedBySomeoneElseError when another version is the current one. */
async function mustBeCurrent(context: Context, version: string): Promise<void> {
  const { current } = await readVersions(moved.secretOf(context), versionOfRun(context.run));
  if (current !== version) throw changedSince(version, current);
}

/** The longest that `set-logins` may take, with a margin. */
const ASK_MS = (manifest.helper.timeoutSeconds + 6) * 1000;

/** 256 bits; printable, without what a shell or a URL would take for its own. */
const newPassword = (): string => randomBytes(32).toString('base64url');

/** The answer of a change. @throws RetryableError or ActionFailedError when it wasn't made. */
function mustBeDone(answer: LoginAnswer): ActReport {
  if (answer.kind === 'done') return { summary: answer.detail, data: {} };
  const why = answer.kind === 'refused' ? answer.why : `it answered ${answer.kind}`;
  throw answer.kind === 'refused' && answer.passing ? new RetryableError(why) : new ActionFailedError(why);
}

/** @param ask asks the function in the databases' network. */
export function secretRotation(ask: AskLogins): PlanCode<Input> {
  const steps: Record<string, StepCode<Input, never>> = {};
  const step = <Seen>(name: string, code: StepCode<Input, Seen>) => {
    // What a step sees is only ever given back to that step.
    steps[name] = code as unknown as StepCode<Input, never>;
  };

  const order = (context: Context, about: LoginOrder) => ask(about, context.config.name);
  /** What isn't surely over when this function is stopped could take effect after it was taken back. */
  const inTime =
    ({ remaining }: Context): AskLogins =>
    (about, deployment) => {
      if (remaining() < ASK_MS) throw new OutOfTimeError(`${remaining()} ms left, too little to ask set-logins`);
      return ask(about, deployment);
    };
  const observeUsers = async (context: Context): Promise<UsersSeen> => {
    const answer = await order(context, { ask: 'look', database: context.input.database });
    if (answer.kind === 'users' || answer.kind === 'refused') return answer;
    throw new ActionFailedError(`set-logins answered ${answer.kind} to a look`);
  };
  /** With the password of the version that this run made. @throws ActionFailedError when that isn't there. */
  const withPassword = async (context: Context, about: 'let-in' | 'try'): Promise<LoginAnswer> => {
    const { newUser } = lookedOf(context);
    const credential = credentialOf(await textOf(moved.secretOf(context), versionOfRun(context.run)));
    if (credential?.username !== newUser)
      throw new ActionFailedError(`the version of this run isn't that of ${newUser}: somebody else made it`);
    const { database } = context.input;
    return askSealed(
      inTime(context),
      (password) => ({ ask: about, database, user: newUser, password }),
      credential.password,
      context.config.name,
    );
  };
  /** @param version of the secret that is the current one, by which nobody logs in as the user. */
  const shutOut = async (context: Context, user: string, version: string): Promise<ActReport> => {
    await mustBeCurrent(context, version);
    const about = { ask: 'shut-out', database: context.input.database, user } as const;
    return mustBeDone(await inTime(context)(about, context.config.name));
  };
  /** Letting in or shutting out, proved by the server's own list of users. */
  const proved = (userOf: (looked: Looked) => string): Pick<Move<Input, UsersSeen>, 'alreadyApplied' | 'verify'> => ({
    alreadyApplied: (change, seen, context) => loginApplied(change, seen, userOf(lookedOf(context))),
    verify: (change, seen, context) => proveLogin(change, seen, userOf(lookedOf(context))),
  });
  const newUserOf = ({ newUser }: Looked) => newUser;
  const oldUserOf = ({ oldUser }: Looked) => oldUser;

  step<LookSeen>('look', {
    ...looksOnly('look'),
    async observe(context) {
      const { secretArn } = settingsOf(context).rotation;
      const [seen, logins] = await Promise.all([observeSwitch(context), observeUsers(context)]);
      const { current, rotatesItself } = seen.versions;
      const credential = current === undefined ? undefined : credentialOf(await textOf(secretArn, current));
      return { ...seen, logins, credential, rotatesItself: rotatesItself === true };
    },
    decide(seen, context) {
      const { database, rotation } = settingsOf(context);
      const { users, login } = rotation;
      return look(seen, { users, login, address: database, databaseName: database.databaseName });
    },
  });
  step<SwitchSeen>('create', {
    observe: observeSwitch,
    decide: (seen, context) => decideCreate(seen, versionOfRun(context.run), lookedOf(context)),
    async act(context) {
      const { from, newUser } = lookedOf(context);
      const secret = moved.secretOf(context);
      const text = withCredential(await textOf(secret, from), newUser, newPassword());
      if (text === undefined) throw new ActionFailedError('the secret isn’t what it was when it was looked at');
      await makeVersion(secret, versionOfRun(context.run), text);
      return { summary: `made a version of the secret for ${newUser}`, data: { version: versionOfRun(context.run) } };
    },
    alreadyApplied: (_change, { versions: { isMade } }) => (isMade ? 'yes' : 'no'),
    verify: (_change, seen) => proveCreate(seen),
  });
  step<UsersSeen>('set', {
    observe: observeUsers,
    decide: (seen, context) => decideSet(seen, lookedOf(context)),
    async act(context) {
      // Who uses the other user by now would be locked out.
      await mustBeCurrent(context, lookedOf(context).from);
      return mustBeDone(await withPassword(context, 'let-in'));
    },
    // That the user may log in doesn't tell by which password: setting it again is the same.
    alreadyApplied: () => 'no',
    verify: (change, seen, context) => proveLogin(change, seen, lookedOf(context).newUser),
    compensation: {
      decide: (_seen, context, made) => decideUnset(made, lookedOf(context)),
      act: (context) => shutOut(context, lookedOf(context).newUser, lookedOf(context).from),
      ...proved(newUserOf),
    },
  });
  step<Tried>('test', {
    ...looksOnly('test'),
    async observe(context) {
      if (context.rehearse) return { kind: 'got-in' };
      const answer = await withPassword(context, 'try');
      if (answer.kind === 'done') return { kind: 'got-in' };
      if (answer.kind === 'refused') return answer;
      throw new ActionFailedError(`set-logins answered ${answer.kind} to a try`);
    },
    decide: (tried, context) =>
      context.rehearse
        ? { kind: 'done', detail: 'a rehearsal: nobody was let in' }
        : decideTest(tried, lookedOf(context)),
  });
  step<SwitchSeen>('switch', {
    observe: observeSwitch,
    decide: (seen, context) => {
      const { from, newUser } = lookedOf(context);
      if (seen.versions.current !== from)
        return { kind: 'fail', reason: 'somebody made another version of the secret the current one meanwhile' };
      return decideSwitch(seen, versionOfRun(context.run), newUser);
    },
    async act(context, change) {
      const secret = moved.secretOf(context);
      const { current } = await readVersions(secret, versionOfRun(context.run));
      const { from, to } = versionsOf(change);
      if (current !== from && current !== to)
        throw new ChangedBySomeoneElseError('the secret', `the current version ${from}`, current ?? 'none');
      await makeCurrent({ secret, from, to });
      return { summary: `made the version for ${lookedOf(context).newUser} the current one`, data: versionsOf(change) };
    },
    alreadyApplied: switchApplied,
    verify: proveSwitch,
    compensation: switchBack(moved),
  });
  step<UsersSeen>('cut', {
    observe: observeUsers,
    decide: (_seen, context) => decideCut(context.input, lookedOf(context)),
    act: (context) => shutOut(context, lookedOf(context).oldUser, versionOfRun(context.run)),
    ...proved(oldUserOf),
  });
  step('roll', rollStep(moved));
  step('prove', proveStep(moved));
  step<UsersSeen>('retire', {
    observe: observeUsers,
    decide: (seen, context) =>
      context.rehearse
        ? {
            kind: 'done',
            detail: `a rehearsal: ${lookedOf(context).newUser} would take the place of ${lookedOf(context).oldUser}`,
          }
        : decideRetire(seen, lookedOf(context)),
    async act(context) {
      const { oldUser } = lookedOf(context);
      // A change that is made again may be hours old.
      const { sessions = 0 } = userIn(await observeUsers(context), oldUser) ?? {};
      if (sessions > 0) throw new RetryableError(`${sessions} sessions are logged in as ${oldUser}`);
      return shutOut(context, oldUser, versionOfRun(context.run));
    },
    alreadyApplied: proved(oldUserOf).alreadyApplied,
    verify: (change, seen, context) => {
      const proof = proveLogin(change, seen, lookedOf(context).oldUser);
      return proof.kind === 'good' ? { ...proof, detail: endOf(lookedOf(context)) } : proof;
    },
    compensation: {
      decide: (_seen, context, made) => decideReadmit(made, lookedOf(context)),
      act: async (context) =>
        mustBeDone(
          await inTime(context)(
            { ask: 'admit', database: context.input.database, user: lookedOf(context).oldUser },
            context.config.name,
          ),
        ),
      ...proved(oldUserOf),
    },
  });

  return {
    manifest,
    readInput: inputBy(input),
    targetsOf,
    steps,
  };
}

export const code = secretRotation(byFunction);
export const handler = planHandler(code);
