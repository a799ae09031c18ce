/** Events of AWS Health as targets of their own: each is a trouble with a beginning and an end that AWS tells. Data and pure functions. */
import type { Protected } from './config.ts';

/** `eventTypeCategory` ("Reference: AWS Health events Amazon EventBridge schema", AWS Health User Guide). */
export const HEALTH_CATEGORIES = ['issue', 'investigation', 'scheduledChange', 'accountNotification'] as const;

const PREFIX = 'aws-health/';

/** One event of AWS Health. */
export interface HealthEvent extends Protected {
  /** The last part of its ARN: `AWS_RDS_MAINTENANCE_SCHEDULED_1234`. */
  readonly name: string;
}

/** The target of an event by its ARN (`arn:aws:health:<region>::event/<service>/<type>/<type and id>`); undefined for what is no such ARN. */
export function healthTarget(eventArn: string): string | undefined {
  const [, last] = /^arn:[a-z-]+:health:[^:]*:[^:]*:event\/(?:[\w-]+\/)*([\w-]{1,200})$/.exec(eventArn) ?? [];
  return last === undefined ? undefined : `${PREFIX}${last}`;
}

/** The event that a target's key names. How severe it is, its runbook says. */
export const healthEventOf = (key: string): HealthEvent | undefined =>
  key.startsWith(PREFIX) ? { name: key.slice(PREFIX.length), severity: 'P1' } : undefined;
