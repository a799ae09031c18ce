/** The AWS side of `restore-configuration`. */
import { ECSClient } from '@aws-sdk/client-ecs';
import * as z from 'zod/mini';
import { digestOf, nameOf, type Settings } from '../../configuration/item.ts';
import { hasValueOf, putBack } from '../../configuration/put-back.ts';
import { ConfigurationReader, openClients } from '../../configuration/reading.ts';
import { readBackup } from '../../configuration/stored.ts';
import { readService } from '../../ecs/service.ts';
import { clientDefaults } from '../../engine/clients.ts';
import type { RuntimeConfig, ServiceConfig } from '../../engine/config.ts';
import { ActionFailedError, ChangedBySomeoneElseError } from '../../engine/errors.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import type { ActReport, Change, Json } from '../../engine/remediation.ts';
import type { PlanCode } from '../around.ts';
import { planHandler } from '../handler.ts';
import { inputBy } from '../read-input.ts';
import type { Health } from '../remediation-step.ts';
import { healthOf } from '../service-health.ts';
import type { Move, StepCode, StepContext, StepDecision } from '../step.ts';
import {
  applied,
  decidePutBack,
  decideTakeBack,
  differences,
  isAsWanted,
  proved,
  type Seen,
  settingsOf,
  shownDigest,
  targetsOf,
  type What,
  whatOf,
  whyNot,
} from './decide.ts';
import { type Aspect, folderFor, see, seeAll, serviceOf } from './look.ts';
import { manifest } from './manifest.ts';

const clients = openClients();
const ecs = new ECSClient(clientDefaults());

const input = z.strictObject({
  what: z.string().check(z.minLength(1), z.maxLength(1200)),
  backup: z.optional(z.string().check(z.regex(/^configuration\/\d{4}\/\d{2}\/\w+$/))),
  before: z.optional(z.iso.datetime({ offset: true })),
  shown: z.optional(z.string().check(z.regex(/^[0-9a-f]{64}$/))),
});
type Input = z.infer<typeof input>;

const POLL_SECONDS = 3;

/** What `look` leaves for the other steps. */
interface Looked {
  readonly folder: string;
  readonly main: Settings | null;
  readonly scaling: Settings | null;
}

const readerOf = (config: RuntimeConfig) => new ConfigurationReader(clients, { take: async () => {} }, config);

/** As `see`, and a parameter by its value: its version never goes back. @throws EngineError */
async function seeNow(kind: Aspect, id: string, wanted: Settings, config: RuntimeConfig): Promise<Seen> {
  const seen = await see(kind, id, wanted, config, readerOf(config));
  if (kind !== 'parameter' || !seen.live) return seen;
  const { Version } = wanted;
  return { ...seen, isSameValue: seen.live.Version === Version || (await hasValueOf(id, Number(Version))) };
}

/** @throws ActionFailedError: the input was read when the run was opened. */
function whatIn({ what }: Input): What {
  const found = whatOf(what);
  if (!found) throw new ActionFailedError(`what: "${what}" is nothing that can be put back`);
  return found;
}

interface LookSeen {
  readonly folder: string;
  readonly all: readonly Seen[];
}

const changesNothing = (name: string): Pick<Move<Input, unknown>, 'act' | 'alreadyApplied' | 'verify'> => ({
  act: () => Promise.reject(new ActionFailedError(`${name} changes nothing`)),
  alreadyApplied: () => 'unclear',
  verify: () => ({ kind: 'bad', detail: `${name} changes nothing` }),
});

const look: StepCode<Input, LookSeen> = {
  ...changesNothing('look'),
  async observe({ input: given, config, store }) {
    const folder = await folderFor(given, store);
    const bucket = { name: requiredEnvironment('NIGHTSHIFT_ARCHIVE_BUCKET'), region: config.region };
    return { folder, all: await seeAll(whatIn(given), await readBackup(bucket, folder), config, readerOf(config)) };
  },
  decide({ folder, all }, { input: given }): StepDecision {
    const refused = all.map((seen) => whyNot(seen, folder)).find((why) => why !== undefined);
    if (refused !== undefined) return { kind: 'fail', reason: refused };
    const shown = shownDigest(all);
    if (given.shown !== undefined && given.shown !== shown)
      return { kind: 'fail', reason: `${given.what} is no longer as it was shown: look at it again` };
    const [main, scaling] = all;
    const result = { folder, main: main?.wanted ?? null, scaling: scaling?.wanted ?? null };
    const count = all.flatMap(differences).length;
    const detail = `${count} differences from ${folder} (shown=${shown} binds a run to them)`;
    return { kind: 'done', detail, result: result as unknown as Json };
  },
};

const lookedOf = ({ results }: StepContext<Input>) => results.look as unknown as Looked;
const wantedIn = (context: StepContext<Input>, aspect: 'main' | 'scaling'): Settings | undefined =>
  lookedOf(context)[aspect] ?? undefined;

/** @param aspect the thing itself, or a service's scaling, if the backup has it. */
function putBackStep(aspect: 'main' | 'scaling'): StepCode<Input, Seen | undefined> {
  const kindOf = (given: Input): Aspect => (aspect === 'scaling' ? 'scaling' : whatIn(given).kind);
  const observe = async (context: StepContext<Input>): Promise<Seen | undefined> => {
    const { input: given, config } = context;
    const wanted = wantedIn(context, aspect);
    return wanted && seeNow(kindOf(given), whatIn(given).id, wanted, config);
  };
  /** One re-read lies directly before it. */
  const act = async (context: StepContext<Input>, change: Change): Promise<ActReport> => {
    const seen = await observe(context);
    const [before, after] = [settingsOf(change, 'before'), settingsOf(change, 'after')];
    if (!seen || !after) throw new ActionFailedError('there is nothing to put back');
    if (applied(change, seen) !== 'no') {
      const [expected, found] = [before, seen.live ?? null].map((settings) => digestOf(settings).slice(0, 12));
      throw new ChangedBySomeoneElseError(nameOf(seen), `settings ${expected}`, `settings ${found}`);
    }
    await putBack(seen, before, after);
    return { summary: change.summary, data: {} };
  };
  const move: Pick<Move<Input, Seen | undefined>, 'act' | 'alreadyApplied' | 'verify'> = {
    act,
    alreadyApplied: (change, seen) => (seen ? applied(change, seen) : 'unclear'),
    verify: (change, seen) => (seen ? proved(change, seen) : { kind: 'bad', detail: 'it is gone' }),
  };
  const nothing: StepDecision = { kind: 'done', detail: 'left out: there is nothing of it in the backup' };
  return {
    ...move,
    observe,
    decide: (seen, context) => (seen ? decidePutBack(seen, lookedOf(context).folder) : nothing),
    compensation: { ...move, decide: (seen, _context, made) => (seen ? decideTakeBack(seen, made) : nothing) },
  };
}

interface ProveSeen {
  readonly all: readonly Seen[];
  /** Of a service that is to have tasks. */
  readonly health: Health | undefined;
}

/** How its requests fare isn't asked: why it is put back, and whether it helps, is the person's to judge. */
const tasksOf = async (service: ServiceConfig) => ({
  ...{ service: await readService(ecs, service), unhealthyTasks: 0, guards: {} },
});

const prove: StepCode<Input, ProveSeen> = {
  ...changesNothing('prove'),
  async observe(context) {
    const { input: given, config } = context;
    const { kind, id } = whatIn(given);
    const [main, scaling] = [wantedIn(context, 'main'), wantedIn(context, 'scaling')];
    const all = [
      ...(main ? [await seeNow(kind, id, main, config)] : []),
      ...(scaling ? [await seeNow('scaling', id, scaling, config)] : []),
    ];
    const service = kind === 'service' && all[0]?.live?.desiredCount !== 0 ? serviceOf(id, config) : undefined;
    return { all, health: service && healthOf(await tasksOf(service)) };
  },
  decide({ all, health: state }, { rehearse, lastChangeAt }) {
    if (rehearse) return { kind: 'done', detail: 'a rehearsal: nothing was put back' };
    const [other] = all.filter((seen) => !isAsWanted(seen));
    if (other) return { kind: 'wait', seconds: POLL_SECONDS, detail: `${nameOf(other)} isn't as in the backup` };
    // One that nothing was put back of is none of this run's to judge.
    if (state && !state.healthy && lastChangeAt > 0)
      return { kind: 'wait', seconds: POLL_SECONDS, detail: state.detail };
    return { kind: 'done', detail: `${all.map(nameOf).join(' and ')}: as in the backup` };
  },
};

export const code: PlanCode<Input> = {
  manifest,
  readInput: inputBy(input),
  targetsOf: ({ what }, config) => targetsOf(what, config),
  steps: { look, 'put-back': putBackStep('main'), 'put-scaling-back': putBackStep('scaling'), prove },
};

export const handler = planHandler(code);
