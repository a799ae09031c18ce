/**
 * The plan `region-failover`, unattended: the primary's region can't be reached any more, with Route 53's and IAM's control planes. The standby's deployment waits until the old primary has
 * stopped by itself, promotes the replica and moves users. A client that knows the service's name only counts what it loses, and so does somebody inside the lost region who goes on writing.
 */
import { DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { readAuthority } from '../../../functions/authority/items.ts';
import { Store } from '../../../functions/engine/store.ts';
import type { RunItem } from '../../../functions/recovery/items.ts';
import { manifest } from '../../../functions/recovery/region-failover/manifest.ts';
import { PAIR } from '../../services/pair.ts';
import { DEMO_PAIR } from '../../services/pair-config.ts';
import { type Insider, startInsider } from '../../services/pair-insider.ts';
import type { TwoRegions, World } from '../../world/world.ts';
import { lengthOf, spanOfStep, watchAws } from '../support/aws-watch.ts';
import { type PlanPlace, startPlan, tookMs, untilEnded } from '../support/plans.ts';
import { expectThat, type Figures, type Scenario, ScenarioFailure, type Stage } from '../types.ts';

const PLAN = manifest.name;
const SILENT = `nightshift-${DEMO_PAIR.deployments.east}-silent`;
const REPLICA = `${PAIR.database}-standby`;
const TARGETS = [`rds-instance/${REPLICA}`, `ecs-service/${PAIR.cluster}/${PAIR.service}`];
/** A sign of life is missed after two minutes, and CloudWatch looks a little further back than it judges. */
const SILENT_WITHIN_MS = 300_000;
const ENDED_WITHIN_MS = 400_000;
/** Enough of the client's requests to see who answers. */
const ANSWERS = 20;

export const scenario: Scenario<World> = {
  name: 'region-failover',
  groups: ['plans'],
  rank: 30,
  summary:
    'a region is lost, and a plan in the standby’s has its database promoted and its users moved, with nobody at hand',
  targets: TARGETS,
  uses: TARGETS,
  timeLimitMs: 900_000,
  environment: { [DEMO_PAIR.switch]: '1' },
  run: async (world, stage): Promise<Figures> => {
    const { twoRegions } = world;
    expectThat(
      twoRegions !== undefined,
      `expected a world with two regions: ${DEMO_PAIR.switch} must be set when it starts`,
    );
    const { pair } = twoRegions;
    const place = placeOf(world, twoRegions);
    const client = pair.startClient();
    stage.restore('the client', () => client.stop());
    await stage.until(
      'the client to be served by the primary',
      () => (client.stats().answeredBy[pair.sites.east.address] ?? 0) >= ANSWERS || undefined,
      { seen: () => JSON.stringify(client.stats().answeredBy) },
    );
    await untilKept(stage, place);
    const insider = await startInsider(pair);
    stage.restore('somebody in the primary’s region', async () => void (await insider.stop()));
    const cutAt = Date.now();
    stage.restore('the way to the region', () => pair.cutOff('east', false));
    await pair.cutOff('east', true);
    stage.step(
      `${pair.regions.east} can’t be reached any more, nor the control planes of Route 53 and IAM; what runs there goes on, and takes writes until its lease is over`,
    );
    await untilSilent(world, stage, pair.regions.west);
    const detectedMs = Date.now() - cutAt;
    stage.step(`${SILENT} calls a person, who starts the plan and says nothing more`);
    const aws = watchAws(world, { services: [PAIR.service], cluster: PAIR.cluster, region: pair.regions.west });
    stage.restore('the watch of the standby', () => aws.stop());
    const { next } = world.gateway.callsSince(Number.MAX_SAFE_INTEGER);
    const run = await startPlan(world, stage, PLAN, { pair: DEMO_PAIR.name, startedBy: 'person:demo-user' }, place);
    const ended = await untilEnded(world, stage, PLAN, run, ENDED_WITHIN_MS, place);
    expectThat(ended.verdict === 'recovered', `expected it to recover, but it ${ended.verdict}: ${ended.summary}`);
    stage.step(`recovered: ${ended.summary}`);
    expectNothingAsked(world, next, pair.regions.east);
    await untilMoved(stage, client.stats, pair.sites.west.address);
    const { downtimeMs } = client.stats();
    await client.stop();
    const inside = await insider.stop();
    expectFenced(inside, ended);
    const rowsLost = await lost(pair, [...client.stats().acknowledged, ...inside.acknowledged]);
    stage.step(
      `${rowsLost} rows are lost: those that the old primary took after the cut, and none of them anywhere else`,
    );
    const recoveryTimeMs = ended.figures?.recoveryTimeMs ?? Number.NaN;
    return {
      incidentId: ended.incidentId,
      recoveryTimeMs,
      targetRecoveryTimeMs: manifest.targets.recoveryTimeSeconds * 1000,
      dataLossMs: Math.round(ended.figures?.dataLossMs ?? Number.NaN),
      targetDataLossMs: manifest.targets.dataLossSeconds * 1000,
      /** Beyond what RDS and ECS themselves needed, and the times that are told of beside it. */
      addedMs:
        recoveryTimeMs -
        lengthOf([
          ...spanOfStep(ended, 'confirm'),
          ...spanOfStep(ended, 'lapse'),
          ...aws.spanOf(ended, 'scale', { steady: PAIR.service }),
          ...aws.spanOf(ended, 'promote', { available: REPLICA }),
          ...spanOfStep(ended, 'move'),
          ...spanOfStep(ended, 'settle'),
        ]),
      /** From the cut to the alarm: before the run. */
      detectedMs,
      /** For as long as the configuration says that no probe may have been answered. */
      confirmingMs: tookMs(ended, 'confirm'),
      /** Until the old primary's last lease was over. */
      fencingMs: tookMs(ended, 'lapse'),
      dnsMs: tookMs(ended, 'move'),
      settlingMs: tookMs(ended, 'settle'),
      waitScale: 1,
      clientDowntimeMs: downtimeMs,
      rowsLost,
    };
  },
};

function placeOf(world: World, { standby: { name, region, outputs } }: TwoRegions): PlanPlace {
  return {
    ...{ deployment: name, region },
    store: new Store(outputs.JournalTable ?? '', world.clients(region).dynamodb),
  };
}

/** The primary has heard of a lease, and may be relied on to stop. */
async function untilKept(stage: Stage, { store }: PlanPlace): Promise<void> {
  let seen = '';
  await stage.until(
    'the primary to take writes by a lease of the standby’s region',
    async () => {
      const authority = await readAuthority(store, DEMO_PAIR.name);
      seen = JSON.stringify(authority);
      return authority?.confirmed && authority.doubt === undefined ? true : undefined;
    },
    { withinMs: 60_000, seen: () => seen },
  );
}

async function untilSilent(world: World, stage: Stage, region: string): Promise<void> {
  let seen = '';
  await stage.until(
    `${SILENT} to fire`,
    async () => {
      const { MetricAlarms: [alarm] = [] } = await world
        .clients(region)
        .cloudwatch.send(new DescribeAlarmsCommand({ AlarmNames: [SILENT] }));
      seen = `${alarm?.StateValue}: ${alarm?.StateReason}`;
      return alarm?.StateValue === 'ALARM' ? true : undefined;
    },
    { withinMs: SILENT_WITHIN_MS, everyMs: 1_000, seen: () => seen },
  );
}

/** Whatever the standby's functions asked of the lost region after that was answered by nobody; the plan's own asked for nothing there. */
function expectNothingAsked(world: World, since: number, lostRegion: string): void {
  const asked = world.gateway
    .callsSince(since)
    .calls.filter(({ caller }) => caller === `nightshift-${DEMO_PAIR.deployments.west}-${PLAN}`)
    .filter(({ region, service }) => region === lostRegion || service === 'route53' || service === 'iam')
    .map(({ service, operation, region }) => `${service} ${operation} ${region}`);
  expectThat(asked.length === 0, `expected the plan to ask nothing of ${lostRegion}, but it asked ${asked.join(', ')}`);
}

async function untilMoved(
  stage: Stage,
  stats: () => { readonly answeredBy: Readonly<Record<string, number>> },
  address: string,
): Promise<void> {
  const before = stats().answeredBy[address] ?? 0;
  await stage.until(
    'the client to be served by the standby',
    () => (stats().answeredBy[address] ?? 0) - before >= ANSWERS || undefined,
    { seen: () => JSON.stringify(stats().answeredBy) },
  );
}

/** Whoever still reached the old primary wrote nothing from before the promotion on: it refused, and nobody had told it to. */
function expectFenced({ at, refusals }: Insider, run: RunItem): void {
  const promotedAt = run.steps.promote?.forward?.actedAt ?? 0;
  expectThat(
    refusals.includes('25006'),
    `expected the old primary to refuse writes, but it refused ${refusals.join() || 'nothing'}`,
  );
  const lastAt = Math.max(...at);
  expectThat(
    lastAt < promotedAt,
    `expected the old primary to take no writes once the replica was promoted, but it took one ${lastAt - promotedAt} ms later`,
  );
}

/** Rows that somebody was told are written, and that the standby hasn't got. They are all in the old primary: what is lost is nowhere else. */
async function lost({ rowsAt }: TwoRegions['pair'], acknowledged: readonly string[]): Promise<number> {
  const [east, west] = [await rowsAt('east'), await rowsAt('west')];
  const missed = acknowledged.filter((id) => !west.has(id));
  const nowhere = missed.filter((id) => !east.has(id)).length;
  expectThat(nowhere === 0, `expected every lost row to be in the old primary, but ${nowhere} are in neither`);
  if (missed.length === 0)
    throw new ScenarioFailure('expected rows to be lost that were written inside the lost region');
  return missed.length;
}
