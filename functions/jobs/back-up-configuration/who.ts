/** Who changed something, by what CloudTrail recorded. Pure. Of a call's parameters only names are compared; none is told. */
import * as z from 'zod/mini';
import type { ItemChange } from '../../configuration/diff.ts';
import { type ItemKind, nameOf } from '../../configuration/item.ts';

/** The calls by which things of a kind are changed, as CloudTrail names them (API references of the services). */
export const CALLS: Readonly<Record<ItemKind, readonly string[]>> = {
  service: ['UpdateService', 'CreateService', 'DeleteService'],
  scaling: ['RegisterScalableTarget', 'PutScalingPolicy', 'DeleteScalingPolicy', 'DeregisterScalableTarget'],
  record: ['ChangeResourceRecordSets'],
  alarm: ['PutMetricAlarm', 'DisableAlarmActions', 'EnableAlarmActions', 'DeleteAlarms'],
  certificate: ['ImportCertificate', 'RenewCertificate', 'DeleteCertificate'],
  parameter: ['PutParameter', 'DeleteParameter', 'DeleteParameters'],
  rule: ['PutRule', 'EnableRule', 'DisableRule', 'DeleteRule', 'PutTargets', 'RemoveTargets'],
  'state-machine': ['UpdateStateMachine', 'CreateStateMachine', 'DeleteStateMachine'],
  uncovered: [],
};

/** Of what CloudTrail keeps of a call ("CloudTrail record contents"), what is read here. */
const recordForm = z.object({
  eventName: z.string(),
  eventTime: z.string(),
  errorCode: z.optional(z.string()),
  userAgent: z.optional(z.nullable(z.string())),
  userIdentity: z.optional(
    z.object({ arn: z.optional(z.string()), invokedBy: z.optional(z.string()), type: z.optional(z.string()) }),
  ),
  requestParameters: z.optional(z.unknown()),
});

export interface Call {
  readonly event: string;
  /** ISO 8601. */
  readonly at: string;
  /** ARN of who made it, or the AWS service that did. */
  readonly by: string;
  /** Every text among its parameters: compared with names, never told. */
  readonly texts: readonly string[];
}

/** @param text the record, JSON. Undefined: not a record, or a call that was refused and changed nothing. */
export function callIn(text: string | undefined): Call | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
  const { success, data } = recordForm.safeParse(json);
  if (!success || data.errorCode !== undefined) return undefined;
  const { arn, invokedBy, type = 'somebody' } = data.userIdentity ?? {};
  return {
    ...{ event: data.eventName, at: data.eventTime, by: arn ?? invokedBy ?? type },
    texts: textsIn(data.requestParameters),
  };
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** What of a thing's id has to be among the parameters of a call that changed it. */
function namesOf({ kind, id }: Pick<ItemChange, 'kind' | 'id'>): string[] {
  const parts = id.split('/');
  switch (kind) {
    case 'service':
      return parts;
    case 'scaling':
      return [`service/${id}`];
    case 'record':
      return parts.slice(0, 2);
    case 'rule':
      return [parts.slice(1).join('/')];
    default:
      return [id];
  }
}

/** By itself, as the end of an ARN, or as a name with the dot of DNS at its end. */
const isNamed = (name: string, text: string): boolean => {
  const plain = text.toLowerCase().replace(/\.$/, '');
  const wanted = name.toLowerCase();
  return plain === wanted || plain.endsWith(`/${wanted}`) || plain.endsWith(`:${wanted}`);
};

/** The newest call that changed it; undefined: CloudTrail tells of none. A service's first revision of a day may have been another's: the newest is told. */
export function lastCallOn(change: Pick<ItemChange, 'kind' | 'id'>, calls: readonly Call[]): Call | undefined {
  const events = CALLS[change.kind];
  const names = namesOf(change);
  return calls
    .filter(
      ({ event, texts }) => events.includes(event) && names.every((name) => texts.some((text) => isNamed(name, text))),
    )
    .toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at))[0];
}

/** "service/orders/backend: UpdateService at 2026-11-22T01:02:03Z by arn:...:user/jane". */
export function tellWho(change: Pick<ItemChange, 'kind' | 'id'>, calls: readonly Call[]): string {
  const call = lastCallOn(change, calls);
  return `${nameOf(change)}: ${call ? `${call.event} at ${call.at} by ${call.by}` : 'CloudTrail tells of no call that changed it'}`;
}
