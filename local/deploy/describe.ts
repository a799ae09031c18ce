/** Telling people what the transformation did. */
import { DEFERRED_TYPES } from './deferred-types.ts';
import type { DeferredResource, Transformed } from './transform.ts';

/** What the transformation did, one line for each type. */
export function describe({ created, leftOut }: Pick<Transformed, 'created' | 'leftOut'>): string[] {
  const byType = Map.groupBy([...created, ...leftOut], (resource: DeferredResource) => resource.type);
  return [...byType].map(([type, resources]) => {
    const deferred = DEFERRED_TYPES[type];
    const what = deferred?.how === 'created' ? 'made by its API after the deployment' : 'left out';
    return `${type} (${resources.length}): ${what}. ${deferred?.reason}`;
  });
}
