/** What Route 53's name servers answer to a question, from the records and the health checks as they are. Pure. */
import { canonical, type RecordSet, type Zone } from './model.ts';

export interface ResourceRecord {
  readonly name: string;
  readonly type: string;
  readonly ttlSeconds: number;
  readonly value: string;
}

export interface Answer {
  readonly code: 'NOERROR' | 'NXDOMAIN' | 'REFUSED';
  readonly records: readonly ResourceRecord[];
}

export interface Authority {
  readonly zones: readonly Zone[];
  /** Whether a health check of that id is healthy; an unknown one is. */
  isHealthy(id: string): boolean;
  /** Between 0 and 1. */
  random(): number;
}

/** CNAME records and aliases that follow each other; more is a loop. */
const LONGEST_CHAIN = 8;
/** An alias record has no TTL of its own ("Choosing between alias and non-alias records"): that of a load balancer is 60 s. */
const ALIAS_TTL_SECONDS = 60;

/**
 * Follows CNAME records and aliases within the zones here.
 * @param type `A`, `AAAA`, `CNAME`, `TXT` ...
 */
export function answer(authority: Authority, name: string, type: string): Answer {
  return follow(authority, canonical(name), type, LONGEST_CHAIN);
}

function follow(authority: Authority, name: string, type: string, left: number): Answer {
  const zone = zoneOf(authority.zones, name);
  if (!zone) return { code: 'REFUSED', records: [] };
  const here = zone.records.filter((record) => record.name === name);
  if (here.length === 0) return { code: 'NXDOMAIN', records: [] };
  const chosen = choose(
    here.filter((record) => record.type === type || record.type === 'CNAME'),
    authority,
  );
  if (!chosen || left === 0) return { code: 'NOERROR', records: [] };
  if (chosen.alias) {
    const target = follow(authority, canonical(chosen.alias.dnsName), type, left - 1);
    const last = target.records.filter((record) => record.type === type);
    // The name of an alias record's target isn't told.
    return { code: 'NOERROR', records: last.map((record) => ({ ...record, name, ttlSeconds: ALIAS_TTL_SECONDS })) };
  }
  const own = chosen.values.map((value) => ({
    ...{ name, type: chosen.type, ttlSeconds: chosen.ttlSeconds ?? 300, value },
  }));
  if (chosen.type === type) return { code: 'NOERROR', records: own };
  // The rest of a chain that leads out of these zones is for the resolver to find.
  const rest = follow(authority, canonical(chosen.values[0] ?? ''), type, left - 1);
  return { code: 'NOERROR', records: [...own, ...rest.records] };
}

/** The most specific zone that holds the name. */
const zoneOf = (zones: readonly Zone[], name: string): Zone | undefined =>
  zones
    .filter((zone) => name === zone.name || name.endsWith(`.${zone.name}`))
    .sort((a, b) => b.name.length - a.name.length)[0];

/** "How Amazon Route 53 chooses records when health checking is configured": sick ones are left out, unless all are sick. */
function choose(records: readonly RecordSet[], authority: Authority): RecordSet | undefined {
  const isWell = ({ healthCheckId }: RecordSet) => healthCheckId === undefined || authority.isHealthy(healthCheckId);
  const primary = records.find(({ failover }) => failover === 'PRIMARY');
  const secondary = records.find(({ failover }) => failover === 'SECONDARY');
  if (primary && secondary) return !isWell(primary) && isWell(secondary) ? secondary : primary;
  if (!records.some(({ weight }) => weight !== undefined)) return records[0];
  const weighted = records.filter(({ weight = 0 }) => weight > 0);
  const among = weighted.length > 0 ? weighted : records;
  const well = among.filter(isWell);
  const rest = well.length > 0 ? well : among;
  const total = rest.reduce((sum, { weight = 0 }) => sum + weight, 0);
  const point = authority.random() * total;
  let sum = 0;
  for (const record of rest) {
    sum += record.weight ?? 0;
    if (point < sum) return record;
  }
  return rest[0];
}
