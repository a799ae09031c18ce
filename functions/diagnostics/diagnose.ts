/** From what was seen of a target to its probable causes, the most telling first. Pure. */
import { diagnoseService } from './diagnose-service.ts';
import { redact } from './redact.ts';
import type { DatabaseSeen, EndpointSeen, Finding, Seen } from './types.ts';

/** More would bury the first. */
const MOST_FINDINGS = 4;
const MOST_EVIDENCE = 3;

/**
 * Each finding names what probably is the matter, in one sentence, and rests on AWS's own words. It accuses nothing that it has no evidence of: empty
 * where nothing that was seen explains the trouble.
 */
export function diagnose(seen: Seen): Finding[] {
  return findingsOf(seen)
    .slice(0, MOST_FINDINGS)
    .map(({ cause, evidence }) => ({
      cause: redact(cause, 400),
      evidence: [...new Set(evidence.map((each) => redact(each)))].slice(0, MOST_EVIDENCE),
    }));
}

function findingsOf(seen: Seen): Finding[] {
  switch (seen.kind) {
    case 'service':
      return diagnoseService(seen);
    case 'database':
      return ofDatabase(seen);
    case 'endpoint':
      return ofEndpoint(seen);
    case 'missing':
      return [{ cause: `There is nothing to mend: ${seen.why}.`, evidence: [] }];
    case 'not-looked-at':
      return [];
    default:
      return seen satisfies never;
  }
}

/** Messages as "Amazon RDS event categories and event messages" lists them, of DB instances and DB clusters. */
const RDS_MESSAGES: readonly (readonly [RegExp, (name: string) => string])[] = [
  [
    /free storage capacity|allocated storage has been exhausted|ran out of storage/i,
    (name) => `${name} is running out of storage.`,
  ],
  [
    /failover (?:started|completed)|Multi-AZ (?:instance )?failover|(?:completed|started (?:same|cross) AZ) failover/i,
    (name) => `${name} failed over to its standby within the last hour: connections broke.`,
  ],
  [/cluster failover failed/i, (name) => `A failover of the cluster of ${name} failed: look at its instances.`],
  [/out of memory|memory.*exhaust|low on memory/i, (name) => `${name} was short of memory.`],
  [
    /instance (?:re)?start|shutdown|has been rebooted|recovery of the DB instance/i,
    (name) => `${name} was restarted, or restarted by itself, within the last hour.`,
  ],
  [
    /replication.*(?:stopped|error|terminated)|read replica.*(?:broken|error)/i,
    (name) => `Replication of ${name} is broken.`,
  ],
  [/incompatible|can't be (?:created|started)/i, (name) => `${name} can't run as it is configured.`],
];

function ofDatabase({ name, status, pending, events }: DatabaseSeen): Finding[] {
  const state: Finding[] =
    status === 'available'
      ? []
      : [
          {
            cause: `RDS says that ${name} is ${status}.`,
            evidence: pending.map((each) => `waits to be changed: ${each}`),
          },
        ];
  const told = RDS_MESSAGES.flatMap(([pattern, cause]): Finding[] => {
    const lines = events.filter(({ message }) => pattern.test(message)).map(({ message }) => message);
    return lines.length > 0 ? [{ cause: cause(name), evidence: lines }] : [];
  });
  return [...state, ...told];
}

function ofEndpoint({ name, sites }: EndpointSeen): Finding[] {
  const bad = sites.filter(({ verdict }) => verdict !== 'healthy');
  const sick = bad.filter(({ verdict }) => verdict === 'sick');
  if (bad.length === 0) return [];
  const names = (which: typeof bad): string => which.map((site) => site.name).join(', ');
  const evidence = bad.map((site) => `site ${site.name}: ${site.told}`);
  if (sick.length === sites.length) return [{ cause: `No site of ${name} answers: ${names(sick)}.`, evidence }];
  const cause =
    sick.length > 0
      ? `Of the sites of ${name}, ${names(sick)} does not answer.`
      : `Whether ${names(bad)} of ${name} is well can't be told: probes and checkers disagree, or too few checkers told.`;
  return [{ cause, evidence }];
}
