/** What the morning round finds. Pure. */

import type { HealthChecks } from '../../engine/config.ts';
import { isAutoScalingAlarm } from '../../engine/sources/cloudwatch-alarm.ts';
import type { Finding } from '../findings.ts';

/** A service as ECS tells it; `missing` says why it isn't there. */
export type ServiceSeen =
  | { readonly kind: 'missing'; readonly why: string }
  | { readonly kind: 'service'; readonly desired: number; readonly running: number; readonly rollingOut: boolean };

/** Requests of the last 24 hours, from its load balancer; undefined: none is known, or CloudWatch tells of none. */
export interface RequestsSeen {
  readonly requests: number;
  readonly errors: number;
}

export type DatabaseSeen =
  | { readonly kind: 'missing'; readonly why: string }
  | {
      readonly kind: 'instance';
      readonly status: string;
      readonly storageGib: number;
      /** Undefined when CloudWatch tells of no free storage in the last minutes. */
      readonly freeGib: number | undefined;
    };

export interface AlarmSeen {
  readonly name: string;
  /** Epoch milliseconds. */
  readonly firingSince: number;
  readonly description: string | undefined;
  /** Somebody may have switched its actions off, so that it calls nobody. */
  readonly isHeard: boolean;
}

/** A database in these states serves; in all others of "Viewing Amazon RDS DB instance status" it doesn't, or somebody is at it. */
const SERVES = [
  ...['available', 'backing-up', 'configuring-enhanced-monitoring', 'configuring-iam-database-auth'],
  ...['configuring-log-exports', 'storage-optimization', 'storage-initialization'],
];

/** @param minTasks fewer than this must not run, whatever is desired at the moment. */
export function serviceFindings(subject: string, seen: ServiceSeen, minTasks: number): Finding[] {
  const about = { check: 'service', subject };
  if (seen.kind === 'missing') return [{ ...about, result: 'failed', says: seen.why }];
  const { desired, running, rollingOut } = seen;
  const wanted = Math.max(minTasks, rollingOut ? minTasks : desired);
  const says = `${running} of ${desired} tasks run${rollingOut ? ' during a deployment' : ''}; at least ${wanted} must`;
  return [{ ...about, result: running < wanted ? 'failed' : 'passed', says }];
}

export function requestFindings(
  subject: string,
  seen: RequestsSeen | undefined,
  { errorsAbovePercent }: HealthChecks,
): Finding[] {
  const about = { check: 'errors', subject };
  if (!seen) return [{ ...about, result: 'unknown', says: 'CloudWatch tells of no request in 24 hours' }];
  const percent = (100 * seen.errors) / seen.requests;
  return [
    {
      ...about,
      result: percent > errorsAbovePercent ? 'failed' : 'passed',
      says: `${percent.toFixed(2)} % of ${seen.requests} requests failed in 24 hours; the limit is ${errorsAbovePercent} %`,
    },
  ];
}

export function databaseFindings(
  subject: string,
  seen: DatabaseSeen,
  { storageAbovePercent }: HealthChecks,
): Finding[] {
  if (seen.kind === 'missing') return [{ check: 'database', subject, result: 'failed', says: seen.why }];
  const { status, storageGib, freeGib } = seen;
  const state: Finding = {
    check: 'database',
    subject,
    result: SERVES.includes(status) ? 'passed' : 'failed',
    says: `the instance is ${status}`,
  };
  const about = { check: 'storage', subject };
  if (freeGib === undefined || storageGib <= 0)
    return [state, { ...about, result: 'unknown', says: 'CloudWatch tells of no free storage in the last minutes' }];
  const used = 100 * (1 - freeGib / storageGib);
  return [
    state,
    {
      ...about,
      result: used > storageAbovePercent ? 'failed' : 'passed',
      says: `${used.toFixed(0)} % of ${storageGib} GiB are in use; the limit is ${storageAbovePercent} %`,
    },
  ];
}

/**
 * Alarms that nobody has mended for hours; younger ones are the incidents' business. Auto scaling's own fire for as long as a service could be smaller, and are acted on by
 * their policy; those whose actions are off were silenced by somebody. @param now epoch milliseconds.
 */
export const alarmFindings = (alarms: readonly AlarmSeen[], { firingForHours }: HealthChecks, now: number): Finding[] =>
  alarms
    .filter(({ name, description, isHeard }) => isHeard && !isAutoScalingAlarm(name, description))
    .map(({ name, firingSince }) => {
      const hours = (now - firingSince) / 3_600_000;
      return {
        check: 'alarm',
        subject: name,
        result: hours > firingForHours ? 'failed' : 'passed',
        says: `it has been firing for ${hours.toFixed(1)} hours; told from ${firingForHours}`,
      };
    });
