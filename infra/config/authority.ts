/** Which databases take writes by a lease, which pairs grant one, and which functions that takes. */
import { SET_AUTHORITY } from '../../functions/authority/orders.ts';
import type { DeploymentConfig } from './schema.ts';

type Pair = DeploymentConfig['pairs'][string];
type SelfFenced = Pair & { readonly fencing: Extract<Pair['fencing'], { readonly by: 'self' }> };

/** Pairs whose old primary stops by itself: this deployment is their standby. */
export const selfFenced = ({ pairs }: Pick<DeploymentConfig, 'pairs'>): SelfFenced[] =>
  Object.values(pairs).filter((pair): pair is SelfFenced => pair.fencing.by === 'self');

/** Databases that this deployment may tell until when they may write: those that say so, and the replicas of such pairs, which are freed once they are promoted. */
export function withAuthority(
  config: Pick<DeploymentConfig, 'databases' | 'pairs'>,
): DeploymentConfig['databases'][string][] {
  const replicas = selfFenced(config).map(({ replica }) => replica);
  return Object.entries(config.databases).flatMap(([key, database]) =>
    database.authority || replicas.includes(key) ? [database] : [],
  );
}

/** The functions that are deployed for it: the hand beside the databases, and in the standby's region the keeper. */
export const authorityUnits = <U extends { readonly manifest: { readonly name: string } }>(
  units: readonly U[],
  config: Pick<DeploymentConfig, 'databases' | 'pairs'>,
): U[] =>
  units.filter(({ manifest: { name } }) =>
    name === SET_AUTHORITY ? withAuthority(config).length > 0 : selfFenced(config).length > 0,
  );
