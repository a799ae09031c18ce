/**
 * A storm: first a few incidents, which are all handled; then 2,000 alarm events on 200 targets, one in five of them delivered twice, while the journal's
 * transactions overlap and conflict and calls are throttled. Counted from the gateway's record, the emulators' state and the journal.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeServicesCommand } from '@aws-sdk/client-ecs';
import { FLEET, fleetServices, seedFleet } from '../../services/fleet.ts';
import { DEMO } from '../../services/seed.ts';
import type { World } from '../../world/world.ts';
import { DATABASE_TARGET } from '../support/database.ts';
import { countPages } from '../support/pages.ts';
import {
  busiestSecond,
  callsOfOurs,
  changesOf,
  collectEvents,
  deleteAlarms,
  describesPerSecond,
  journalOf,
  makeAlarms,
  sendAgain,
  setAlarms,
  watchInvocations,
} from '../support/storm.ts';
import { expectThat, type Figures, type Scenario, type Stage } from '../types.ts';

const TARGETS = 200;
/** As many as `storm.targets`: the next one is the storm. */
const BELOW = 10;
/** Events of each of the 400 alarms, and how many of all are sent a second time: 1,600 events, 2,000 deliveries. */
const EVENTS_PER_ALARM = 4;
const REPEATED = 400;
const SENT_AT_ONCE = 50;

export const scenario: Scenario<World> = {
  name: 'storm',
  groups: ['storm'],
  rank: 900,
  summary: `${BELOW} incidents are handled; then 2,000 alarms on ${TARGETS} targets are held and told once`,
  // The first ones' incidents are told line by line; those of the storm are counted.
  targets: fleetServices(BELOW).map((name) => `ecs-service/${FLEET.cluster}/${name}`),
  // It sets alarms and holds every other signal meanwhile.
  uses: [`ecs-service/${DEMO.cluster}/${DEMO.service}`, DATABASE_TARGET],
  timeLimitMs: 560_000,
  environment: { [FLEET.variable]: String(BELOW + TARGETS) },
  run: async (world, stage) => {
    const services = fleetServices(BELOW + TARGETS);
    await seedFleet(world.clients().ecs, services, BELOW);
    stage.restore('the fleet’s alarms', () => deleteAlarms(world, services));
    await makeAlarms(world, services);
    // An alarm that fires at its very first evaluation is looked at twice; these begin as alarms that have been there for long.
    await setAlarms(world, services.slice(0, BELOW), ['cpu', 'memory'], 'OK');
    // Each new service deploys, which starts those who listen to deployments; that isn't part of what is measured.
    await settled(world, stage);
    const pages = await countPages(world, stage);
    const events = collectEvents(world);
    stage.restore('listening', events.stop);
    const invocations = watchInvocations(world);
    stage.restore('watching', invocations.stop);
    const begin = world.gateway.callsSince(Number.MAX_SAFE_INTEGER).next;
    await belowTheLimit(world, stage, services.slice(0, BELOW), begin);
    const before = { deliveries: events.deliveries(), events: events.sent.size };
    const stormBegins = world.gateway.callsSince(begin).next;
    makeTrouble(world, stage);
    await storm(world, stage, services.slice(BELOW), events);
    await settled(world, stage);
    const figures = await count(world, services, events, invocations, { begin, stormBegins });
    const pagesSent = await pages();
    const sent = events.deliveries() - before.deliveries;
    const duplicates = sent - (events.sent.size - before.events);
    const all = { sent, duplicates, ...figures, pages: pagesSent };
    stage.step(JSON.stringify(all));
    stage.step(`reads of the busiest second: ${whose(busiestSecond(callsOfOurs(world, stormBegins)))}`);
    judge(all);
    return all;
  },
};

/** The first incidents, one after the other: each is acted upon. */
async function belowTheLimit(world: World, stage: Stage, services: readonly string[], begin: number): Promise<void> {
  stage.step(`${services.length} services in trouble: below the limit, each is handled`);
  for (const service of services) {
    await stage.until(`${service} to run its task`, async () =>
      (await tasksOf(world, [service])).get(service) === 1 ? true : undefined,
    );
    await setAlarms(world, [service], ['cpu'], 'ALARM');
    await stage.until(
      `Nightshift to add a task to ${service}`,
      () => (changesOf(callsOfOurs(world, begin), [service]).get(service) === 1 ? true : undefined),
      { withinMs: 60_000 },
    );
    await setAlarms(world, [service], ['cpu'], 'OK');
  }
}

/** Transactions are held open so that they overlap, and calls are throttled now and then. */
function makeTrouble(world: World, stage: Stage): void {
  world.gateway.transactions.overlapMs = { min: 20, max: 60 };
  stage.restore('transactions', () => {
    world.gateway.transactions.overlapMs = { min: 0, max: 0 };
  });
  const faults = [
    {
      name: 'storm-journal',
      match: { service: 'dynamodb', operation: 'TransactWriteItems' },
      kind: 'throttled',
      after: 50,
      times: 60,
    },
    {
      name: 'storm-reads',
      match: { service: 'dynamodb', operation: 'BatchGetItem' },
      kind: 'throttled',
      after: 100,
      times: 60,
    },
    { name: 'storm-ecs', match: { service: 'ecs', operation: 'DescribeServices' }, kind: 'throttled', times: 5 },
  ] as const;
  for (const fault of faults) {
    world.faults.add(fault);
    stage.restore(fault.name, () => void world.faults.remove(fault.name));
  }
}

/** CloudWatch sends the first event of each alarm; the others, and those that come twice, are made from it. */
async function storm(
  world: World,
  stage: Stage,
  services: readonly string[],
  events: ReturnType<typeof collectEvents>,
): Promise<void> {
  const known = new Set(events.sent.keys());
  stage.step(`2,000 alarm events on ${services.length} targets, ${REPEATED} of them repeated`);
  await setAlarms(world, services, ['cpu', 'memory'], 'ALARM');
  const first = [...events.sent.values()].filter(({ id }) => !known.has(id));
  const further = first.flatMap((each) =>
    Array.from({ length: EVENTS_PER_ALARM - 1 }, () => () => sendAgain(world, each, randomUUID())),
  );
  await inBatches(further);
  const all = [...events.sent.values()].filter(({ id }) => !known.has(id));
  const repeated = all.filter((_, index) => index % (all.length / REPEATED) < 1);
  await inBatches(repeated.map((each) => () => sendAgain(world, each)));
}

async function inBatches(sends: readonly (() => Promise<void>)[]): Promise<void> {
  for (let start = 0; start < sends.length; start += SENT_AT_ONCE) {
    await Promise.all(sends.slice(start, start + SENT_AT_ONCE).map((send) => send()));
    await sleep(20);
  }
}

/** What the clock starts. At the local world's speed such a function runs again before its last run is over, so it is never quiet. */
const STARTED_BY_THE_CLOCK = /-(reconciler|canary)$/;

/** Until Lambda has nothing left to deliver, for a moment. */
async function settled(world: World, stage: Stage): Promise<void> {
  const pending = () => world.lambda.pending((name) => !STARTED_BY_THE_CLOCK.test(name));
  let quietSince: number | undefined;
  await stage.until(
    'every event to be delivered',
    () => {
      if (pending() > 0) quietSince = undefined;
      else quietSince ??= Date.now();
      return quietSince !== undefined && Date.now() - quietSince > 1_000 ? true : undefined;
    },
    { withinMs: 400_000, seen: () => `${pending()} waiting` },
  );
}

/** Calls by caller and operation: what a person needs to know when they are too many. */
function whose(calls: ReturnType<typeof busiestSecond>): string {
  const counts = new Map<string, number>();
  for (const { caller, operation } of calls)
    counts.set(`${caller} ${operation}`, (counts.get(`${caller} ${operation}`) ?? 0) + 1);
  return [...counts].map(([what, count]) => `${count} ${what}`).join(', ');
}

async function tasksOf(world: World, services: readonly string[]): Promise<Map<string, number>> {
  const wanted = new Map<string, number>();
  for (let start = 0; start < services.length; start += 10) {
    const asked = { cluster: FLEET.cluster, services: services.slice(start, start + 10) };
    const reply = await world.clients().ecs.send(new DescribeServicesCommand(asked));
    for (const { serviceName = '', desiredCount = 0 } of reply.services ?? []) wanted.set(serviceName, desiredCount);
  }
  return wanted;
}

async function count(
  world: World,
  services: readonly string[],
  events: ReturnType<typeof collectEvents>,
  invocations: ReturnType<typeof watchInvocations>,
  { begin, stormBegins }: { begin: number; stormBegins: number },
) {
  const sent = [...events.sent.values()];
  const journal = await journalOf(
    world,
    sent.map(({ id }) => id),
  );
  const accountedIds = sent.filter(({ id }) => journal.get(id)?.outcome !== undefined);
  const calls = callsOfOurs(world, begin);
  const inStorm = callsOfOurs(world, stormBegins);
  const changes = changesOf(calls, services);
  const tasks = await tasksOf(world, services);
  const tooMany = services.filter((name, index) => (tasks.get(name) ?? 0) > (index < BELOW ? 2 : 1)).length;
  const took = accountedIds
    .flatMap(({ id, at }) => {
      const ended = invocations.endedAt.get(journal.get(id)?.requestId ?? '');
      return ended === undefined ? [] : [ended - at];
    })
    .sort((a, b) => a - b);
  return {
    events: sent.length,
    accounted: accountedIds.length,
    lost: sent.length - accountedIds.length,
    expectedActions: BELOW,
    actions: [...changes.values()].reduce((sum, each) => sum + each, 0),
    doubleActions: [...changes.values()].filter((each) => each > 1).length + tooMany,
    held: [...journal.values()].filter(({ outcome }) => outcome?.kind === 'held' && outcome.reason === 'storm').length,
    conflicts: inStorm.filter(
      ({ operation, status, fault }) => operation === 'TransactWriteItems' && status === 400 && !fault,
    ).length,
    throttles: inStorm.filter(({ fault }) => fault !== undefined).length + invocations.counts.throttled,
    notifications: calls.filter(
      ({ operation, caller }) => operation === 'Publish' || (operation === 'PutEvents' && /announcer/.test(caller)),
    ).length,
    describesPerSecond: describesPerSecond(inStorm),
    describesPerSecondOfReconciler: describesPerSecond(inStorm.filter(({ caller }) => caller.endsWith('-reconciler'))),
    // An outcome whose invocation isn't known to have ended counts as the latest.
    dispositionP99Ms: took[Math.ceil(accountedIds.length * 0.99) - 1] ?? Number.POSITIVE_INFINITY,
  };
}

function judge(figures: Figures): void {
  const {
    lost,
    duplicates,
    doubleActions,
    actions,
    expectedActions,
    pages,
    describesPerSecond: describes,
    dispositionP99Ms,
    conflicts,
  } = figures;
  expectThat(duplicates === REPEATED, `expected ${REPEATED} second deliveries, but there were ${duplicates}`);
  expectThat(lost === 0, `expected every event to have an outcome in the journal, but ${lost} have none`);
  expectThat(doubleActions === 0, `expected no service to be changed twice, but ${doubleActions} were`);
  expectThat(actions === expectedActions, `expected ${expectedActions} changes, but ${actions} were made`);
  expectThat(Number(conflicts) > 0, 'expected transactions to conflict, but none did: nothing was proved');
  expectThat(Number(pages) >= 1 && Number(pages) <= 3, `expected 1 to 3 pages, but ${pages} were sent`);
  expectThat(
    Number(describes) <= 10,
    `expected at most 10 reads a second of the customer’s APIs, but there were ${describes}`,
  );
  expectThat(
    Number(dispositionP99Ms) <= 60_000,
    `expected outcomes within 60 s (99 %), but it took ${dispositionP99Ms} ms`,
  );
}
