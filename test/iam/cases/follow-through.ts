/** Paths of the follow-through, its state machine and the reconciler's orders that the demo doesn't take. */
import {
  DescribeStateMachineCommand,
  SFNClient,
  StartExecutionCommand,
  UpdateStateMachineCommand,
} from '@aws-sdk/client-sfn';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { JournalEntry } from '../../../events/journal.ts';
import { putTargetWork } from '../../../functions/engine/action.ts';
import { followKey, followPartition, readFollowing } from '../../../functions/engine/following.ts';
import type { TargetKind } from '../../../functions/engine/manifest.ts';
import { noVerify } from '../../../functions/engine/resolution.ts';
import type { Store } from '../../../functions/engine/store.ts';
import { entryMaker, newId, putEntry, signed } from '../../../functions/engine/writes.ts';
import { MOST_ROUNDS } from '../../../infra/constructs/follow-through-definition.ts';
import { discover } from '../../../infra/discover.ts';
import { expectThat, type Scenario, type Stage } from '../../../local/scenarios/types.ts';
import { OPERATOR } from '../../../local/world/clients.ts';
import type { World } from '../../../local/world/world.ts';
import { journalOf, RECONCILER, unlisted } from './support.ts';

const FOLLOW = 'nightshift-demo-follow-through';
const TARGET = 'ecs-service/orders/followed';
const SUBJECT = 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:followed';
const MINUTE_MS = 60_000;

/** An incident that began ten minutes ago; the publisher has it followed. It ends with the case. */
async function openIncident(
  stage: Stage,
  store: Store,
  lines: (make: ReturnType<typeof entryMaker>) => JournalEntry[],
): Promise<string> {
  const id = `inc-${newId(Date.now())}`;
  const make = entryMaker(id, 'scale-out-service', Date.now() - 10 * MINUTE_MS);
  const opened = make('opened', 'followed', { title: 'followed', target: TARGET, severity: 'P4' });
  const signal = make('signal', 'firing', { subject: SUBJECT, name: 'followed', signalId: id });
  const written = await store.transact([
    unlisted(putEntry(store.table, opened)),
    ...[signal, ...lines(make)].map((entry) => putEntry(store.table, entry)),
  ]);
  expectThat(written.ok, `${id} could not be written`);
  stage.restore(id, async () => {
    await store.transact([
      putEntry(store.table, entryMaker(id, 'person:ann', Date.now())('resolved', 'the case is over')),
    ]);
  });
  return id;
}

/** Waits for a call, from now on or made already, whose need is this action on a resource that ends so. */
const asked = (world: World, stage: Stage, caller: string, action: string, ending: string, from: number) =>
  stage.until(
    `${action} on ${ending} by ${caller}`,
    () =>
      world.gateway
        .callsSince(from)
        .calls.find(
          (call) =>
            call.caller === caller &&
            call.needs?.some((need) => need.action === action && need.resource.endsWith(ending)),
        ),
    { withinMs: 80_000, everyMs: 100 },
  );

const sfnOf = (world: World): SFNClient =>
  new SFNClient({
    endpoint: world.endpoint,
    region: world.context.region,
    userAgentAppId: OPERATOR,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
const machineOf = (world: World): string =>
  `arn:aws:states:${world.context.region}:${world.context.accountId}:stateMachine:${FOLLOW}`;

/** What is deployed (the world has no certificate, and starts no plan by alarm), each with a target of its own kind that nothing else knows: it may write no other. */
async function remediations(): Promise<{ name: string; target: string }[]> {
  const kinds: readonly TargetKind[] = ['ecs-service', 'rds-instance', 'dns-endpoint'];
  return (await discover()).remediations
    .map(({ manifest }) => manifest)
    .filter(({ targetKind, startsPlan }) => kinds.includes(targetKind) && startsPlan === undefined)
    .map(({ name, targetKind }) => ({
      name,
      target: `${targetKind}/${targetKind === 'ecs-service' ? 'orders/' : ''}followed`,
    }));
}
const CANARY = { name: 'canary', target: 'canary/followed' };

const settle = (target: string) => ({ nightshift: 1, command: 'settle', target, alarms: {} }) as const;

const rungs: Scenario<World> = {
  name: 'follow-rungs',
  summary: 'the follow-through gives each remediation its order, and looks at alarms before it has anything settled',
  groups: [],
  rank: 6,
  targets: [],
  uses: [FOLLOW],
  timeLimitMs: 120_000,
  run: async (world, stage) => {
    const store = journalOf(world);
    const { next } = world.gateway.callsSince(Number.MAX_SAFE_INTEGER);
    const names = await remediations();
    for (const { name, target } of names)
      await openIncident(stage, store, (make) => [
        make('handed-on', `${name} is next`, {
          next: { remediation: name, runbook: 'followed', command: settle(target) },
        }),
      ]);
    await openIncident(stage, store, (make) => [
      make('intent', 'will change nothing', {
        actionId: 'act-followed',
        remediation: 'scale-out-service',
        change: 'nothing',
      }),
      make('acted', 'changed nothing', { actionId: 'act-followed' }),
      make('alarm-ok', 'OK', { subject: SUBJECT, alarmArn: SUBJECT }),
    ]);
    for (const { name } of names)
      await asked(world, stage, FOLLOW, 'lambda:InvokeFunction', `:function:nightshift-demo-${name}`, next);
    await asked(world, stage, FOLLOW, 'cloudwatch:DescribeAlarms', '', next);
    return {};
  },
};

const takenUp: Scenario<World> = {
  name: 'follow-taken-up',
  summary: 'the reconciler has an incident followed again that nobody looked at, and orders every remediation',
  groups: [],
  rank: 7,
  targets: [],
  uses: [FOLLOW, RECONCILER],
  timeLimitMs: 180_000,
  run: async (world, stage) => {
    const store = journalOf(world);
    const { next } = world.gateway.callsSince(Number.MAX_SAFE_INTEGER);
    const id = await openIncident(stage, store, () => []);
    await stage.until('it is followed', async () => (await readFollowing(store, id)) && true, { withinMs: 30_000 });
    const late = { ':pk': followPartition(id), ':due': 1 };
    const { pk, sk } = followKey(id);
    await store.transact([
      signed('late', {
        Update: {
          TableName: store.table,
          Key: marshall({ pk, sk }),
          UpdateExpression: 'SET duePk = :pk, dueAt = :due',
          ExpressionAttributeValues: marshall(late),
        },
      }),
    ]);
    const names = [...(await remediations()), CANARY];
    for (const { name, target } of names) {
      // By the name that remediations know it by, so that they drop it: an order that stays open keeps the next one of its remediation waiting.
      await store.transact([putTargetWork(store, 'verify', target, name, Date.now())]);
      stage.restore(`the work of ${name}`, async () => {
        await store.transact([noVerify(store, target, name)]);
      });
    }
    await asked(world, stage, RECONCILER, 'lambda:InvokeFunction', `:function:${FOLLOW}`, next);
    await asked(world, stage, FOLLOW, 'states:StartExecution', `:stateMachine:${FOLLOW}`, next);
    for (const { name } of names)
      await asked(world, stage, RECONCILER, 'lambda:InvokeFunction', `:function:nightshift-demo-${name}`, next);
    return {};
  },
};

/** The machine's own calls are asked of IAM, not made through the gateway. */
const askedByMachine = (world: World, stage: Stage, action: string) =>
  stage.until(
    `${action} by the state machine`,
    () =>
      world.gateway.iam
        .asked()
        .find(
          ({ caller, needs }) => caller === `stateMachine:${FOLLOW}` && needs.some((need) => need.action === action),
        ),
    { withinMs: 60_000, everyMs: 100 },
  );

const machine: Scenario<World> = {
  name: 'follow-machine',
  summary:
    'the state machine pages for what its function does not understand, and continues as a new execution after many rounds',
  groups: [],
  rank: 8,
  targets: [],
  uses: [FOLLOW],
  timeLimitMs: 150_000,
  run: async (world, stage) => {
    const sfn = sfnOf(world);
    stage.restore('the client', async () => sfn.destroy());
    const stateMachineArn = machineOf(world);
    const wrong = JSON.stringify({ incidentId: 'no incident', generation: 0 });
    await sfn.send(new StartExecutionCommand({ stateMachineArn, name: `wrong-${Date.now()}`, input: wrong }));
    await askedByMachine(world, stage, 'sns:Publish');
    const { definition = '' } = await sfn.send(new DescribeStateMachineCommand({ stateMachineArn }));
    const late = definition.replace(/"round":\s*0/, `"round":${MOST_ROUNDS}`);
    expectThat(late !== definition, 'the definition counts its rounds from 0');
    stage.restore('the definition', async () => {
      await sfn.send(new UpdateStateMachineCommand({ stateMachineArn, definition }));
    });
    await sfn.send(new UpdateStateMachineCommand({ stateMachineArn, definition: late }));
    await openIncident(stage, journalOf(world), () => []);
    await askedByMachine(world, stage, 'states:StartExecution');
    return {};
  },
};

export const FOLLOW_CASES = [rungs, takenUp, machine];
