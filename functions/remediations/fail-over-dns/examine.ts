/** What would keep an endpoint from failing over, seen in quiet times. Pure. */
import { siteAnswered, tellAnswer } from '../../dns/answers.ts';
import { tellHealth, verdictOf } from '../../dns/health.ts';
import { pointsTo, tellRecord } from '../../dns/record.ts';
import type { Answer } from '../../dns/resolvers.ts';
import type { EndpointConfig } from '../../engine/config.ts';
import type { Finding } from '../../engine/remediation.ts';
import type { Observation } from './decide.ts';

export function examine(target: EndpointConfig, { record, sites, answers = [] }: Observation): readonly Finding[] {
  return [
    examineRecord(target, record),
    ...answers.map((answer) => examineAnswer(target, record, answer)),
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

/** In quiet times every resolver answers what the record says. */
function examineAnswer(target: EndpointConfig, record: Observation['record'], answer: Answer): Finding {
  const what = `resolver ${tellAnswer(target, answer)}`;
  if (answer.values === undefined)
    return { verdict: 'unknown', what, todo: 'look whether it may be asked from here, or take it out of `resolvers`' };
  const site = siteAnswered(target, target.sites, answer);
  const isIt = site !== undefined && record.kind === 'record' && pointsTo(target.recordType, record.record, site);
  if (isIt || record.kind === 'unknown')
    return { verdict: isIt ? 'ok' : 'unknown', what, ...(!isIt && { todo: 'ask again' }) };
  return {
    verdict: 'wrong',
    what,
    todo: 'users are sent elsewhere than the record says: look at the delegation of the zone, or take it out of `resolvers` where it cannot know the name',
  };
}
