import { askerOf } from '../../databases/ask-function.ts';
import { type PairConfig, runtimeConfig, type SelfFencing } from '../../engine/config.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import { log } from '../../engine/log.ts';
import { measure } from '../../engine/metrics.ts';
import { Store } from '../../engine/store.ts';
import { authorityAnswer, SET_AUTHORITY, SET_AUTHORITY_SECONDS } from '../orders.ts';
import { type AskHolder, type Kept, keepAuthority } from './keep.ts';

/** The primary's region is the standby of this deployment. */
function holderIn(region: string): AskHolder {
  const ask = askerOf(SET_AUTHORITY_SECONDS, region);
  return async ({ deployment }, order) =>
    authorityAnswer.parse(await ask(`nightshift-${deployment}-${SET_AUTHORITY}`, order));
}

const isSelfFenced = (pair: PairConfig): pair is PairConfig & { readonly fencing: SelfFencing } =>
  pair.fencing.by === 'self';

let store: Store | undefined;
let ask: AskHolder | undefined;

/**
 * Started each minute: all pairs at once. What one can't do keeps no other from it, and is no failure of the run: it is measured, each minute, and an alarm calls a person when it is so for
 * some minutes, or nothing is measured at all.
 */
export const handler = async (): Promise<Readonly<Record<string, Kept>>> => {
  const { name: deployment, pairs = {}, standbyRegion } = runtimeConfig();
  store ??= new Store(requiredEnvironment('NIGHTSHIFT_TABLE'));
  ask ??= holderIn(standbyRegion);
  const keeping = { store, ask, now: Date.now };
  const kept = await Promise.all(
    Object.values(pairs)
      .filter(isSelfFenced)
      .map(async (pair): Promise<[string, Kept]> => {
        try {
          return [pair.name, await keepAuthority(keeping, pair, pair.fencing)];
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          return [pair.name, { kind: 'not-kept', why }];
        }
      }),
  );
  for (const [pair, each] of kept)
    if (each.kind !== 'kept' || each.weak !== undefined)
      log('WARN', `the authority of ${pair} is not as it should be`, { ...each });
  // One that was withdrawn was so by a failover: people know.
  const isWell = kept.every(([, each]) => (each.kind === 'kept' ? each.weak === undefined : each.kind === 'withdrawn'));
  measure(deployment, [{ name: 'AuthorityKept', value: isWell ? 1 : 0 }]);
  return Object.fromEntries(kept);
};
