/** Events of AWS Health as AWS sends them ("Reference: AWS Health events Amazon EventBridge schema", AWS Health User Guide). */
import type { AwsEvent } from '../../world/types.ts';

export interface HealthNews {
  /** The last part of the event's ARN, by which it is known. */
  readonly name: string;
  /** In AWS Health's own words: `RDS`, `LAMBDA` ... */
  readonly service: string;
  readonly statusCode: 'open' | 'closed';
  /** What is affected; nothing for a trouble of the whole service. */
  readonly entities: readonly string[];
  readonly region: string;
}

/** What AWS tells of an operational trouble of a service, now. */
export function operationalIssue({ name, service, statusCode, entities, region }: HealthNews): AwsEvent {
  const eventTypeCode = `AWS_${service}_OPERATIONAL_ISSUE`;
  return {
    ...{ source: 'aws.health', detailType: 'AWS Health Event', region, time: new Date(), resources: [...entities] },
    detail: {
      ...{ eventArn: `arn:aws:health:${region}::event/${service}/${eventTypeCode}/${name}`, service, eventTypeCode },
      ...{ eventTypeCategory: 'issue', statusCode, eventRegion: region },
      eventDescription: [{ language: 'en_US', latestDescription: 'Connectivity of some instances is impaired.' }],
      affectedEntities: entities.map((entityValue) => ({ entityValue })),
    },
  };
}
