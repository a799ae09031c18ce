/** What the sources of events have in common: the signal of an event without a level, and the targets behind ARNs. Pure. */
import type { RejectReason } from '../../../events/outcome.ts';
import type { Signal } from '../../../events/signal.ts';
import { type EventSourceName, eventSubject, REASON_LIMIT, type Rejection } from './source.ts';

/** Few and short facts are kept: a signal goes into the journal. */
const FACT_LIMIT = 200;

type Facts = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Happening {
  readonly id: string;
  /** Time of the event (ISO 8601). */
  readonly time: string;
  readonly target: string;
  /** In AWS's own words. */
  readonly what: string;
  readonly reason: string;
  readonly facts: Facts;
}

/** The signal of something that happened; `facts` that are undefined are left out. */
export function happened(source: EventSourceName, { id, time, target, what, reason, facts }: Happening): Signal {
  const known = Object.entries(facts).flatMap(([name, value]): [string, string | number | boolean][] =>
    value === undefined ? [] : [[name, typeof value === 'string' ? value.slice(0, FACT_LIMIT) : value]],
  );
  return {
    id,
    source,
    subject: eventSubject(source, target, what),
    name: what,
    state: 'firing',
    at: new Date(time).toISOString(),
    target,
    firstEvaluation: false,
    recheck: 0,
    rung: 0,
    evidence: { reason: reason.slice(0, REASON_LIMIT), datapoints: [], facts: Object.fromEntries(known) },
  };
}

/** One target, or why not. `targets` may name one more than once. */
export function oneTarget(id: string, targets: readonly string[], what: string): string | Rejection {
  const [target, ...others] = new Set(targets);
  const refuse = (rejected: RejectReason, detail: string): Rejection => ({ rejected, detail, id });
  if (target === undefined) return refuse('no-target', `${what} names nothing that could be a target in this region`);
  if (others.length > 0)
    return refuse('several-targets', `${what} names ${[target, ...others].join(' and ').slice(0, REASON_LIMIT)}`);
  return target;
}

const ARN = /^arn:[a-z-]+:([a-z0-9-]+):([a-z0-9-]*):(\d*):(.+)$/;

/**
 * The target that an ARN names (Service Authorization Reference, resource types of Amazon ECS, Amazon RDS and AWS Certificate Manager);
 * none for another kind of resource, and none of another region: names are unique within one only.
 */
export function targetsOfArn(arn: string, region: string): string[] {
  const [, service, ofRegion, , resource = ''] = ARN.exec(arn) ?? [];
  if (ofRegion !== region) return [];
  const [kind, ...names] = resource.split(/[/:]/);
  if (names.some((name) => name === '')) return [];
  const [first = '', second = ''] = names;
  if (service === 'ecs' && kind === 'service' && names.length === 2) return [`ecs-service/${first}/${second}`];
  if (service === 'rds' && kind === 'db' && names.length === 1) return [`rds-instance/${first}`];
  // Those of automated backups have another name in theirs (`snapshot:rds:orders-2026-11-22-02-00`).
  if (service === 'rds' && kind === 'snapshot' && names.length === 1) return [`db-snapshot/${first}`];
  if (service === 'acm' && kind === 'certificate' && names.length === 1) return [`certificate/${first}`];
  return [];
}
