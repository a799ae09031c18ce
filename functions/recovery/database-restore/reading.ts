/** What the function that reads restored backups says of the new instance, in the checks of `verify-backup`. */
import type { VerifyConfig } from '../../engine/config.ts';
import type { Reader } from '../../jobs/verify-backup/by-function.ts';
import { checkOverview, checkTable, type Finding } from '../../jobs/verify-backup/checks.ts';
import { nameOf } from '../../jobs/verify-backup/decide.ts';
import type { Answer, Ask } from '../../jobs/verify-backup/reading.ts';
import type { CheckProgress, Reading } from './check.ts';
import { type Chosen, sourceOf } from './decide.ts';
import type { Address } from './point-at.ts';

/** Questions that are under way at once: each is a session of its own on the new instance. */
const AT_ONCE = 4;

export interface Subject {
  readonly database: string;
  readonly deployment: string;
  readonly address: Address;
}

/**
 * Asks some of what earlier turns didn't: for the server, every configured table and every configured query. Each question may take minutes, so a turn has one round of them. Pages and indexes aren't read from end to end: that was done when the backup was proved.
 * @param progress of earlier turns. @throws RetryableError when the reader doesn't answer.
 */
export async function readAll(
  read: Reader,
  { database, deployment, address }: Subject,
  verify: VerifyConfig,
  restored: Chosen,
  progress: CheckProgress,
): Promise<Reading> {
  const ask = (question: Ask): Promise<Answer> => read({ subject: database, ...address, ask: question }, deployment);
  const questions = [
    { kind: 'overview' } as const,
    ...verify.tables.map(({ name: table }): Ask => ({ kind: 'count', table })),
    ...Object.keys(verify.queries).map((name): Ask => ({ kind: 'query', name })),
  ].filter((each) => !progress.asked.includes(nameOf(each)));
  // Whether it lets anybody in is found out with one.
  const round = questions.slice(0, progress.asked.length === 0 ? 1 : AT_ONCE);
  const answers = await Promise.all(round.map(ask));
  const lost = answers.find((each) => each.kind === 'no-connection');
  if (lost?.kind === 'no-connection') return { kind: 'unreachable', passing: lost.passing, why: lost.why };
  const { snapshotId, takenAt, snapshotResourceId: instanceResourceId, before } = restored;
  const chosen = { id: sourceOf(restored), takenAt, instanceResourceId, isMoment: snapshotId === null };
  const findings = answers.flatMap((each) => findingsOf(each, verify, chosen, before ?? undefined));
  return {
    kind: 'read',
    progress: {
      asked: [...progress.asked, ...round.map(nameOf)],
      findings: [...progress.findings, ...findings],
      ...newestOf(answers, progress),
    },
    left: questions.length - round.length,
  };
}

function findingsOf(
  answer: Answer,
  { tables }: VerifyConfig,
  chosen: Parameters<typeof checkOverview>[1],
  before: Parameters<typeof checkOverview>[2],
): Finding[] {
  switch (answer.kind) {
    case 'overview':
      return checkOverview(answer, chosen, before);
    case 'count': {
      const table = tables.find(({ name }) => name === answer.table);
      return table ? checkTable(table, answer, chosen, before) : [];
    }
    case 'query':
      return [{ check: `query:${answer.name}`, ok: answer.good, detail: answer.why }];
    case 'unreadable':
      return [{ check: 'unreadable', ok: false, detail: answer.why }];
    case 'no-connection':
    case 'full-read':
    case 'indexes':
    case 'digest':
    case 'rows':
      return [];
    default:
      return answer satisfies never;
  }
}

function newestOf(answers: readonly Answer[], { beatAt, rowAt }: CheckProgress) {
  const beats = answers.flatMap((each) => (each.kind === 'overview' ? (each.heartbeatAt ?? []) : []));
  const rows = answers.flatMap((each) => (each.kind === 'count' ? (each.newestAt ?? []) : []));
  const newest = [...rows, ...(rowAt === null ? [] : [rowAt])];
  return { beatAt: beats[0] ?? beatAt, rowAt: newest.length > 0 ? Math.max(...newest) : null };
}
