/** Asking both copies, one round a turn. */
import type { VerifyConfig } from '../../engine/config.ts';
import type { Reader } from '../../jobs/verify-backup/by-function.ts';
import { checkOverview } from '../../jobs/verify-backup/checks.ts';
import type { Answer, Ask } from '../../jobs/verify-backup/reading.ts';
import type { Address } from '../database-restore/point-at.ts';
import { addRound, partsThatDiffer } from './compare.ts';
import { type Compared, type Comparing, UNREADABLE } from './decide.ts';

export interface Copies {
  readonly database: string;
  readonly deployment: string;
  readonly damaged: Address;
  readonly restored: Address;
}

/** Takes the next question: about the damage first, then table by table. @throws RetryableError when the reader doesn't answer. */
export async function compareNext(
  read: Reader,
  { database, deployment, ...copies }: Copies,
  verify: VerifyConfig,
  compared: Compared,
): Promise<Comparing> {
  const of = (side: 'damaged' | 'restored', ask: Ask): Promise<Answer> =>
    read({ subject: database, ...copies[side], ask }, deployment);
  const [table] = tablesLeft(verify, compared);
  const [question] = questionsLeft(verify, compared);
  if (question) {
    const answer = await of('damaged', question);
    if (answer.kind === 'no-connection') return { kind: 'unreachable', passing: answer.passing, why: answer.why };
    return told(verify, {
      ...compared,
      asked: [...compared.asked, nameOf(question)],
      damage: [...compared.damage, ...damageIn(answer)],
    });
  }
  if (table === undefined) return told(verify, compared);
  const [round] = compared.now?.rounds ?? [];
  const ask: Ask = round ? { kind: 'rows', table, buckets: [...round] } : { kind: 'digest', table };
  const [damaged, restored] = await Promise.all([of('damaged', ask), of('restored', ask)]);
  for (const answer of [damaged, restored])
    if (answer.kind === 'no-connection') return { kind: 'unreachable', passing: answer.passing, why: answer.why };
  const now =
    damaged.kind === 'digest' && restored.kind === 'digest'
      ? partsThatDiffer(damaged, restored)
      : damaged.kind === 'rows' && restored.kind === 'rows' && compared.now
        ? addRound(compared.now, damaged, restored)
        : undefined;
  if (!now) {
    const [why] = [damaged, restored].flatMap((each) => (each.kind === 'unreadable' ? [each.why] : []));
    return told(verify, {
      ...compared,
      asked: [...compared.asked, `table:${table}`],
      damage: [...compared.damage, `${UNREADABLE}${table}: ${why ?? 'another answer than was asked for'}`],
      now: null,
    });
  }
  if (now.rounds.length > 0) return told(verify, { ...compared, now });
  return told(verify, { ...compared, tables: [...compared.tables, now.difference], now: null });
}

const told = (verify: VerifyConfig, compared: Compared): Comparing => ({
  kind: 'read',
  compared,
  left:
    questionsLeft(verify, compared).length +
    tablesLeft(verify, compared).length +
    Math.max(0, (compared.now?.rounds.length ?? 0) - 1),
});

const nameOf = (ask: Ask): string => (ask.kind === 'query' ? `query:${ask.name}` : ask.kind);

/** Of the damaged copy: what is invalid, the configured statements, and the first of its indexes (amcheck), where that is installed. */
function questionsLeft({ queries }: VerifyConfig, { asked }: Compared): Ask[] {
  const all: Ask[] = [
    { kind: 'overview' },
    ...Object.keys(queries).map((name): Ask => ({ kind: 'query', name })),
    { kind: 'indexes', after: null },
  ];
  return all.filter((each) => !asked.includes(nameOf(each)));
}

const tablesLeft = ({ tables }: VerifyConfig, compared: Compared): string[] =>
  tables
    .map(({ name }) => name)
    .filter(
      (name) => !compared.asked.includes(`table:${name}`) && !compared.tables.some(({ table }) => table === name),
    );

/** Without amcheck there is nothing to be said of indexes. */
function damageIn(answer: Answer): string[] {
  switch (answer.kind) {
    case 'overview': {
      const chosen = { id: 'the damaged database', takenAt: Number.MAX_SAFE_INTEGER, instanceResourceId: null };
      return checkOverview({ ...answer, heartbeatAt: null }, chosen, undefined).flatMap(({ ok, detail }) =>
        ok ? [] : [detail],
      );
    }
    case 'query':
      return answer.good ? [] : [`the statement ${answer.name} isn't true of it: ${answer.why}`];
    case 'indexes':
      return answer.damage === null ? [] : [answer.damage];
    case 'unreadable':
      return answer.damaged ? [answer.why] : [];
    default:
      return [];
  }
}
