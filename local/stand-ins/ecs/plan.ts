/**
 * What the service scheduler does next. Pure. Follows AWS pages "Deploy Amazon ECS services by replacing tasks" and
 * API "DeploymentConfiguration": the lower limit is rounded up, the upper limit rounded down.
 */
export interface PlannedTask {
  readonly id: string;
  readonly deploymentId: string;
  /** Tasks that are stopping are not given. */
  /** One that runs and isn't healthy is still starting. */
  readonly phase: 'starting' | 'running';
  /** Its order of creation; the newest goes first when a service is scaled in. */
  readonly order: number;
}

export interface PlanInput {
  readonly desiredCount: number;
  readonly minimumHealthyPercent: number;
  readonly maximumPercent: number;
  readonly primaryId: string;
  /** False while the primary deployment has failed or waits after failures: nothing is started, and nothing old is given up for it. */
  readonly mayStart: boolean;
  readonly tasks: readonly PlannedTask[];
}

export interface Plan {
  readonly start: number;
  readonly stop: readonly string[];
}

/** How many tasks of the primary deployment to start now, and which tasks to stop. */
export function planService(input: PlanInput): Plan {
  const { desiredCount, tasks } = input;
  const lower = Math.ceil((desiredCount * input.minimumHealthyPercent) / 100);
  const upper = Math.max(desiredCount, Math.floor((desiredCount * input.maximumPercent) / 100));
  const primary = tasks.filter((task) => task.deploymentId === input.primaryId);
  const old = tasks.filter((task) => task.deploymentId !== input.primaryId);
  const running = (list: readonly PlannedTask[]): PlannedTask[] => list.filter((task) => task.phase === 'running');

  const surplus = Math.max(0, primary.length - desiredCount);
  const primaryStops = [...primary].sort(byDispensability).slice(0, surplus);
  const kept = running(primary).filter((task) => !primaryStops.includes(task)).length;

  const oldStops = stoppableOld(old, { kept, lower, desiredCount, mayStart: input.mayStart, newest: primary.length });
  const missing = Math.max(0, desiredCount - primary.length);
  const room = upper - (tasks.length - primaryStops.length - oldStops.length);
  const start = input.mayStart ? Math.max(0, Math.min(missing, room)) : 0;
  return { start, stop: [...primaryStops, ...oldStops].map((task) => task.id) };
}

/** Starting before running, then newest before oldest. */
const byDispensability = (a: PlannedTask, b: PlannedTask): number =>
  a.phase === b.phase ? b.order - a.order : a.phase === 'starting' ? -1 : 1;

/**
 * Old tasks that can go while `lower` stay healthy: starting ones at once; running ones as new ones replaced them, or, where the
 * limits leave no room to start a new one first, as far as the lower limit allows. Never below what a waiting deployment can replace.
 */
function stoppableOld(
  old: readonly PlannedTask[],
  limits: { kept: number; lower: number; desiredCount: number; mayStart: boolean; newest: number },
): PlannedTask[] {
  const starting = old.filter((task) => task.phase === 'starting');
  const running = old.filter((task) => task.phase === 'running').sort((a, b) => a.order - b.order);
  const healthy = limits.kept + running.length;
  const needed = limits.mayStart ? limits.lower : Math.max(limits.lower, limits.desiredCount);
  const spare = Math.max(0, healthy - needed);
  return [...starting, ...running.slice(0, spare)];
}
