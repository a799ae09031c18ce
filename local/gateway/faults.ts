/** The faults that are set, and which of them meets a call. */
import type { AwsCall, Fault } from '../world/types.ts';

export interface FaultBook {
  /** Sets a fault; one of the same name is replaced. */
  add(fault: Fault): void;
  /** Takes a fault away; `false` when there was none of that name. */
  remove(name: string): boolean;
  /** What is set, with how often each has met a call so far and how often it still will (`timesLeft` absent: until removed). */
  list(): readonly (Fault & { readonly met: number; readonly timesLeft?: number })[];
}

/** Services with one control plane for the world, in us-east-1: a region's loss takes them along (fault isolation boundaries, "Global services"). */
const GLOBAL_CONTROL_PLANES = new Set([
  'route53',
  'iam',
  'cloudfront',
  'organizations',
  'globalaccelerator',
  'route53domains',
]);

/** The region whose loss would stop this call. */
export const regionOf = (call: Pick<AwsCall, 'service' | 'region'>): string =>
  GLOBAL_CONTROL_PLANES.has(call.service) ? 'us-east-1' : call.region;

type Matched = Pick<AwsCall, 'service' | 'operation' | 'caller' | 'region'>;

/** Whether every field that is set in `fault.match` matches the call. */
export function faultMatches(fault: Fault, call: Matched, resource: string): boolean {
  const { match } = fault;
  return (
    (match.service === undefined || match.service === call.service) &&
    (match.operation === undefined || match.operation === call.operation) &&
    (match.caller === undefined || isCaller(match.caller, call.caller)) &&
    (match.region === undefined || match.region === regionOf(call)) &&
    (match.resource === undefined || resource.includes(match.resource))
  );
}

const isCaller = (wanted: string, caller: string): boolean =>
  wanted.endsWith('*') ? caller.startsWith(wanted.slice(0, -1)) : caller === wanted;

/** A fault book whose `meet` finds the first fault that matches, in the order in which they were set, and counts it. */
export class Faults implements FaultBook {
  readonly #set = new Map<string, { fault: Fault; met: number; passed: number }>();

  add(fault: Fault): void {
    if (fault.times !== undefined && !(Number.isInteger(fault.times) && fault.times > 0))
      throw new RangeError(`fault ${fault.name}: times is ${fault.times}, expected a whole number above 0 or nothing`);
    this.#set.set(fault.name, { fault, met: 0, passed: 0 });
  }

  remove(name: string): boolean {
    return this.#set.delete(name);
  }

  list(): ReturnType<FaultBook['list']> {
    return [...this.#set.values()].map(({ fault, met }) => ({
      ...fault,
      met,
      ...(fault.times === undefined ? {} : { timesLeft: Math.max(0, fault.times - met) }),
    }));
  }

  meet(call: Matched, resource: string): Fault | undefined {
    for (const entry of this.#set.values()) {
      const isSpent = entry.fault.times !== undefined && entry.met >= entry.fault.times;
      if (isSpent || !faultMatches(entry.fault, call, resource)) continue;
      if (entry.passed < (entry.fault.after ?? 0)) {
        entry.passed += 1;
        continue;
      }
      entry.met += 1;
      return entry.fault;
    }
    return undefined;
  }
}
