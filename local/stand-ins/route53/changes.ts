/** ChangeResourceRecordSets on a zone's records: all of a batch or nothing of it. Pure. */
import { isIPv4 } from 'node:net';
import { AwsFault } from '../../world/types.ts';
import type { RecordSet } from './model.ts';

export interface RecordChange {
  readonly action: 'CREATE' | 'DELETE' | 'UPSERT';
  readonly record: RecordSet;
}

const SIMPLE = ['setIdentifier', 'weight', 'failover', 'healthCheckId'] as const;

const isSameKey = (a: RecordSet, b: RecordSet): boolean =>
  a.name === b.name && a.type === b.type && a.setIdentifier === b.setIdentifier;

/** "ChangeResourceRecordSets", DELETE: name, type, TTL, values and every setting that applies must be as they are. */
export const isSameRecord = (a: RecordSet, b: RecordSet): boolean =>
  isSameKey(a, b) &&
  a.ttlSeconds === b.ttlSeconds &&
  [...a.values].sort().join('\n') === [...b.values].sort().join('\n') &&
  JSON.stringify(a.alias ?? null) === JSON.stringify(b.alias ?? null) &&
  SIMPLE.every((field) => a[field] === b[field]);

/**
 * @returns the zone's records afterwards.
 * @throws AwsFault InvalidChangeBatch with a message for each change that can't be made; then none is.
 */
export function applyBatch(
  zoneName: string,
  records: readonly RecordSet[],
  changes: readonly RecordChange[],
): RecordSet[] {
  const faults: string[] = [];
  let present = [...records];
  for (const { action, record } of changes) {
    const what = `resource record set [name='${record.name}', type='${record.type}'${record.setIdentifier ? `, set identifier='${record.setIdentifier}'` : ''}]`;
    const found = present.find((each) => isSameKey(each, record));
    const fault = faultOf(zoneName, action, record, found, present, what);
    if (fault) faults.push(fault);
    else {
      present = present.filter((each) => each !== found);
      if (action !== 'DELETE') present.push(record);
    }
  }
  if (faults.length > 0) throw new AwsFault('InvalidChangeBatch', `[${faults.join(', ')}]`);
  return present;
}

function faultOf(
  zoneName: string,
  action: RecordChange['action'],
  record: RecordSet,
  found: RecordSet | undefined,
  present: readonly RecordSet[],
  what: string,
): string | undefined {
  if (record.name !== zoneName && !record.name.endsWith(`.${zoneName}`))
    return `RRSet with DNS name ${record.name} is not permitted in zone ${zoneName}`;
  if (action === 'DELETE') {
    if (!found) return `Tried to delete ${what} but it was not found`;
    return isSameRecord(found, record)
      ? undefined
      : `Tried to delete ${what} but the values provided do not match the current values`;
  }
  const bad = record.type === 'A' ? record.values?.find((value) => !isIPv4(value)) : undefined;
  if (bad !== undefined)
    return `Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '${bad}''`;
  if (action === 'CREATE' && found) return `Tried to create ${what} but it already exists`;
  const neighbours = present.filter((each) => each !== found && each.name === record.name);
  // RFC 1034, section 3.6.2: a CNAME stands alone.
  if (neighbours.some(({ type }) => (type === 'CNAME') !== (record.type === 'CNAME')))
    return `RRSet of type ${record.type} with DNS name ${record.name} is not permitted as it conflicts with other records with the same DNS name in zone ${zoneName}`;
  const sameType = neighbours.filter(({ type }) => type === record.type);
  if (sameType.some(({ setIdentifier }) => (setIdentifier === undefined) !== (record.setIdentifier === undefined)))
    return `Tried to create ${what} but a record with and one without a routing policy can't have the same name and type`;
  return undefined;
}
