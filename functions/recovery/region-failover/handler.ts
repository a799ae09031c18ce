/** `region-failover`: its steps, put together of what they look at, what they decide (pure) and what they change. Nothing of the region that is lost is asked but its site. */
import { ECSClient } from '@aws-sdk/client-ecs';
import { PromoteReadReplicaCommand, RDSClient } from '@aws-sdk/client-rds';
import * as z from 'zod/mini';
import { readAuthority, writeAuthority } from '../../authority/items.ts';
import { type AuthorityAnswer, authorityAnswer, SET_AUTHORITY, SET_AUTHORITY_SECONDS } from '../../authority/orders.ts';
import { type Authority, restored, withdrawn } from '../../authority/rules.ts';
import { askerOf } from '../../databases/ask-function.ts';
import type { InstanceReading } from '../../databases/instance.ts';
import { probeSite } from '../../dns/probe.ts';
import { changingClientDefaults, clientDefaults, onceClientDefaults } from '../../engine/clients.ts';
import { ActionFailedError, ChangedBySomeoneElseError, classifyAwsError, RetryableError } from '../../engine/errors.ts';
import type { ActReport, Change } from '../../engine/remediation.ts';
import { sendOnce } from '../../engine/send-once.ts';
import { putNew } from '../../records/s3.ts';
import type { PlanCode } from '../around.ts';
import { planHandler } from '../handler.ts';
import { looksOnly, resultOf, sinceOf } from '../looking.ts';
import { inputBy } from '../read-input.ts';
import { setTasks } from '../set-tasks.ts';
import type { StepCode } from '../step.ts';
import {
  type Confirmed,
  confirm,
  countsOf,
  decidePromotion,
  decideScale,
  decideScaleBack,
  gate,
  type Input,
  type LagSeen,
  moved,
  type NameSeen,
  type Outlook,
  promotionApplied,
  provePromotion,
  proveScale,
  proveSite,
  type SeenService,
  scaleApplied,
  settled,
  steady,
  tell,
} from './decide.ts';
import {
  decideAdmission,
  decideGrantAgain,
  decideWithdraw,
  lapse,
  proveWithdraw,
  stillWrites,
  withdrawApplied,
} from './fence.ts';
import {
  type Context,
  pairOf,
  type Resolve,
  readAnswers,
  readAuthorityOf,
  readLag,
  readName,
  readOutlook,
  readReplica,
  readServices,
  readStandby,
  targetsOf,
} from './look.ts';
import { manifest } from './manifest.ts';

const reading = new ECSClient(clientDefaults());
const ecs = new ECSClient(changingClientDefaults());
/** A second promotion isn't the first one again: RDS refuses it, and that would look like a failure. */
const rds = new RDSClient(onceClientDefaults());

const input = z.strictObject({
  pair: z.string().check(z.minLength(1), z.maxLength(63)),
  fenced: z.optional(z.string().check(z.minLength(3), z.maxLength(300))),
  acceptLossSeconds: z.optional(
    z.union([z.literal('unknown'), z.coerce.number<string | number>().check(z.minimum(0), z.maximum(604_800))]),
  ),
  reason: z.optional(z.string().check(z.maxLength(500))),
});

const SITE = 'the standby';
const REHEARSED = { kind: 'done', detail: 'a rehearsal: nothing was promoted, and nobody was moved' } as const;

const scaleTo = (context: Context, change: Change): Promise<ActReport> =>
  setTasks(
    pairOf(context).services.map(({ target }) => target),
    { summary: change.summary, before: countsOf(change, 'before'), after: countsOf(change, 'after') },
    { reading, changing: ecs, how: 'compares' },
  );

/** The outage may have been confirmed long ago (frozen, asked again, taken up by another execution): a primary that is back is noticed here, while everything can be taken back. */
async function promote(context: Context, change: Change): Promise<ActReport> {
  const { replica: DBInstanceIdentifier, primaryProbeUrl } = pairOf(context).pair;
  const [live, primary, authority] = await Promise.all([
    readReplica(context),
    probeSite(primaryProbeUrl),
    readAuthorityOf(context),
  ]);
  const writes = stillWrites(authority, context.input, pairOf(context).pair, { ...context, now: context.now() });
  if (writes !== undefined)
    throw new ChangedBySomeoneElseError('the old primary', 'no authority to write', writes, 'it may write');
  if (primary.healthy > 0)
    throw new ChangedBySomeoneElseError('the primary', 'no good answer', tell(primary), 'it is back');
  if (promotionApplied(live) !== 'no')
    throw new ChangedBySomeoneElseError(DBInstanceIdentifier, 'an available read replica', live.kind);
  try {
    await sendOnce(() => rds.send(new PromoteReadReplicaCommand({ DBInstanceIdentifier })));
  } catch (error) {
    throw classifyAwsError(`promote ${DBInstanceIdentifier}`, error);
  }
  return { summary: change.summary, data: {} };
}

const TRIES = 5;

/** Withdraws the authority, or gives it back; others that wrote it meanwhile are no reason not to. @throws RetryableError when they were always faster. */
async function setAuthority(context: Context, change: Change): Promise<ActReport> {
  const { name } = pairOf(context).pair;
  const isWithdrawal = (change.after as { readonly state: string }).state === 'withdrawn';
  for (let tries = 1; tries <= TRIES; tries++) {
    const present = (await readAuthority(context.store, name)) ?? NEVER_GRANTED(name);
    // An earlier try of this write took effect, though its answer was lost.
    if (!isWithdrawal && present.state === 'granting')
      return { summary: change.summary, data: { until: present.until } };
    const next = isWithdrawal ? withdrawn(present, context.run) : restored(present, context.run);
    if (next === undefined)
      throw new ChangedBySomeoneElseError(`the authority of ${name}`, 'withdrawn by this run', present.state);
    if (await writeAuthority(context.store, next)) return { summary: change.summary, data: { until: next.until } };
  }
  throw new RetryableError(`pairs.${name}: others wrote its authority each of ${TRIES} times`);
}

const NEVER_GRANTED = (pair: string): Authority => ({ pair, state: 'granting', version: 0, until: 0 });

/** Frees the promoted database of a pair of the lease that it has of the old primary. @returns its answer. @throws EngineError */
export type Release = (pair: string, deployment: string) => Promise<AuthorityAnswer>;

const ask = askerOf(SET_AUTHORITY_SECONDS);
const byFunction: Release = async (pair, deployment) =>
  authorityAnswer.parse(await ask(`nightshift-${deployment}-${SET_AUTHORITY}`, { ask: 'release', pair }));

/** @throws ActionFailedError when the database has the guard and isn't freed. */
async function admit(context: Context, change: Change, release: Release): Promise<ActReport> {
  const authority = await readAuthorityOf(context);
  const answer = await release(pairOf(context).pair.name, context.config.name);
  if (answer.kind === 'released') return { summary: change.summary, data: {} };
  const why = answer.kind === 'refused' ? answer.why : 'set-authority answered something else';
  // A guard that was never there, or was taken away, holds nobody back: `prove` sees whether it can be written.
  const mayHaveNone = authority?.confirmed === undefined || authority.doubt !== undefined;
  if (answer.kind === 'refused' && answer.isNotSetUp && mayHaveNone)
    return { summary: `found no guard in the promoted database: ${why}`, data: {} };
  throw new ActionFailedError(why);
}

async function writeSwitch(context: Context): Promise<ActReport> {
  const { bucket, key } = pairOf(context).pair.switch;
  const body = `${context.run}: the standby serves since ${new Date(context.now()).toISOString()}\n`;
  const isNew = await putNew({ bucket, key, contentType: 'text/plain', body }, { region: context.config.region });
  return { summary: `${isNew ? 'wrote' : 'found'} s3://${bucket}/${key}`, data: { bucket, key } };
}

/** @param resolve of names; the function's own resolver when left out. */
export function regionFailover(resolve?: Resolve, release: Release = byFunction): PlanCode<Input> {
  const steps: Record<string, StepCode<Input, never>> = {};
  const step = <Seen>(name: string, code: StepCode<Input, Seen>) => {
    // What a step sees is only ever given back to that step.
    steps[name] = code as unknown as StepCode<Input, never>;
  };
  step<Outlook>('confirm', {
    ...looksOnly('confirm'),
    observe: readOutlook,
    decide: (seen, context) =>
      confirm(seen, pairOf(context).pair, {
        ...{ now: context.now(), before: resultOf<Confirmed>(context, 'confirm'), rehearse: context.rehearse },
      }),
  });
  step<Authority | undefined>('withdraw', {
    observe: readAuthorityOf,
    decide: (seen, context) => decideWithdraw(seen, pairOf(context).pair, context.run),
    act: setAuthority,
    alreadyApplied: (_change, seen, context) => withdrawApplied(seen, context.run),
    verify: (change, seen, context) => proveWithdraw(change, seen, context.run),
    compensation: {
      decide: (seen, context, made) => decideGrantAgain(seen, made, context.run),
      act: setAuthority,
      alreadyApplied: (_change, seen) => (seen?.state === 'granting' ? 'yes' : 'no'),
      verify: (change, seen) =>
        seen?.state === 'granting'
          ? { kind: 'good', detail: change.summary }
          : { kind: 'bad', detail: 'another run has withdrawn it' },
    },
  });
  step<LagSeen>('gate', {
    ...looksOnly('gate'),
    observe: readLag,
    decide: (seen, context) => {
      const { now, rehearse } = context;
      const { sickSince = now(), cutAt = sickSince } = resultOf<Confirmed>(context, 'confirm') ?? {};
      return gate(seen, context.input, pairOf(context).pair, { sickSince, cutAt, rehearse });
    },
  });
  step<readonly SeenService[]>('scale', {
    observe: readServices,
    decide: decideScale,
    act: scaleTo,
    alreadyApplied: scaleApplied,
    verify: proveScale,
    compensation: {
      decide: (seen, _context, made) => decideScaleBack(seen, made),
      act: scaleTo,
      alreadyApplied: scaleApplied,
      verify: proveScale,
    },
  });
  step<Authority | undefined>('lapse', {
    ...looksOnly('lapse'),
    observe: readAuthorityOf,
    decide: (seen, context) => lapse(seen, context.input, pairOf(context).pair, { ...context, now: context.now() }),
  });
  step<InstanceReading>('promote', {
    observe: readReplica,
    decide: (seen, context) => decidePromotion(seen, pairOf(context).pair.replica),
    act: promote,
    alreadyApplied: (_change, seen) => promotionApplied(seen),
    verify: (_change, seen) => provePromotion(seen),
  });
  step<readonly SeenService[]>('steady', {
    ...looksOnly('steady'),
    observe: readServices,
    decide: (seen, context) => (context.rehearse ? REHEARSED : steady(seen, sinceOf(context))),
  });
  step<Authority | undefined>('admit', {
    observe: readAuthorityOf,
    decide: (seen, context) => (context.rehearse ? REHEARSED : decideAdmission(seen, pairOf(context).pair)),
    act: (context, change) => admit(context, change, release),
    // Doing it again changes nothing.
    alreadyApplied: () => 'no',
    verify: (change) => ({ kind: 'good', detail: change.summary }),
  });
  step<Awaited<ReturnType<typeof readStandby>>>('prove', {
    ...looksOnly('prove'),
    observe: (context) => (context.rehearse ? Promise.resolve({ healthy: 0, all: 0 }) : readStandby(context)),
    decide: (seen, { rehearse }) => (rehearse ? REHEARSED : proveSite(seen, SITE)),
  });
  step<null>('switch', {
    observe: () => Promise.resolve(null),
    decide: (_seen, context) => {
      const { bucket, key } = pairOf(context).pair.switch;
      const summary = `write s3://${bucket}/${key}, which sends users to the standby`;
      return {
        kind: 'act',
        change: { summary, before: { object: null }, after: { object: `${bucket}/${key}` }, undo: 'delete the object' },
      };
    },
    act: writeSwitch,
    // It is written only where there is none, so that writing it again changes nothing.
    alreadyApplied: () => 'no',
    verify: (change) => ({ kind: 'good', detail: change.summary }),
  });
  step<NameSeen>('move', {
    ...looksOnly('move'),
    observe: (context) => readName(context, resolve),
    decide: (seen, context) =>
      context.rehearse
        ? REHEARSED
        : moved(seen, pairOf(context).pair, {
            ...{ now: context.now(), site: SITE },
            since: resultOf<{ movedSince: number | null }>(context, 'move')?.movedSince ?? undefined,
          }),
  });
  step<Awaited<ReturnType<typeof readAnswers>>>('settle', {
    ...looksOnly('settle'),
    observe: readAnswers,
    decide: (seen, context) =>
      context.rehearse
        ? REHEARSED
        : settled(seen, pairOf(context).pair, {
            ...{ now: context.now(), since: sinceOf(context), site: SITE },
            wellSince: resultOf<{ wellSince: number | null }>(context, 'settle')?.wellSince ?? undefined,
          }),
  });
  return {
    manifest,
    readInput: inputBy(input),
    targetsOf,
    steps,
  };
}

export const code = regionFailover();
export const handler = planHandler(code);
