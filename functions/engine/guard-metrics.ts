/**
 * Guard metrics: what must not be worse after a change than before it, besides the alarm itself (safety.md A8: acting is not healing). Read with
 * the observation at commit, kept with the action, compared at verification. Pure.
 */
import type { GuardMetric } from './runbook.ts';

/** What was seen of them; one that can't be told is left out. `wantedTasks`: how many tasks, and so hosts, there are to be at that moment. */
export type GuardReadings = Readonly<Partial<Record<GuardMetric | 'wantedTasks', number>>>;

interface Rule {
  readonly unit: string;
  /** Whether `after` is worse than `before`, beyond what varies by itself. */
  readonly isWorse: (before: number, after: number) => boolean;
}

/** With fewer requests a minute, one failed or slow request would decide. */
const LEAST_REQUESTS_PER_MINUTE = 10;
/** Shares and means over requests. */
const OF_REQUESTS: readonly GuardMetric[] = ['requestCount', 'errorRate', 'latencySeconds'];

/** Traffic and latency vary by themselves, so they may move some way; a host or a task less is a host or a task less. */
const RULES: Readonly<Record<GuardMetric, Rule>> = {
  healthyHosts: { unit: 'hosts', isWorse: (before, after) => after < before },
  runningTasks: { unit: 'tasks', isWorse: (before, after) => after < before },
  /** Requests a minute: less than half of them still arrive. */
  requestCount: { unit: 'requests a minute', isWorse: (before, after) => after < before / 2 },
  /** Share of failed requests, 0 to 1: two percentage points more, or a tenth more where it was high already. */
  errorRate: { unit: '(share)', isWorse: (before, after) => after > before + Math.max(0.02, before / 10) },
  /** Twice as long and at least 200 ms longer. */
  latencySeconds: { unit: 's', isWorse: (before, after) => after > before * 2 && after > before + 0.2 },
};

export interface Comparison {
  /** Plain sentence fragments, one for each metric that is worse. */
  readonly worse: readonly string[];
  /** Metrics that were known before and can't be told now: nothing shows that they are as good as before. */
  readonly unknown: readonly GuardMetric[];
}

/**
 * Compares the metrics that a runbook guards by.
 * @param before readings at the commit; what wasn't known then can't be compared.
 */
export function compareGuards(
  guards: readonly GuardMetric[],
  before: GuardReadings = {},
  after: GuardReadings = {},
): Comparison {
  const worse: string[] = [];
  const unknown: GuardMetric[] = [];
  for (const guard of guards) {
    const [was, is] = [before[guard], after[guard]];
    if (was === undefined || tellsNothing(guard, before, after)) continue;
    if (is === undefined || fellSilent(guard, before, after)) unknown.push(guard);
    else if (RULES[guard].isWorse(expected(guard, was, before, after), is))
      worse.push(`${guard} went from ${was} to ${is} ${RULES[guard].unit}`);
  }
  return { worse, unknown };
}

/** Of tasks and hosts no more are missed than are wanted: a roll-out has both old and new ones for a while, and auto scaling takes some away. */
const OF_TASKS: readonly GuardMetric[] = ['healthyHosts', 'runningTasks'];
function expected(guard: GuardMetric, was: number, before: GuardReadings, after: GuardReadings): number {
  if (!OF_TASKS.includes(guard)) return was;
  return Math.min(was, before.wantedTasks ?? was, after.wantedTasks ?? was);
}

/** Too few requests to judge by: before for all that is told of requests, afterwards for how they fared. */
function tellsNothing(guard: GuardMetric, before: GuardReadings, after: GuardReadings): boolean {
  if (!OF_REQUESTS.includes(guard)) return false;
  return areFew(before) || (guard !== 'requestCount' && areFew(after) && after.requestCount !== 0);
}

/** Requests came before and none does now: they stay away, or CloudWatch doesn't tell of them yet. Neither shows that all is well. */
const fellSilent = (guard: GuardMetric, before: GuardReadings, after: GuardReadings): boolean =>
  guard !== 'requestCount' && OF_REQUESTS.includes(guard) && !areFew(before) && after.requestCount === 0;

const areFew = ({ requestCount = Number.POSITIVE_INFINITY }: GuardReadings): boolean =>
  requestCount < LEAST_REQUESTS_PER_MINUTE;
