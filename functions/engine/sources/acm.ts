/** Certificates of AWS Certificate Manager that are about to expire, have expired or can't be renewed by themselves. */
import { ACM_EVENTS, acm } from '../../../events/sources/acm/schema.ts';
import { happened, oneTarget, targetsOfArn } from './build.ts';
import { certificateTarget } from './certificates.ts';
import { type EventSource, malformed } from './source.ts';

export const source: EventSource = {
  name: 'acm',
  // What happened is the detail type: none asked for are all of them.
  eventPattern: (what) => ({ source: ['aws.acm'], 'detail-type': what.length > 0 ? what : ACM_EVENTS }),
  toSignal(event, config) {
    const parsed = acm.safeParse(event);
    if (!parsed.success) return malformed(event, parsed.error);
    const { id, time, resources, detail, 'detail-type': what } = parsed.data;
    const target = oneTarget(
      id,
      resources.flatMap((arn) => certificateTarget(arn, config) ?? targetsOfArn(arn, config.region)),
      'the certificate event',
    );
    if (typeof target !== 'string') return target;
    const { DaysToExpiry: daysToExpiry, CommonName: commonName, RenewalStatusReason: obstacle } = detail;
    const told = [
      ...(daysToExpiry === undefined ? [] : [`${daysToExpiry} days left`]),
      ...(obstacle ? [obstacle] : []),
    ];
    const reason = told.length === 0 ? what : `${what}: ${told.join(', ')}`;
    return happened('acm', { id, time, target, what, reason, facts: { daysToExpiry, commonName, obstacle } });
  },
};
