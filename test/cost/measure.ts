/** `npm run cost -- --measure`: plays incidents in a local world and writes down what they would be billed for on AWS (measured.json). */
import { setTimeout as sleep } from 'node:timers/promises';
import { GetExecutionHistoryCommand, SFNClient } from '@aws-sdk/client-sfn';
import { allScenarios, choose } from '../../local/scenarios/discover.ts';
import { playAll } from '../../local/scenarios/runner.ts';
import type { Invocation } from '../../local/stand-ins/lambda/types.ts';
import { startWorld, type World } from '../../local/world/world.ts';
import { amountsOfCalls, amountsOfInvocation, metricsIn, RequestUnits, sumOf, timesOf } from './count.ts';
import type { Measured } from './model.ts';
import type { Amounts } from './prices.ts';

/** What runs by the clock belongs to no incident; by the end of their names. */
const SCHEDULED = ['reconciler', 'canary'];
const QUIET_WITHIN_MS = 120_000;
/** At least so many runs of what is scheduled are averaged. */
const IDLE_MS = 40_000;

interface Seen {
  readonly caller: string;
  readonly amounts: Amounts;
}

/** Everything that is billed by use, with the function that caused it, in the order in which it was seen. */
class Meter {
  readonly seen: Seen[] = [];
  readonly invocations: Invocation[] = [];
  readonly #units = new RequestUnits();
  readonly #memory: ReadonlyMap<string, number>;

  constructor(world: World) {
    this.#memory = memoryOf(world);
    world.gateway.register({
      services: ['dynamodb'],
      handle: async ({ caller, operation, params }) => {
        this.seen.push({ caller, amounts: this.#units.of(operation, params) });
        return undefined;
      },
    });
    world.gateway.onCall((call) => this.seen.push({ caller: call.caller, amounts: amountsOfCalls([call]) }));
    world.lambda.onInvocation((invocation) => {
      this.invocations.push(invocation);
      const memory = this.#memory.get(invocation.functionName) ?? 0;
      this.seen.push({ caller: invocation.functionName, amounts: amountsOfInvocation(invocation.durationMs, memory) });
    });
  }

  /** Of Nightshift's functions only; what a person, a test or a service of AWS does isn't its. */
  since(position: number, isTheirs: (functionName: string) => boolean): Amounts {
    const caused = this.seen.slice(position).filter(({ caller }) => this.#memory.has(caller) && isTheirs(caller));
    return sumOf(caused.map(({ amounts }) => amounts));
  }
}

const memoryOf = ({ deployed }: World): ReadonlyMap<string, number> =>
  new Map(
    Object.values(deployed.template.Resources)
      .filter(({ Type }) => Type === 'AWS::Lambda::Function')
      .map(({ Properties }) => [String(Properties?.FunctionName), Number(Properties?.MemorySize ?? 128)]),
  );

const isScheduled = (functionName: string): boolean => SCHEDULED.some((name) => functionName.endsWith(`-${name}`));

/** Until no event waits and no state machine runs: an incident's end belongs to it. */
async function quiet(world: World): Promise<void> {
  const until = performance.now() + QUIET_WITHIN_MS;
  const isBusy = () =>
    world.lambda.pending() > 0 || world.stepFunctions.executions().some(({ status }) => status === 'RUNNING');
  while (isBusy()) {
    if (performance.now() > until) throw new Error(`something still runs ${QUIET_WITHIN_MS / 1000} s after a scenario`);
    await sleep(100);
  }
  // What the end was told of is handed on by the journal's stream.
  await sleep(2_000);
}

/** "State transition": each entered state ("AWS Step Functions pricing"). */
async function transitionsOf(client: SFNClient, executionArn: string): Promise<number> {
  let count = 0;
  let nextToken: string | undefined;
  do {
    const page = await client.send(new GetExecutionHistoryCommand({ executionArn, nextToken }));
    count += (page.events ?? []).filter(({ type }) => type?.endsWith('StateEntered')).length;
    nextToken = page.nextToken;
  } while (nextToken);
  return count;
}

/** Metrics that functions published in the embedded format ("Specification: Embedded metric format"), and the bytes of all they wrote. */
async function logsOf(
  world: World,
): Promise<{ readonly metrics: number; readonly bytes: Readonly<Record<string, number>> }> {
  const metrics = new Set<string>();
  const bytes: Record<string, number> = {};
  for (const name of memoryOf(world).keys()) {
    const text = await world.lambda.logs(name);
    bytes[name] = Buffer.byteLength(text);
    for (const line of text.split('\n'))
      if (line.includes('"_aws"')) for (const metric of metricsIn(line)) metrics.add(metric);
  }
  return { metrics: metrics.size, bytes };
}

const GIGABYTE = 1e9;

export async function measure(say: (line: string) => void): Promise<Measured> {
  const world = await startWorld({ name: 'cost', report: say });
  try {
    const meter = new Meter(world);
    const states = new SFNClient({
      endpoint: world.endpoint,
      region: world.context.region,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    world.context.onStop('the cost meter', () => states.destroy());
    const scheduled = await scheduledRuns(meter);
    const incidents: { name: string; amounts: Amounts }[] = [];
    for (const scenario of choose(await allScenarios<World>(), ['demo'])) {
      const before = {
        seen: meter.seen.length,
        executions: new Set(world.stepFunctions.executions().map(({ arn }) => arn)),
        logs: (await logsOf(world)).bytes,
        incidents: (await world.journal.listIncidents()).length,
      };
      const audience = { started: () => {}, step: () => {}, ended: () => {} };
      const [result] = await playAll(world, [scenario], audience, new AbortController().signal);
      if (result?.status !== 'passed') throw new Error(`${scenario.name}: ${result?.error}`);
      await quiet(world);
      const opened = (await world.journal.listIncidents()).length - before.incidents;
      const executions = world.stepFunctions.executions().filter(({ arn }) => !before.executions.has(arn));
      const transitions = await Promise.all(executions.map(({ arn }) => transitionsOf(states, arn)));
      const logs = (await logsOf(world)).bytes;
      const logged = Object.entries(logs).reduce(
        (sum, [name, bytes]) => sum + (isScheduled(name) ? 0 : bytes - (before.logs[name] ?? 0)),
        0,
      );
      const amounts = sumOf([
        meter.since(before.seen, (name) => !isScheduled(name)),
        { 'states-transition': transitions.reduce((sum, count) => sum + count, 0), 'logs-gigabyte': logged / GIGABYTE },
      ]);
      say(`${scenario.name}: ${opened} incidents`);
      if (opened < 1) throw new Error(`${scenario.name}: no incident was opened`);
      incidents.push({ name: scenario.name, amounts: rounded(timesOf(amounts, 1 / opened)) });
    }
    const { metrics } = await logsOf(world);
    return {
      measuredAt: new Date().toISOString().slice(0, 10),
      how: 'npm run cost -- --measure: each scenario of the demo alone in a local world, from the gateway’s record of calls, Lambda’s invocations, state machines’ histories and functions’ logs; divided by the incidents it opened. Milliseconds are those of this machine, where calls take no way through a network.',
      incidents,
      scheduled,
      customMetrics: metrics,
    };
  } finally {
    await world.stop();
  }
}

/** One run of each scheduled function while nothing is wrong. */
async function scheduledRuns(meter: Meter): Promise<Record<string, Amounts>> {
  const [seen, ran] = [meter.seen.length, meter.invocations.length];
  await sleep(IDLE_MS);
  const runs: Record<string, Amounts> = {};
  for (const name of SCHEDULED) {
    const count = meter.invocations.slice(ran).filter(({ functionName }) => functionName.endsWith(`-${name}`)).length;
    if (count > 0)
      runs[name] = rounded(
        timesOf(
          meter.since(seen, (each) => each.endsWith(`-${name}`)),
          1 / count,
        ),
      );
  }
  for (const name of SCHEDULED) if (!runs[name]) throw new Error(`${name} never ran while nothing was wrong`);
  return runs;
}

const rounded = (amounts: Amounts): Amounts =>
  Object.fromEntries(Object.entries(amounts).map(([what, amount]) => [what, Number(amount.toPrecision(6))]));
