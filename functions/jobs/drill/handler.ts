import { CloudWatchClient, type Dimension, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import * as z from 'zod/mini';
import { changingClientDefaults, clientDefaults } from '../../engine/clients.ts';
import { CHORES, startedByDrill } from '../../engine/drills.ts';
import { ActionFailedError, classifyAwsError } from '../../engine/errors.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import { listIncidents } from '../../engine/journal-reader.ts';
import { runKey } from '../../engine/plan-items.ts';
import { requestStop } from '../../engine/plan-stop.ts';
import { readSwitch } from '../../engine/switch.ts';
import { jobHandler } from '../handler.ts';
import { readRuns } from '../items.ts';
import type { CleanUp, Job, JobContext } from '../job.ts';
import {
  type AlarmSeen,
  asRehearsal,
  cleaningOn,
  nextCleaning,
  type Rehearsal,
  redBy,
  type State,
  started,
  startsLater,
  timeIn,
  whileFollowing,
  whileWaiting,
} from './decide.ts';
import { executionOf } from './execution.ts';
import { manifest } from './manifest.ts';

const cloudwatch = new CloudWatchClient(clientDefaults());
const reading = new SFNClient(clientDefaults());
const changing = new SFNClient(changingClientDefaults());

/** Newest ones, of two months: trouble that is older and open has been told for weeks. */
const INCIDENTS = 100;
/** Earlier drills, for what is usual. */
const EARLIER = 12;

export const job: Job<State> = {
  manifest,
  begin: ({ subject }, { drills }) => ({
    ...{ plan: drills?.[subject]?.plan ?? '', phase: 'waits', attempt: 0, refused: 0, startedAt: 0 },
    ...(drills?.[subject]?.forReal && { forReal: true }),
  }),
  async step(context, state) {
    const { run, now } = context;
    const { input, recheckAfterSeconds, forReal } = drillOf(context);
    const { plan } = state;
    const execution = executionOf(run, state);
    switch (state.phase) {
      case 'waits':
        return whileWaiting(state, await whatIsRed(context), {
          ...{ since: Date.parse(run.scheduledAt), now: now(), recheckAfterSeconds },
        });
      case 'starts': {
        // Both what it began with and what is configured now have to say that it is no rehearsal.
        const isReal = forReal === true && state.forReal === true && CHORES.includes(plan);
        if (isReal && !(await readRehearsal(context, plan, execution))) {
          const times = { since: Date.parse(run.scheduledAt), now: now(), recheckAfterSeconds };
          const later = startsLater(state, await whatIsRed(context), times);
          if (later) return later;
        }
        await start(plan, execution, { ...input, rehearse: !isReal, startedBy: startedByDrill(run.subject) });
        return started(isReal ? state : asRehearsal(state), now());
      }
      case 'follows':
        return whileFollowing(
          state,
          await readRehearsal(context, plan, execution),
          {
            ...{ plan, execution, recheckAfterSeconds, since: Date.parse(run.scheduledAt) },
            earlierMs: await earlierTimes(context, state),
          },
          now(),
        );
      default:
        return state.phase satisfies never;
    }
  },
  async cleanUp(context, state): Promise<CleanUp> {
    const { run, store, now } = context;
    const { plan } = state;
    if (plan === '' || state.phase === 'waits') return { kind: 'clean' };
    const execution = executionOf(run, state);
    const taker = `${execution}.2`;
    const rehearsal = await readRehearsal(context, plan, execution);
    if (rehearsal?.phase === 'ended') return { kind: 'clean' };
    const status = (await statusOf(plan, taker)) ?? (await statusOf(plan, execution));
    const next = nextCleaning(state, rehearsal, status);
    switch (next.kind) {
      case 'clean':
        return next;
      case 'look-again':
        return cleaningOn(next.note);
      case 'stop':
        await store.transact([
          requestStop(
            store.table,
            { plan, run: execution },
            { by: startedByDrill(run.subject), at: now(), reason: 'the drill is over' },
          ),
        ]);
        return cleaningOn('its rehearsal is asked to back out');
      case 'take-up':
        await start(plan, taker, {});
        return cleaningOn('its rehearsal was left, and is taken up to be backed out');
      default:
        return next satisfies never;
    }
  },
};

/** @throws ActionFailedError when it isn't in the configuration any more. */
function drillOf({ run: { subject }, config }: JobContext) {
  const found = config.drills?.[subject];
  if (!found) throw new ActionFailedError(`drills.${subject}: not in the configuration any more`);
  return found;
}

async function readRehearsal({ store }: JobContext, plan: string, run: string): Promise<Rehearsal | undefined> {
  return (await store.read(runKey({ plan, run }))) as Rehearsal | undefined;
}

async function earlierTimes({ store, run: { subject, scheduledAt } }: JobContext, state: State): Promise<number[]> {
  const runs = await readRuns(store, { job: manifest.name, subject }, EARLIER);
  return runs
    .filter((each) => each.scheduledAt !== scheduledAt)
    .flatMap(({ verdict }) => timeIn(verdict?.report, state) ?? []);
}

const machines = z.record(z.string(), z.string());

/** ARN of a plan's state machine, as deployed beside this function. @throws ActionFailedError */
function machineOf(plan: string): string {
  const arn = machines.parse(JSON.parse(requiredEnvironment('NIGHTSHIFT_MACHINES')))[plan];
  if (arn === undefined) throw new ActionFailedError(`${plan}: its state machine isn't known here: deploy again`);
  return arn;
}

/** Starting it twice is starting it once: "StartExecution", AWS Step Functions API Reference. */
async function start(plan: string, name: string, input: object): Promise<void> {
  try {
    await changing.send(
      new StartExecutionCommand({ stateMachineArn: machineOf(plan), name, input: JSON.stringify(input) }),
    );
  } catch (error) {
    // The same name and input while it runs is answered as the first time; once it is over, so.
    if (error instanceof ExecutionAlreadyExists) return;
    throw classifyAwsError(`start ${name} of ${plan}`, error);
  }
}

async function statusOf(plan: string, name: string): Promise<string | undefined> {
  const executionArn = `${machineOf(plan).replace(':stateMachine:', ':execution:')}:${name}`;
  try {
    return (await reading.send(new DescribeExecutionCommand({ executionArn }))).status;
  } catch (error) {
    if (error instanceof ExecutionDoesNotExist) return undefined;
    throw classifyAwsError(`look at ${name} of ${plan}`, error);
  }
}

async function whatIsRed({ store, config, now }: JobContext): Promise<string[]> {
  const [state, incidents, alarms] = await Promise.all([
    readSwitch(store),
    listIncidents(store, { limit: INCIDENTS, now: new Date(now()) }),
    firingAlarms(),
  ]);
  return [...(state === 'run' ? [] : [`Nightshift is set to ${state}`]), ...redBy(incidents, alarms, config)];
}

const asRecord = (dimensions: readonly Dimension[] = []): Record<string, string> =>
  Object.fromEntries(dimensions.map(({ Name = '', Value = '' }) => [Name, Value]));

async function firingAlarms(): Promise<AlarmSeen[]> {
  const alarms: AlarmSeen[] = [];
  try {
    for await (const { MetricAlarms = [] } of paginateDescribeAlarms(
      { client: cloudwatch, pageSize: 100 },
      { StateValue: 'ALARM', AlarmTypes: ['MetricAlarm'] },
    ))
      for (const { AlarmName: name = '', AlarmDescription: description, Dimensions, Metrics = [] } of MetricAlarms)
        alarms.push({
          ...{ name, description },
          dimensions: [Dimensions, ...Metrics.map(({ MetricStat }) => MetricStat?.Metric?.Dimensions)].map(asRecord),
        });
  } catch (error) {
    throw classifyAwsError('list the firing alarms', error);
  }
  return alarms;
}

export const handler = jobHandler(job);
