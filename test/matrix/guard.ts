/** Invariants I2 and I3 at the only moment at which they can be seen: when a change is about to take effect. */
import type { StatementWatcher } from '../../local/stand-ins/rds/statements.ts';
import { journalOf, type Matrix } from './matrix.ts';
import type { MatrixTarget, OpenCase } from './types.ts';

/** Looks into the journal before each changing call of the functions under test. @returns the function that ends it. */
export function watchChanges(matrix: Matrix, isOurs: (caller: string) => boolean): () => void {
  return matrix.place.observer.onChange(async (call) => {
    for (const openCase of matrix.cases.values()) {
      const token = openCase.changes(call);
      if (token && isOurs(call.caller)) await check(matrix, token, `${call.service} ${call.operation}`);
    }
  });
}

/** The target with its SQL statements looked at in the same way; whoever watches its statements is asked afterwards. */
export function guarded(matrix: Matrix, openCase: OpenCase, target: MatrixTarget): MatrixTarget {
  if (!target.watchStatements) return target;
  const watching: { watcher?: StatementWatcher | undefined } = {};
  target.watchStatements(async (statement) => {
    if (openCase.changesBySql?.(statement.sql ?? '')) await check(matrix, target.token, 'an SQL statement');
    return watching.watcher?.(statement);
  });
  return {
    ...target,
    watchStatements: (watcher) => {
      watching.watcher = watcher;
    },
  };
}

async function check(matrix: Matrix, token: string, what: string): Promise<void> {
  const { actions } = await journalOf(matrix, token);
  const now = Date.now();
  const underWay = actions.filter(({ status, leaseUntil }) => status === 'intended' && leaseUntil > now);
  if (underWay.length === 1) return;
  const problem =
    underWay.length === 0
      ? `I3: ${what} took effect with no recorded intent under way`
      : `I2: ${what} took effect while ${underWay.length} intents were under way`;
  matrix.found.set(token, [...(matrix.found.get(token) ?? []), problem]);
}
