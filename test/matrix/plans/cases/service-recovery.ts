/** `service-recovery` on services with real tasks: each of its steps mends one, and is taken back on another. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DescribeTasksCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { requestStop } from '../../../../functions/engine/plan-stop.ts';
import type { Verdict } from '../../../../functions/recovery/items.ts';
import { manifest } from '../../../../functions/recovery/service-recovery/manifest.ts';
import type { AwsCall } from '../../../../local/world/types.ts';
import { EcsServices } from '../../ecs-services.ts';
import { counted } from '../../incidents/story.ts';
import type { Prepared, Site, UnitCase } from '../../incidents/types.ts';
import type { Place } from '../../place.ts';
import { CLUSTER, nextService } from '../config.ts';
import { type Expected, runEnded, watchRun } from '../story.ts';
import { type PlanRun, readItem, takeRun } from '../turns.ts';

export const unitCase: UnitCase = {
  unit: 'service-recovery',
  deliveries: {
    well: (site) => prepare(site, NOTHING),
    'no tasks': (site) => prepare(site, NO_TASKS),
    'no tasks, stopped': (site) => prepare(site, NO_TASKS, 'restore-configuration'),
    'sick tasks': (site) => prepare(site, SICK_TASKS),
    'bad release': (site) => prepare(site, BAD_RELEASE),
    'bad release, stopped': (site) => prepare(site, BAD_RELEASE, 'roll-back'),
  },
};

/** Revisions of task definitions (ARNs): of tasks that are well, and of tasks that end as soon as they start. */
interface Shared {
  readonly services: EcsServices;
  readonly good: string;
  readonly bad: string;
}

/** What of a service a run may change. */
interface State {
  readonly desired: number;
  readonly taskDefinition: string;
}

interface Trouble {
  make(shared: Shared, place: Place, name: string): Promise<void>;
  /** How the service is wanted after it was mended. */
  wanted(start: State, shared: Shared): State;
  /** Changes of the service that mend it; more would be one that is made twice. */
  readonly changes: number;
}

const NOTHING: Trouble = {
  make: ({ services, good }, _place, name) => services.create(name, good, 1),
  wanted: (start) => start,
  changes: 0,
};

const NO_TASKS: Trouble = {
  async make({ services, good }, _place, name) {
    await services.create(name, good, 0);
  },
  wanted: (start) => ({ ...start, desired: 1 }),
  changes: 1,
};

/** Nobody looks at their health for an hour: ECS would replace them itself. */
const GRACE_SECONDS = 3600;

const SICK_TASKS: Trouble = {
  async make({ services, good }, { ecs }, name) {
    await services.create(name, good, 1);
    await services.ecs.send(
      new UpdateServiceCommand({ cluster: CLUSTER, service: name, healthCheckGracePeriodSeconds: GRACE_SECONDS }),
    );
    await services.settled(name);
    for (const { pid } of ecs.processes(CLUSTER, name)) if (pid !== undefined) process.kill(pid, 'SIGUSR2');
    await until(`the task of ${name} to be unhealthy`, async () => {
      await ecs.checkHealth(CLUSTER, name);
      const { taskArns: tasks = [] } = await services.ecs.send(
        new ListTasksCommand({ cluster: CLUSTER, serviceName: name }),
      );
      const reply = await services.ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks }));
      return reply.tasks?.every(({ healthStatus }) => healthStatus === 'UNHEALTHY') ?? false;
    });
  },
  wanted: (start) => start,
  changes: 1,
};

const BAD_RELEASE: Trouble = {
  async make({ services, good, bad }, _place, name) {
    // Each of the new ones fails once: nothing starts them again here.
    await services.create(name, good, 3);
    await services.ecs.send(new UpdateServiceCommand({ cluster: CLUSTER, service: name, taskDefinition: bad }));
    await until(`three tasks of ${name} to fail`, async () => {
      const primary = (await services.describe(name))?.deployments?.find(({ status }) => status === 'PRIMARY');
      return (primary?.failedTasks ?? 0) >= 3;
    });
  },
  wanted: (start, { good }) => ({ ...start, taskDefinition: good }),
  // The quarantine's tag may be repeated, and isn't counted.
  changes: 1,
};

const opened = new WeakMap<Place, Promise<Shared>>();

function sharedOf(place: Place): Promise<Shared> {
  const known = opened.get(place) ?? open(place);
  opened.set(place, known);
  return known;
}

async function open(place: Place): Promise<Shared> {
  const services = await EcsServices.open(place, CLUSTER);
  const register = async (digest: string, environment: { name: string; value: string }[]) => {
    const image = `${CLUSTER}@sha256:${digest.repeat(64)}`;
    const containerDefinitions = [{ name: CLUSTER, image, essential: true, environment }];
    const made = await services.ecs.send(new RegisterTaskDefinitionCommand({ family: CLUSTER, containerDefinitions }));
    return made.taskDefinition?.taskDefinitionArn ?? '';
  };
  const good = await register('a', []);
  return { services, good, bad: await register('b', [{ name: 'SERVICE_FAIL_START', value: '1' }]) };
}

/** @param stoppedAfter a person stops the run as soon as this step has made its change: what it did is taken back. */
async function prepare(site: Site, trouble: Trouble, stoppedAfter?: string): Promise<Prepared> {
  const { place } = site;
  const shared = await sharedOf(place);
  const name = nextService();
  await trouble.make(shared, place, name);
  const start = await stateOf(shared, name);
  const planRun: PlanRun = { plan: manifest, run: `recover-${name}`, input: { service: name } };
  const live = { ...start };
  const watched = watchRun(site, planRun, (call) => effectOf(call, name, live));
  const expected: Expected = stoppedAfter === undefined ? 'recovered' : 'backed-out';
  return {
    deliver: (copies) =>
      takeRun(site, planRun, copies, {
        ...(stoppedAfter !== undefined && { before: () => stop(site, planRun, stoppedAfter) }),
        settled: () => settled(shared, name),
      }),
    check: async (point) => {
      const { violations, item } = await runEnded(site, planRun, expected, point);
      const found = await stateOf(shared, name);
      const ends = endsOf(item?.verdict, start, trouble.wanted(start, shared));
      const isWanted = ends.some((end) => end.desired === found.desired && end.taskDefinition === found.taskDefinition);
      return [
        ...violations,
        ...watched.found,
        ...(isWanted
          ? []
          : [`I4: after ${item?.verdict} it is ${JSON.stringify(found)}, it was ${JSON.stringify(start)}`]),
        // Made and taken back: twice as many.
        ...counted('I4: changes', watched.changes.length, 0, trouble.changes * (item?.verdict === 'recovered' ? 1 : 2)),
      ];
    },
    dispose: async () => {
      watched.stop();
      await shared.services.delete(name);
    },
  };
}

/** Where a service may be that a run ended with: of what needs a person, one or the other. */
const endsOf = (verdict: Verdict | undefined, start: State, wanted: State): readonly State[] =>
  verdict === 'recovered' ? [wanted] : verdict === 'needs-person' ? [start, wanted] : [start];

async function stateOf({ services }: Shared, name: string): Promise<State> {
  const found = await services.describe(name);
  return { desired: found?.desiredCount ?? 0, taskDefinition: found?.taskDefinition ?? '' };
}

/** @param live what the service is wanted to be; kept by each call that reaches ECS. */
function effectOf(
  { service, operation, params }: AwsCall,
  name: string,
  live: { desired: number; taskDefinition: string },
) {
  if (service !== 'ecs') return undefined;
  if (operation === 'TagResource') return String(params.resourceArn).endsWith(`/${name}`) ? 'repeat' : undefined;
  if (operation !== 'UpdateService' || params.service !== name) return undefined;
  const desired = Number(params.desiredCount ?? live.desired);
  const taskDefinition = String(params.taskDefinition ?? live.taskDefinition);
  const isChange =
    params.forceNewDeployment === true || desired !== live.desired || taskDefinition !== live.taskDefinition;
  Object.assign(live, { desired, taskDefinition });
  return isChange ? 'change' : 'repeat';
}

/** Once the step has made its change, or has failed. */
async function stop({ store }: Site, { plan, run }: PlanRun, after: string): Promise<void> {
  const item = await readItem(store, { plan: plan.name, run });
  if (!item || item.stop || item.phase !== 'working' || item.steps[after]?.forward?.actedAt === undefined) return;
  await store.transact([
    requestStop(store.table, item, { by: 'person:jane', at: Date.now(), reason: 'the wrong service' }),
  ]);
}

/** Until its deployment is over and its tasks are there; one whose tasks never start isn't waited for. */
async function settled({ services }: Shared, name: string): Promise<void> {
  for (const end = Date.now() + SETTLES_WITHIN_MS; Date.now() < end; await sleep(15)) {
    const found = await services.describe(name);
    const [only, ...others] = found?.deployments ?? [];
    const isOver = others.length === 0 && only?.rolloutState !== 'IN_PROGRESS';
    if ((isOver && found?.runningCount === found?.desiredCount) || (only?.failedTasks ?? 0) > 0) return;
  }
}
const SETTLES_WITHIN_MS = 5_000;

const WITHIN_MS = 20_000;
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + WITHIN_MS; Date.now() < end; await sleep(20)) if (await isSo()) return;
  throw new Error(`${what}: not within ${WITHIN_MS} ms`);
}
