/** The Lambda entry of `set-authority`: one order about one database. */
import { noteAuthority } from '../../engine/authority.ts';
import { runtimeConfig } from '../../engine/config.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import { measure } from '../../engine/metrics.ts';
import { Store } from '../../engine/store.ts';
import { type AuthorityAnswer, authorityOrder } from '../orders.ts';
import { setAuthority } from './set.ts';

let store: Store | undefined;

/** What was granted is noted for the remediations of this region, too: they act on the database only within it. @throws EngineError when database or journal doesn't answer. */
export const handler = async (event: unknown): Promise<AuthorityAnswer> => {
  const order = authorityOrder.parse(event);
  const config = runtimeConfig();
  const answer = await setAuthority(order, config);
  if (order.ask === 'extend' && answer.kind === 'held') {
    store ??= new Store(requiredEnvironment('NIGHTSHIFT_TABLE'));
    await store.transact([noteAuthority(store.table, order.database, answer.until)]);
    // Heard here: what watches the keeper is lost with the standby's region.
    measure(config.name, [{ name: 'AuthorityHeard', value: 1 }]);
  }
  return answer;
};
