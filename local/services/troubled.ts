/**
 * Services that scenarios bring into trouble, one for each, so that they can be played at the same time. A world has those that its
 * scenarios ask for by their `environment`: seeded with it, configured when it is deployed.
 */
import type { ServiceInput } from '../../infra/config/schema.ts';
import { balancerOf } from '../stand-ins/ecs/balancer-metrics.ts';
import { DEMO, EXECUTION_ROLE, type SeededService } from './seed.ts';

interface Troubled extends Omit<SeededService, 'name'> {
  /** What the demo's configuration says of it besides `BASE`. */
  readonly config: Partial<ServiceInput>;
}

const BASE = {
  cluster: DEMO.cluster,
  minTasks: 1,
  maxTasks: 4,
  cpuForSeconds: 10,
  memoryForSeconds: 10,
  tasksForSeconds: 10,
  stabiliseForSeconds: 5,
  taskUnhealthyForSeconds: 5,
  createAlarms: false,
} as const satisfies Partial<ServiceInput>;
const REQUEST_ALARMS = {
  errorsForSeconds: 10,
  errorsFromRequests: 5,
  latencyForSeconds: 10,
  unhealthyForSeconds: 10,
} as const;

/** By name. Without alarms of its own a service is watched by the events of ECS alone. */
const TROUBLED = {
  /** Crashes after a release. */
  cart: { tasks: 1, config: {} },
  /** Killed again and again by what nobody released. */
  search: { tasks: 1, config: { createAlarms: true, containerInsights: true } },
  /** Answers with errors after a release. */
  checkout: { tasks: 1, config: { createAlarms: true, requestAlarms: REQUEST_ALARMS } },
  /** Slow under load, long before CPU says so. */
  catalog: {
    tasks: 1,
    config: {
      createAlarms: true,
      cpuAbovePercent: 100,
      requestAlarms: { ...REQUEST_ALARMS, latencyAboveSeconds: 0.4 },
    },
  },
  /** Needs more memory than it has when it is asked several things at once, each of which takes half a second: 154 + 8 x 60 MiB of 512. */
  reports: {
    tasks: 1,
    environment: { SERVICE_MEMORY_MIB: '154', SERVICE_MEMORY_MIB_PER_REQUEST: '60', SERVICE_COST_MS: '500' },
    config: { maxTaskMemoryMib: 2048, maxTaskCpuUnits: 1024, taskRoles: [EXECUTION_ROLE] },
  },
  /** Somebody gives it more tasks than its load needs. */
  labels: {
    tasks: 1,
    config: { createAlarms: true, containerInsights: true, cpuBelowPercent: 40, idleForSeconds: 10 },
  },
  /** A task of it fails its health checks within the time in which ECS ignores them. */
  images: {
    tasks: 3,
    healthCheckGracePeriodSeconds: 3_600,
    config: { createAlarms: true, requestAlarms: REQUEST_ALARMS },
  },
} as const satisfies Readonly<Record<string, Troubled>>;

export type TroubledName = keyof typeof TROUBLED;

/** Environment variable that asks for it. */
const variableOf = (name: string): string => `NIGHTSHIFT_DEMO_SERVICE_${name.toUpperCase()}`;
type Environment = Readonly<Record<string, string | undefined>>;
const askedFor = (environment: Environment): [string, Troubled][] =>
  Object.entries(TROUBLED).filter(([name]) => environment[variableOf(name)] !== undefined);

/** What a scenario says so that its world has that service. */
export const askFor = (name: TroubledName): Readonly<Record<string, string>> => ({ [variableOf(name)]: '1' });
export const targetOf = (name: TroubledName): string => `ecs-service/${DEMO.cluster}/${name}`;
export const tasksOf = (name: TroubledName): number => TROUBLED[name].tasks;

export const troubledSeeds = (environment: Environment): SeededService[] =>
  askedFor(environment).map(([name, { config: _, ...seed }]) => ({ name, ...seed }));

export const troubledConfig = (environment: Environment): Record<string, ServiceInput> =>
  Object.fromEntries(
    askedFor(environment).map(([name, { config }]) => [name, { ...BASE, balancedBy: balancerOf(name), ...config }]),
  );
