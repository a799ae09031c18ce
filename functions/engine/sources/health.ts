/**
 * AWS Health: troubles and planned changes of AWS's own that concern this account; what happened is the event type code. Entities are ARNs or
 * bare names, by service ("AWS Health User Guide", affectedEntities), so a bare name counts only where the configuration knows it.
 */
import { health } from '../../../events/sources/health/schema.ts';
import type { RuntimeConfig } from '../config.ts';
import { happened, oneTarget, targetsOfArn } from './build.ts';
import { type EventSource, malformed } from './source.ts';

export const source: EventSource = {
  name: 'health',
  eventPattern: (what) => ({
    source: ['aws.health'],
    'detail-type': ['AWS Health Event'],
    ...(what.length > 0 && { detail: { eventTypeCode: what } }),
  }),
  toSignal(event, config) {
    const parsed = health.safeParse(event);
    if (!parsed.success) return malformed(event, parsed.error);
    const { id, time, region, detail } = parsed.data;
    const { eventTypeCode: what, service, statusCode, eventArn, affectedEntities = [] } = detail;
    const here = (detail.eventRegion ?? region) === config.region;
    const entities = here ? affectedEntities.flatMap(({ entityValue }) => targetsOf(service, entityValue, config)) : [];
    const target = oneTarget(id, entities, `AWS Health event ${what}`);
    if (typeof target !== 'string') return target;
    const reason = detail.eventDescription?.[0]?.latestDescription || what;
    return happened('health', { id, time, target, what, reason, facts: { eventArn, statusCode } });
  },
};

function targetsOf(service: string, entity: string, config: RuntimeConfig): string[] {
  if (entity.startsWith('arn:')) return targetsOfArn(entity, config.region);
  return service === 'RDS' && Object.hasOwn(config.databases, entity) ? [`rds-instance/${entity}`] : [];
}
