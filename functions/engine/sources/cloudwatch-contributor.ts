/**
 * One time series of a Metrics Insights alarm: the alarm as a whole names no target, its contributors do, by the dimensions of the query's GROUP BY. What
 * happened is the runbook that the alarm's tag asks for: the tag is the owner's consent, as with other alarms. A contributor has no level here: its
 * OK can't be asked for by name. So it starts only what sees for itself that the trouble is over (a decision of `fine`).
 */
import type { RejectReason } from '../../../events/outcome.ts';
import { CONTRIBUTOR_EVENT, contributorStateChange } from '../../../events/sources/cloudwatch-contributor/schema.ts';
import { DEPLOYMENT_TAG, metricTriggersOf, RUNBOOK_TAG } from '../manifest.ts';
import { happened } from './build.ts';
import { isElsewhere, kindOfMetrics, targetOfDimensions } from './cloudwatch-alarm.ts';
import { type EventSource, malformed, mutedUntil, type Rejection } from './source.ts';

export const source: EventSource = {
  name: 'cloudwatch-contributor',
  eventPattern: (what) => ({
    source: ['aws.cloudwatch'],
    'detail-type': [CONTRIBUTOR_EVENT],
    detail: { state: { value: ['ALARM'] }, ...(what.length > 0 && { alarmTags: { [RUNBOOK_TAG]: what } }) },
  }),
  toSignal(event, config) {
    const parsed = contributorStateChange.safeParse(event);
    if (!parsed.success) return malformed(event, parsed.error);
    const { id, account, resources, detail } = parsed.data;
    const [alarmArn] = resources;
    const { alarmName, alarmContributor, state, configuration, alarmTags = {}, muteDetail } = detail;
    const refuse = (rejected: RejectReason, why: string): Rejection => ({
      rejected,
      detail: `${alarmName} ${why}`,
      id,
    });
    if (alarmArn === undefined) return refuse('malformed', 'comes without its ARN: resources is empty');
    const runbook = alarmTags[RUNBOOK_TAG] ?? '';
    const deployment = alarmTags[DEPLOYMENT_TAG] ?? config.name;
    const ladder = Object.hasOwn(config.ladders, runbook) ? config.ladders[runbook] : undefined;
    if (!ladder || deployment !== config.name)
      return refuse('wrong-runbook', `asks for ${runbook || 'no runbook'} of deployment ${deployment}`);
    if (state.value !== 'ALARM') return refuse('not-an-alarm', 'tells that a contributor is well again');
    const queries = configuration.metrics ?? [];
    if (queries.some(({ accountId = account }) => accountId !== account))
      return refuse('foreign-metric', 'watches metrics of another account');
    const expressions = queries.map(({ expression = '' }) => expression);
    if (!expressions.every(onlyThisAccount))
      return refuse('foreign-metric', 'names AWS.AccountId other than as AWS.AccountId = CURRENT_ACCOUNT_ID()');
    const metric = metricOf(expressions);
    const { attributes } = alarmContributor;
    const trigger = metricTriggersOf({ triggers: ladder.startedBy }).find(
      ({ namespace, metricName }) => namespace === metric?.namespace && metricName === metric.name,
    );
    const kind = kindOfMetrics(trigger?.namespace ?? '');
    if (!metric || !trigger || !kind)
      return refuse('foreign-metric', `watches ${metric ? `${metric.namespace} ${metric.name}` : 'no one metric'}`);
    if (isElsewhere(metric.namespace, alarmArn, config.region))
      return refuse('foreign-metric', `watches ${metric.namespace} of another region than ${config.region}`);
    const names = Object.keys(attributes);
    if (names.length !== trigger.dimensions.length || !trigger.dimensions.every((each) => attributes[each]))
      return refuse('no-target', `groups by ${names.join(', ') || 'nothing'}, not by ${trigger.dimensions.join(', ')}`);
    const signal = happened('cloudwatch-contributor', {
      ...{ id, time: state.timestamp, what: runbook, target: targetOfDimensions(kind, attributes, config) },
      reason: `alarm ${alarmName}, ${Object.values(attributes).join(' ')}: ${state.reason ?? 'ALARM'}`,
      facts: { alarmName, metricName: metric.name, contributor: alarmContributor.id },
    });
    // Two alarms on one target are two troubles.
    return { ...signal, subject: `${signal.subject}:${alarmArn}`, alarmArn, ...mutedUntil(muteDetail) };
  },
};

/** CloudWatch User Guide, "Metrics Insights query components and syntax": SELECT function(metric) FROM namespace, or SCHEMA(namespace, keys ...). */
const QUERY = /^\s*SELECT\s+\w+\(\s*"?([^")]+?)"?\s*\)\s+FROM\s+(?:SCHEMA\(\s*)?"([^"]+)"/i;

const THIS_ACCOUNT = /(WHERE|AND)\s+"?AWS\.AccountId"?\s*=\s*CURRENT_ACCOUNT_ID\(\)/gi;

/**
 * In a monitoring account a query reads its source accounts too, where the same names are other things ("Metrics Insights query components and syntax",
 * AWS.AccountId). What limits it in any other way than to this account is not understood here.
 */
function onlyThisAccount(expression: string): boolean {
  const rest = expression.replace(THIS_ACCOUNT, '$1');
  if (rest === expression) return !/AWS\.AccountId/i.test(expression);
  return !/AWS\.AccountId|CURRENT_ACCOUNT_ID|\b(OR|NOT)\b/i.test(rest);
}

/** What the alarm's one query reads. */
function metricOf(expressions: readonly string[]): { readonly name: string; readonly namespace: string } | undefined {
  const found = expressions.flatMap((expression) => QUERY.exec(expression) ?? []);
  const [, name, namespace] = found;
  return found.length === 3 && name && namespace ? { name, namespace } : undefined;
}
