/** What the function that reads restored backups says of the new instance, in the checks of `verify-backup`. */
import type { VerifyConfig } from '../../engine/config.ts';
import type { Reader } from '../../jobs/verify-backup/by-function.ts';
import { checkOverview, checkTable, type Finding } from '../../jobs/verify-backup/checks.ts';
import type { Answer, Ask } from '../../jobs/verify-backup/reading.ts';
import type { Chosen, Reading } from './decide.ts';
import type { Address } from './point-at.ts';

/** Questions that are under way at once: each is a session of its own on the new instance. */
const AT_ONCE = 4;

export interface Subject {
  readonly database: string;
  readonly deployment: string;
  readonly address: Address;
}

/**
 * Asks for the server, every configured table and every configured query. Pages and indexes aren't read from end to end: that was done when the backup was proved.
 * @throws RetryableError when the reader doesn't answer.
 */
export async function readAll(
  read: Reader,
  { database, deployment, address }: Subject,
  verify: VerifyConfig,
  { snapshotId: id, takenAt, snapshotResourceId: instanceResourceId, before }: Chosen,
): Promise<Reading> {
  const ask = (question: Ask): Promise<Answer> => read({ subject: database, ...address, ask: question }, deployment);
  const overview = await ask({ kind: 'overview' });
  if (overview.kind === 'no-connection') return { kind: 'unreachable', passing: overview.passing, why: overview.why };
  const questions: Ask[] = [
    ...verify.tables.map(({ name: table }): Ask => ({ kind: 'count', table })),
    ...Object.keys(verify.queries).map((name): Ask => ({ kind: 'query', name })),
  ];
  const answers: Answer[] = [overview];
  for (let from = 0; from < questions.length; from += AT_ONCE)
    answers.push(...(await Promise.all(questions.slice(from, from + AT_ONCE).map(ask))));
  const lost = answers.find((each) => each.kind === 'no-connection');
  if (lost?.kind === 'no-connection') return { kind: 'unreachable', passing: lost.passing, why: lost.why };
  const chosen = { id, takenAt, instanceResourceId };
  const findings = answers.flatMap((each) => findingsOf(each, verify, chosen, before ?? undefined));
  return { kind: 'read', findings, newestAt: newestOf(answers) };
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
      return [];
    default:
      return answer satisfies never;
  }
}

/** The heartbeat, where there is one; else the newest of the configured rows. */
function newestOf(answers: readonly Answer[]): number | undefined {
  const [beat] = answers.flatMap((each) =>
    each.kind === 'overview' && each.heartbeatAt !== null ? [each.heartbeatAt] : [],
  );
  if (beat !== undefined) return beat;
  const rows = answers.flatMap((each) => (each.kind === 'count' && each.newestAt !== null ? [each.newestAt] : []));
  return rows.length > 0 ? Math.max(...rows) : undefined;
}
