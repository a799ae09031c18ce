/** What would keep an endpoint from failing over, seen in quiet times. Pure. */
import { tellHealth, verdictOf } from '../../dns/health.ts';
import { pointsTo, tellRecord } from '../../dns/record.ts';
import type { EndpointConfig } from '../../engine/config.ts';
import type { Finding } from '../../engine/remediation.ts';
import type { Observation } from './decide.ts';

export function examine(target: EndpointConfig, { record, sites }: Observation): readonly Finding[] {
  return [
    examineRecord(target, record),
    ...target.sites.map(({ name }): Finding => {
      const health = sites[name];
      const told = `site ${name}: ${health ? tellHealth(health) : 'not looked at'}`;
      const verdict = health ? verdictOf(health) : 'unclear';
      if (verdict === 'healthy') return { verdict: 'ok', what: told };
      return {
        verdict: verdict === 'sick' ? 'wrong' : 'unknown',
        what: told,
        todo: 'nobody is sent to a site that is not proved healthy: mend it, its probe URL or its health check',
      };
    }),
  ];
}

function examineRecord(target: EndpointConfig, record: Observation['record']): Finding {
  const { recordName, recordType, sites } = target;
  if (record.kind === 'unknown')
    return {
      verdict: 'unknown',
      what: `its record can't be read: ${record.why}`,
      todo: 'ask again, or look at the role',
    };
  if (record.kind === 'missing')
    return {
      verdict: 'wrong',
      what: `there is no ${recordType} record ${recordName}`,
      todo: 'create it, or correct zoneId and recordName',
    };
  if (record.kind === 'not-simple')
    return {
      verdict: 'wrong',
      what: `${recordName} is not one answer for everybody: ${record.why}`,
      todo: 'let Route 53 fail over by itself, or make it one simple record, without an AAAA beside it',
    };
  const site = sites.find((each) => pointsTo(recordType, record.record, each));
  return site
    ? { verdict: 'ok', what: `${recordName} sends everybody to site ${site.name} (${tellRecord(record.record)})` }
    : {
        verdict: 'wrong',
        what: `${recordName} points to none of its sites (${tellRecord(record.record)})`,
        todo: 'correct the record, or the targets of the sites',
      };
}
