/** A DNS record as Route 53 keeps it, reduced to the kinds that may be moved from one site to another. Pure. */

/** The configured answer of one site. */
export interface SiteTarget {
  /** An address, or a host name for `CNAME` and for an alias. */
  readonly target: string;
  /** Set for an alias record: the hosted zone of what it points to (a load balancer's `CanonicalHostedZoneID`, ...). */
  readonly aliasZoneId?: string | undefined;
}

export interface RecordNamed {
  readonly recordName: string;
  readonly recordType: string;
  readonly ttlSeconds: number;
}

/** What a record answers: values for a time, or what another name answers. */
export type RecordState =
  | { readonly ttlSeconds: number; readonly values: readonly string[] }
  | { readonly aliasZoneId: string; readonly dnsName: string; readonly evaluateTargetHealth: boolean };

/** Lower case, with the dot at its end ("DNS domain name format": both are the same name). */
export const canonicalName = (name: string): string => `${name.toLowerCase().replace(/\.$/, '')}.`;

const isName = (type: string): boolean => type === 'CNAME';
const canonicalValue = (type: string, value: string): string => (isName(type) ? canonicalName(value) : value);
/** "Choosing between alias and non-alias records": the console puts `dualstack.` before a load balancer's name; it is the same load balancer. */
const canonicalAlias = (name: string): string => canonicalName(name).replace(/^dualstack\./, '');

/** The record that sends everybody to a site. An alias evaluates nothing itself: whether the site is well is looked at before it is written. */
export function recordFor(
  { ttlSeconds }: Pick<RecordNamed, 'ttlSeconds'>,
  { target, aliasZoneId }: SiteTarget,
): RecordState {
  return aliasZoneId === undefined
    ? { ttlSeconds, values: [target] }
    : { aliasZoneId, dnsName: canonicalName(target), evaluateTargetHealth: false };
}

/** Whether a record sends everybody to that site, whatever its TTL. */
export function pointsTo(type: string, record: RecordState, { target, aliasZoneId }: SiteTarget): boolean {
  if ('values' in record) {
    const [value, ...more] = record.values;
    if (aliasZoneId !== undefined || value === undefined || more.length > 0) return false;
    return canonicalValue(type, value) === canonicalValue(type, target);
  }
  return record.aliasZoneId === aliasZoneId && canonicalAlias(record.dnsName) === canonicalAlias(target);
}

/** Whether two records are the same for Route 53, which compares every value on DELETE. */
export function isSameRecord(a: RecordState, b: RecordState): boolean {
  if ('values' in a)
    return (
      'values' in b &&
      a.ttlSeconds === b.ttlSeconds &&
      [...a.values].sort().join('\n') === [...b.values].sort().join('\n')
    );
  return (
    'dnsName' in b &&
    a.aliasZoneId === b.aliasZoneId &&
    canonicalName(a.dnsName) === canonicalName(b.dnsName) &&
    a.evaluateTargetHealth === b.evaluateTargetHealth
  );
}

/** In words, for timelines: "192.0.2.1 for 60 s". */
export const tellRecord = (record: RecordState): string =>
  'values' in record ? `${record.values.join(', ')} for ${record.ttlSeconds} s` : `alias of ${record.dnsName}`;
