/** What an incident's timeline keeps of a look at its target: bounded, and without anything that looks like a secret. Pure. */
import { diagnose } from './diagnose.ts';
import { redact } from './redact.ts';
import type { Finding, Seen, ServiceSeen, Told } from './types.ts';

const MOST_LINES = 8;
const MOST_UNREAD = 3;

export interface Diagnosis {
  /** Sentence for the timeline. */
  readonly summary: string;
  readonly findings: readonly Finding[];
  /** How things stood, and AWS's last words about it, newest first. */
  readonly seen: readonly string[];
  /** What couldn't be read. */
  readonly unread: readonly string[];
}

/** @returns undefined where nothing is looked at for a target of its kind, and nothing failed. */
export function diagnosisOf({ seen, unread }: { seen: Seen; unread: readonly string[] }): Diagnosis | undefined {
  if (seen.kind === 'not-looked-at' && unread.length === 0) return undefined;
  const findings = diagnose(seen);
  return {
    summary: summaryOf(seen, findings, unread.length > 0),
    findings,
    seen: [...standing(seen), ...lastWords(seen)].slice(0, MOST_LINES).map((line) => redact(line)),
    unread: unread.slice(0, MOST_UNREAD).map((line) => redact(line)),
  };
}

function summaryOf(seen: Seen, [first]: readonly Finding[], isPartial: boolean): string {
  if (first) return `probably: ${first.cause}`;
  if (seen.kind === 'not-looked-at') return 'what AWS says of it could not be read';
  return isPartial
    ? 'what could be read of it does not explain the trouble'
    : 'nothing that AWS says of it explains the trouble';
}

function standing(seen: Seen): string[] {
  switch (seen.kind) {
    case 'service': {
      const { running, desired, pending, stopped, stoppedUnread, healthyTargets, clients, use } = seen;
      const ended = stoppedUnread ? '' : `, ${stopped.length} stopped within the hour`;
      const targets = healthyTargets === undefined ? '' : `, healthy targets: ${healthyTargets}`;
      return [
        `tasks: ${running} of ${desired} running, ${pending} starting${ended}${targets}`,
        ...(clients ? [`clients: ${tellClients(clients)}`] : []),
        ...(use ? [`use: ${tellUse(use)}`] : []),
      ];
    }
    case 'database':
      return [`status: ${seen.status}`];
    case 'endpoint':
      return seen.sites.map(({ name, told }) => `site ${name}: ${told}`);
    case 'missing':
      return [seen.why];
    case 'not-looked-at':
      return [];
    default:
      return seen satisfies never;
  }
}

/** "CPU 93 %, memory 41 % of what its tasks have". */
function tellUse({ cpuPercent, memoryPercent }: NonNullable<ServiceSeen['use']>): string {
  const shares = [
    ...(cpuPercent === undefined ? [] : [`CPU ${Math.round(cpuPercent)} %`]),
    ...(memoryPercent === undefined ? [] : [`memory ${Math.round(memoryPercent)} %`]),
  ];
  return `${shares.join(', ')} of what its tasks have`;
}

/** How many are concerned, and what they get. */
function tellClients({ requestsPerMinute, failedShare, latencySeconds }: NonNullable<ServiceSeen['clients']>): string {
  const failed = failedShare === undefined ? '' : `, ${Math.round(failedShare * 1000) / 10} % answered with an error`;
  const latency = latencySeconds === undefined ? '' : `, after ${latencySeconds.toFixed(2)} s on average`;
  return `${Math.round(requestsPerMinute)} requests a minute${failed}${latency}`;
}

/** Events and stops, newest first. */
function lastWords(seen: Seen): string[] {
  const stops: Told[] =
    seen.kind === 'service'
      ? seen.stopped.map(({ atMs, reason, containers }) => ({
          atMs,
          message: `a task stopped: ${[reason, ...containers.flatMap((each) => [...(each.reason ? [each.reason] : []), ...(each.exitCode === undefined ? [] : [`${each.name} exit code ${each.exitCode}`])])].join('; ')}`,
        }))
      : [];
  const events = seen.kind === 'service' || seen.kind === 'database' ? seen.events : [];
  return [...events, ...stops]
    .sort((a, b) => b.atMs - a.atMs)
    .map(({ atMs, message }) => `${new Date(atMs).toISOString().slice(11, 19)} ${message}`);
}
