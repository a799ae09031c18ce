/**
 * `npm start`: a whole local world with Nightshift deployed into it, the demo's scenarios played in it, and then it stays up.
 * Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 something this machine lacks; broken off by a signal: 128 + its number.
 */
import pc from 'picocolors';
import type { StartDocument } from '../events/published/start.ts';
import { allScenarios, choose } from './scenarios/discover.ts';
import { playAll, type ScenarioResult } from './scenarios/runner.ts';
import type { Scenario } from './scenarios/types.ts';
import { Interrupted, watchLifetime } from './show/lifetime.ts';
import { parseStartOptions, START_USAGE, type StartOptions } from './show/options.ts';
import { Progress, type Screen, seconds } from './show/progress.ts';
import { StageView } from './show/stage-view.ts';
import { followJournal } from './show/timeline.ts';
import { exitCodeOf } from './world/errors.ts';
import { startWorld, type World } from './world/world.ts';

/** The terminal for people: stdout, or stderr when stdout is for the JSON document. */
function screenFor(json: boolean): Screen {
  const stream = json ? process.stderr : process.stdout;
  const isTerminal = stream.isTTY === true;
  return {
    write: (text) => stream.write(text),
    isTerminal,
    width: stream.columns ?? 80,
    colours: pc.createColors(isTerminal && pc.isColorSupported),
  };
}

async function main(argv: readonly string[]): Promise<number> {
  const options = parseStartOptions(argv);
  if (options.help) {
    process.stdout.write(`${START_USAGE}\n`);
    return 0;
  }
  const scenarios = choose(await allScenarios<World>(), options.scenarios);
  let world: World | undefined;
  const ending = watchLifetime(() => world?.context.kill());
  const screen = screenFor(options.json);
  const progress = new Progress(screen);
  try {
    world = await startWorld({
      name: options.world,
      observer: progress,
      report: (line) => progress.line(screen.colours.dim(`  ${line}`)),
      signal: ending,
      environment: Object.assign({}, ...scenarios.map(({ environment }) => environment)),
    });
    tellReady(progress, screen, world);
    const results = await perform(world, scenarios, progress, screen, ending);
    ending.throwIfAborted();
    if (options.json) process.stdout.write(`${JSON.stringify(documentOf(world, results))}\n`);
    const passed = results.every(({ status }) => status === 'passed');
    if (!options.once) await stayUp(world, options, progress, screen, ending);
    return passed ? 0 : 1;
  } finally {
    progress.stop();
    await world?.stop();
  }
}

function tellReady(progress: Progress, { colours }: Screen, world: World): void {
  const { timeScale } = world.context;
  progress.line(colours.bold(`world "${world.name}" is ready after ${seconds(world.readyMs)}: ${world.endpoint}`));
  progress.line(
    `times are compressed: alarms look every 10 s and sessions are idle after 3 s (demo configuration); AWS's own long waits, such as schedules and retries, take 1/${Math.round(1 / timeScale)} of their time`,
  );
  progress.line();
}

/** What a small machine bears: each has services or a database of its own that get into trouble, and functions that answer. */
const AT_ONCE = 6;

/** Plays the scenarios while the journal is followed. */
async function perform(
  world: World,
  scenarios: readonly Scenario<World>[],
  progress: Progress,
  screen: Screen,
  ending: AbortSignal,
): Promise<ScenarioResult[]> {
  const view = new StageView(progress, screen.colours, scenarios);
  const follower = followJournal(
    world.journal,
    (entry, incident) => view.entry(entry, incident),
    (error) => world.context.log('follower', String(error)),
  );
  view.follow(follower.flush);
  try {
    return await playAll(world, scenarios, view, ending, AT_ONCE);
  } finally {
    await follower.stop();
  }
}

const documentOf = (world: World, results: readonly ScenarioResult[]): StartDocument => ({
  version: 1,
  world: { name: world.name, endpoint: world.endpoint, readyMs: world.readyMs },
  scenarios: results.map(({ name, status, error, figures }) => ({
    name,
    status,
    ...(error === undefined ? {} : { error }),
    ...figures,
  })),
});

/** Says what to try, follows the journal, and returns when somebody ends it. @throws Interrupted when something broke. */
async function stayUp(
  world: World,
  { world: name }: StartOptions,
  progress: Progress,
  screen: Screen,
  ending: AbortSignal,
): Promise<void> {
  const { bold, dim } = screen.colours;
  const tries = [
    [`npm run -s nightshift -- incidents --world ${name}`, 'what happened'],
    [`npm run -s nightshift -- incident <id> --world ${name}`, 'the whole story of one incident'],
    [`npm run -s nightshift -- fault list --world ${name}`, 'how this world can be made to misbehave'],
    [`npm run -s nightshift -- pause --world ${name}`, 'stop Nightshift from changing anything'],
    [`AWS_ENDPOINT_URL=${world.endpoint} aws ecs list-tasks --cluster orders`, 'any AWS client, with any credentials'],
  ];
  progress.line(bold('the world stays up; in another terminal, try'));
  for (const [command, what] of tries) progress.line(`  ${command}  ${dim(`# ${what}`)}`);
  progress.line(dim('Ctrl-C ends it'));
  ending.addEventListener('abort', () => progress.line(dim('stopping what was started; a few seconds')), {
    once: true,
  });
  const view = new StageView<World>(progress, screen.colours, []);
  const seen = Date.now();
  const follower = followJournal(
    world.journal,
    (entry, incident) => {
      if (Date.parse(entry.at) >= seen) view.entry(entry, incident);
    },
    (error) => world.context.log('follower', String(error)),
  );
  await new Promise<void>((ended) => {
    if (ending.aborted) ended();
    else ending.addEventListener('abort', () => ended(), { once: true });
  });
  await follower.stop();
  if (ending.reason instanceof Interrupted && !ending.reason.asked) throw ending.reason;
}

/** @returns the exit code, after telling the error to people. */
function explain(error: unknown): number {
  if (error instanceof Interrupted) {
    const why = error.cause instanceof Error ? `: ${error.cause.stack ?? error.cause.message}` : '';
    process.stderr.write(`broken off: ${error.message}${why}\n`);
    return error.exitCode;
  }
  const known = exitCodeOf(error) !== 1;
  const text = error instanceof Error ? (known ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`${text}\n`);
  if (!known) process.stderr.write('the logs of this run are in .nightshift/logs\n');
  return exitCodeOf(error);
}

const exitCode = await main(process.argv.slice(2)).catch(explain);
// Parts may keep timers or sockets; everything that matters has been stopped.
process.exit(exitCode);
