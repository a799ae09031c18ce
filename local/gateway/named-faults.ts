/** Faults that have a name, for the command line, scenarios and tests. */
import type { Fault } from '../world/types.ts';

interface NamedFault {
  /** One sentence: what the world is like while it is set. */
  readonly summary: string;
  readonly match: Fault['match'];
  readonly kind: Fault['kind'];
  readonly delayMs?: number;
  readonly times?: number;
}

export const NAMED_FAULTS: Readonly<Record<string, NamedFault>> = {
  'ecs-throttled': {
    summary: 'ECS answers every call with ThrottlingException.',
    match: { service: 'ecs' },
    kind: 'throttled',
  },
  'ecs-refused': {
    summary: 'Nobody may change an ECS service.',
    match: { service: 'ecs', operation: 'UpdateService' },
    kind: 'refused',
  },
  'ecs-timeout-before': {
    summary: 'The next change of an ECS service times out and has no effect.',
    match: { service: 'ecs', operation: 'UpdateService' },
    kind: 'timeout-before',
    times: 1,
  },
  'ecs-timeout-after': {
    summary: 'The next change of an ECS service takes effect, but the reply is lost.',
    match: { service: 'ecs', operation: 'UpdateService' },
    kind: 'timeout-after',
    times: 1,
  },
  'ecs-killed-after': {
    summary: 'The function that next changes an ECS service is killed right after the change took effect.',
    match: { service: 'ecs', operation: 'UpdateService' },
    kind: 'kill-caller-after',
    times: 1,
  },
  'ecs-slow': {
    summary: 'Every ECS call takes two seconds longer.',
    match: { service: 'ecs' },
    kind: 'slow',
    delayMs: 2_000,
  },
  'scaling-throttled': {
    summary: 'Application Auto Scaling answers every call with ThrottlingException.',
    match: { service: 'application-autoscaling' },
    kind: 'throttled',
  },
  'journal-down': {
    summary: 'DynamoDB doesn’t answer: nothing can be read from or written to the journal.',
    match: { service: 'dynamodb' },
    kind: 'timeout-before',
  },
  'journal-throttled': {
    summary: 'DynamoDB throttles every transaction.',
    match: { service: 'dynamodb', operation: 'TransactWriteItems' },
    kind: 'throttled',
  },
  'journal-refused': { summary: 'DynamoDB refuses every call.', match: { service: 'dynamodb' }, kind: 'refused' },
  'journal-timeout-after': {
    summary: 'The next transaction takes effect, but the reply is lost.',
    match: { service: 'dynamodb', operation: 'TransactWriteItems' },
    kind: 'timeout-after',
    times: 1,
  },
  'database-refused': { summary: 'RDS refuses every API call.', match: { service: 'rds' }, kind: 'refused' },
  'database-throttled': { summary: 'RDS throttles every API call.', match: { service: 'rds' }, kind: 'throttled' },
  'alarms-unreadable': {
    summary: 'CloudWatch refuses to tell the state of alarms.',
    match: { service: 'monitoring' },
    kind: 'refused',
  },
  'pages-lost': {
    summary: 'SNS throttles every message.',
    match: { service: 'sns', operation: 'Publish' },
    kind: 'throttled',
  },
  'region-down': {
    summary: 'The region us-east-1 can’t be reached, and with it the control planes of Route 53 and IAM.',
    match: { region: 'us-east-1' },
    kind: 'cut-off',
  },
  'standby-region-down': {
    summary: 'The region us-west-2 can’t be reached.',
    match: { region: 'us-west-2' },
    kind: 'cut-off',
  },
};

/** The catalogued fault of that name, ready to be set; nothing when there is none. */
export function namedFault(name: string): Fault | undefined {
  const found = Object.hasOwn(NAMED_FAULTS, name) ? NAMED_FAULTS[name] : undefined;
  if (!found) return undefined;
  const { summary: _, ...fault } = found;
  return { name, ...fault };
}
