import { describe, expect, it } from '@jest/globals';
import { healthEventOf, healthTarget } from '../../../functions/engine/health-events.ts';
import { decide } from '../../../functions/remediations/call-person/decide.ts';
import { config, signal } from '../../support/fixtures.ts';

const told = (name: string, statusCode?: string) =>
  decide({
    signal: {
      ...signal,
      name,
      evidence: { reason: 'it smokes', datapoints: [], ...(statusCode && { facts: { statusCode } }) },
    },
    target: { name: 'AWS_X_1', severity: 'P1' },
    observation: null,
    hold: undefined,
    config,
  });

describe('call-person', () => {
  it.each(['open', 'upcoming', undefined])('calls a person for an event that is %s', (statusCode) => {
    expect(told('issue', statusCode)).toMatchObject({ kind: 'escalate', reason: 'it smokes' });
  });

  it('calls again within hours for a trouble, and within days for what is announced for weeks', () => {
    expect(told('issue', 'open')).toMatchObject({ recheckAfterSeconds: 14_400 });
    expect(told('investigation', 'open')).toMatchObject({ recheckAfterSeconds: 14_400 });
    expect(told('scheduledChange', 'upcoming')).toMatchObject({ recheckAfterSeconds: 604_800 });
  });
});

describe('an event of AWS Health as a target', () => {
  it.each([
    ['arn:aws:health:us-east-1::event/RDS/AWS_RDS_X/AWS_RDS_X_abc-1', 'aws-health/AWS_RDS_X_abc-1'],
    ['arn:aws:health:us-east-1::event/AWS_EC2_X_9035', 'aws-health/AWS_EC2_X_9035'],
    ['arn:aws:health:global::event/ROUTE53/AWS_ROUTE53_X/AWS_ROUTE53_X_1', 'aws-health/AWS_ROUTE53_X_1'],
    ['arn:aws:health:us-east-1::event/', undefined],
    ['arn:aws:rds:us-east-1:000000000000:db:orders', undefined],
    [`arn:aws:health:us-east-1::event/${'x'.repeat(201)}`, undefined],
    ['arn:aws:health:us-east-1::event/a#b', undefined],
  ])('is known by the last part of its ARN: %s', (arn, target) => {
    expect(healthTarget(arn)).toBe(target);
  });

  it('is a target of no other kind', () => {
    expect(healthEventOf('aws-health/AWS_X_1')).toEqual({ name: 'AWS_X_1', severity: 'P1' });
    expect(healthEventOf('rds-instance/orders-db')).toBeUndefined();
  });
});
