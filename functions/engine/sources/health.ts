/**
 * AWS Health: troubles and planned changes of AWS's own; what happened is the category of the event. Each event is a target of its own, so that a change that is
 * announced for weeks keeps nobody from mending what it is about. It counts only if it concerns what is protected: by the entities that it names, or, where it names
 * none, as a trouble of a service that something protected rests on ("Reference: AWS Health events Amazon EventBridge schema", AWS Health User Guide).
 */
import { health } from '../../../events/sources/health/schema.ts';
import type { RuntimeConfig } from '../config.ts';
import { HEALTH_CATEGORIES, healthTarget } from '../health-events.ts';
import { happened, targetsOfArn } from './build.ts';
import { certificateTarget } from './certificates.ts';
import { type EventSource, malformed, type Rejection } from './source.ts';

/** Events of global services name no region, and come in us-east-1. */
const GLOBAL = 'global';

export const source: EventSource = {
  name: 'health',
  eventPattern: (what) => ({
    source: ['aws.health'],
    'detail-type': ['AWS Health Event'],
    ...(what.length > 0 && { detail: { eventTypeCategory: what } }),
  }),
  toSignal(event, config) {
    const parsed = health.safeParse(event);
    if (!parsed.success) return malformed(event, parsed.error);
    const { id, time, region, detail } = parsed.data;
    const { eventTypeCode, eventTypeCategory: what, service, statusCode, eventArn } = detail;
    const refuse = (detail: string): Rejection => ({ rejected: 'no-target', detail, id });
    const target = healthTarget(eventArn);
    if (target === undefined || !HEALTH_CATEGORIES.some((each) => each === what))
      return {
        rejected: 'malformed',
        detail: `eventArn or eventTypeCategory (${what}) is not as AWS documents it`,
        id,
      };
    const where = detail.eventRegion ?? region;
    if (where !== config.region && where !== GLOBAL)
      return refuse(`AWS Health event ${eventTypeCode} is about ${where}`);
    const entities = (detail.affectedEntities ?? []).map(({ entityValue }) => entityValue);
    const concerned = [...new Set(entities.flatMap((entity) => protectedBy(service, entity, config)))];
    const restsOnIt = entities.length === 0 && what === 'issue' ? whatRestsOn(service, config) : undefined;
    // The end may name nothing any more: it is told whatever it names, ends only what was begun, and is remembered against an earlier `open` that comes late.
    if (concerned.length === 0 && restsOnIt === undefined && statusCode !== 'closed')
      return refuse(`AWS Health event ${eventTypeCode} concerns nothing that is protected`);
    const about = restsOnIt ?? (concerned.join(', ') || 'nothing that is protected any more');
    const says = detail.eventDescription?.[0]?.latestDescription ?? '';
    const told = happened('health', {
      ...{ id, time, target, what },
      reason: `${eventTypeCode} (${service}) concerns ${about}${says && `: ${says}`}`,
      facts: { eventArn, eventTypeCode, statusCode, concerned: about },
    });
    return statusCode === 'closed' ? { ...told, state: 'resolved' } : told;
  },
};

/** The protected target that an entity is: an ARN, or a bare name by service. */
function protectedBy(service: string, entity: string, config: RuntimeConfig): string[] {
  const { services, databases, endpoints } = config;
  const certificate = certificateTarget(entity, config);
  if (certificate) return [certificate];
  if (entity.startsWith('arn:')) {
    const keys = [
      ...Object.values(services).map((each) => `ecs-service/${each.cluster}/${each.service}`),
      ...Object.keys(databases).map((name) => `rds-instance/${name}`),
    ];
    return targetsOfArn(entity, config.region).filter((key) => keys.includes(key));
  }
  if (service === 'RDS' && Object.hasOwn(databases, entity)) return [`rds-instance/${entity}`];
  if (service !== 'ROUTE53') return [];
  return Object.values(endpoints).flatMap(({ name, zoneId }) => (zoneId === entity ? [`dns-endpoint/${name}`] : []));
}

/** Services without which Nightshift itself stands still. */
const OUR_OWN = ['LAMBDA', 'DYNAMODB', 'EVENTS', 'CLOUDWATCH', 'STATES'];

/** What of ours rests on a service of AWS; undefined when nothing does. */
function whatRestsOn(
  service: string,
  { services, databases, endpoints, certificates }: RuntimeConfig,
): string | undefined {
  const some = (of: object, what: string) => (Object.keys(of).length > 0 ? what : undefined);
  switch (service) {
    case 'RDS':
      return some(databases, 'the databases');
    case 'ECS':
    case 'FARGATE':
    case 'ELASTICLOADBALANCING':
      return some(services, 'the services');
    case 'ROUTE53':
      return some(endpoints, 'the endpoints');
    case 'ACM':
      return some(certificates, 'the certificates');
    default:
      return OUR_OWN.includes(service) ? 'Nightshift itself' : undefined;
  }
}
