/**
 * Records of Amazon Route 53. Its control plane is one, in us-east-1 ("AWS service endpoints"), wherever the caller is; the client finds it by the partition of
 * the caller's region.
 */
import {
  type Change,
  ChangeResourceRecordSetsCommand,
  InvalidChangeBatch,
  ListResourceRecordSetsCommand,
  type ResourceRecordSet,
  Route53Client,
  type RRType,
} from '@aws-sdk/client-route-53';
import { changingClientDefaults, clientDefaults } from '../engine/clients.ts';
import { classifyAwsError, type EngineError, RetryableError } from '../engine/errors.ts';
import { canonicalName, type RecordNamed, type RecordState } from './record.ts';

const reading = new Route53Client(clientDefaults());
const changing = new Route53Client(changingClientDefaults());

/** What a record is known by. */
export type RecordKey = Pick<RecordNamed, 'recordName' | 'recordType'>;

/** "PriorRequestNotComplete" (400): another change of the zone is under way, so it is worth another try. */
export function classified(action: string, error: unknown): EngineError {
  const passing = error instanceof Error && error.name === 'PriorRequestNotComplete';
  return passing
    ? new RetryableError(`${action}: ${error.name}: ${error.message}`, { cause: error })
    : classifyAwsError(action, error);
}

export type RecordReading =
  | { readonly kind: 'missing' }
  /** It has a routing policy, a health check of its own or what else makes it more than one answer for everybody. */
  | { readonly kind: 'not-simple'; readonly why: string }
  | { readonly kind: 'record'; readonly record: RecordState };

/**
 * "ListResourceRecordSets": those of the name and type, and what follows them (types of one name in their order, AAAA right behind A).
 * @throws EngineError
 */
export async function readRecord(zoneId: string, { recordName, recordType }: RecordKey): Promise<RecordReading> {
  const named = await recordsFrom(zoneId, { recordName, recordType });
  const found = named.find(({ Type }) => Type === recordType);
  if (!found) return { kind: 'missing' };
  const policy = (['SetIdentifier', 'HealthCheckId', 'TrafficPolicyInstanceId'] as const).find((name) => found[name]);
  if (policy) return { kind: 'not-simple', why: `it has a ${policy}, so Route 53's own routing decides where they go` };
  // Clients that speak IPv6 follow the one that isn't moved.
  const beside = named.find(({ Type }) => Type === 'AAAA' && recordType === 'A');
  if (beside) return { kind: 'not-simple', why: 'there is an AAAA record of the same name, which would stay' };
  return { kind: 'record', record: stateOf(found) };
}

/** The records of exactly that name, from that type on. */
async function recordsFrom(zoneId: string, { recordName, recordType }: RecordKey): Promise<ResourceRecordSet[]> {
  try {
    const { ResourceRecordSets = [] } = await reading.send(
      new ListResourceRecordSetsCommand({
        ...{ HostedZoneId: zoneId, MaxItems: 2 },
        ...{ StartRecordName: recordName, StartRecordType: recordType as RRType },
      }),
    );
    return ResourceRecordSets.filter(
      ({ Name = '' }) => canonicalName(unescapeName(Name)) === canonicalName(recordName),
    );
  } catch (error) {
    throw classified('route53:ListResourceRecordSets', error);
  }
}

function stateOf({ AliasTarget: alias, TTL, ResourceRecords = [] }: ResourceRecordSet): RecordState {
  if (!alias) return { ttlSeconds: TTL ?? 0, values: ResourceRecords.map(({ Value = '' }) => Value) };
  const { HostedZoneId: aliasZoneId = '', DNSName: dnsName = '', EvaluateTargetHealth } = alias;
  return { aliasZoneId, dnsName, evaluateTargetHealth: EvaluateTargetHealth ?? false };
}

/** "DNS domain name format": characters besides letters, digits and hyphens come as octal escapes (`\052` is `*`). */
const unescapeName = (name: string): string =>
  name.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

export type Changed =
  | { readonly kind: 'changed'; readonly changeId: string }
  /** The batch was refused as a whole: a record isn't as it was said to be, or can't be what is asked for. */
  | { readonly kind: 'differs'; readonly why: string };

/**
 * Puts one record in the place of another, in one batch: the exact old one is deleted and the new one created, or nothing happens ("ChangeResourceRecordSets": all
 * changes of a batch are made or none is). So nobody else's change is overwritten, and repeating it after its answer was lost changes nothing.
 * @returns `differs` when the old record isn't as it was said to be.
 * @throws EngineError
 */
export const replaceRecord = (
  zoneId: string,
  named: RecordKey,
  before: RecordState,
  after: RecordState,
): Promise<Changed> => change(zoneId, [asChange('DELETE', named, before), asChange('CREATE', named, after)]);

/** Creates a record where there is none of its name and type. @returns `differs` when there is. @throws EngineError */
export const createRecord = (zoneId: string, named: RecordKey, record: RecordState): Promise<Changed> =>
  change(zoneId, [asChange('CREATE', named, record)]);

async function change(zoneId: string, changes: Change[]): Promise<Changed> {
  try {
    const { ChangeInfo } = await changing.send(
      new ChangeResourceRecordSetsCommand({
        HostedZoneId: zoneId,
        ChangeBatch: { Comment: 'Nightshift', Changes: changes },
      }),
    );
    return { kind: 'changed', changeId: (ChangeInfo?.Id ?? '').replace('/change/', '') };
  } catch (error) {
    if (error instanceof InvalidChangeBatch)
      return { kind: 'differs', why: error.messages?.join('; ') || error.message || error.name };
    throw classified('route53:ChangeResourceRecordSets', error);
  }
}

const asChange = (action: 'DELETE' | 'CREATE', { recordName, recordType }: RecordKey, record: RecordState): Change => ({
  Action: action,
  ResourceRecordSet: {
    ...{ Name: recordName, Type: recordType as RRType },
    ...('values' in record
      ? { TTL: record.ttlSeconds, ResourceRecords: record.values.map((Value) => ({ Value })) }
      : {
          AliasTarget: {
            ...{ HostedZoneId: record.aliasZoneId, DNSName: record.dnsName },
            EvaluateTargetHealth: record.evaluateTargetHealth,
          },
        }),
  },
});
