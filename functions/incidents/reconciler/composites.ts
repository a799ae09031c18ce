/**
 * What a composite alarm is about, read from the alarms that it is made of: its own event names no metric. The reconciler may describe alarms; the
 * functions of remediations may not, and those beside a database couldn't reach CloudWatch.
 */
import { DescribeAlarmsCommand, type MetricAlarm } from '@aws-sdk/client-cloudwatch';
import type { RuntimeConfig } from '../../engine/config.ts';
import { classifyAwsError } from '../../engine/errors.ts';
import type { Ladder } from '../../engine/runbook.ts';
import { targetOfChildren } from '../../engine/sources/cloudwatch-alarm.ts';
import { asEvent, type CloudWatch, DESCRIBE_BATCH, toLive } from './alarms.ts';

/** Composites within composites are followed so deep. */
const DEEPEST = 5;
/** "CloudWatch service quotas": a composite may be made of up to 100 alarms; with more than so many below it, it is left to people. */
const MOST_ALARMS = 100;
/** Each composite below it costs a call, at the pace of the run. */
const MOST_COMPOSITES = 20;

/**
 * The target of a firing composite alarm, or why it can't be told.
 * @param runbook the runbook that its tag asks for.
 * @throws EngineError when CloudWatch can't be asked.
 */
export async function targetOfComposite(
  cloudwatch: CloudWatch,
  name: string,
  runbook: string,
  config: Pick<RuntimeConfig, 'ladders' | 'services' | 'endpoints' | 'certificates' | 'region'>,
): Promise<{ readonly target: string } | { readonly whyNoTarget: string }> {
  const ladder: Pick<Ladder, 'startedBy'> = config.ladders[runbook] ?? { startedBy: [] };
  const names = await firingBelow(cloudwatch, name);
  if (names === undefined || names.length > MOST_ALARMS)
    return { whyNoTarget: `is made of too many alarms: give it the tag nightshift:target` };
  const alarms = await describeMetricAlarms(cloudwatch, names);
  if (alarms.length < names.length) return { whyNoTarget: 'is made of an alarm that watches no metric' };
  const children = alarms.flatMap((alarm) => {
    const live = toLive(alarm);
    return live ? [asEvent(alarm, live, { runbook })] : [];
  });
  return targetOfChildren(children, ladder, config);
}

interface Child {
  readonly name: string;
  readonly isComposite: boolean;
}

/**
 * Names of the alarms that fire below a composite and are no composites themselves; undefined when it is nested too deeply. Those that don't fire didn't make it
 * fire, or only as what must not be (`NOT`).
 */
async function firingBelow(cloudwatch: CloudWatch, name: string): Promise<readonly string[] | undefined> {
  const seen = new Set([name]);
  const found: string[] = [];
  let level = [name];
  let composites = 0;
  for (let depth = 0; level.length > 0; depth++) {
    composites += level.length;
    if (depth === DEEPEST || found.length > MOST_ALARMS || composites > MOST_COMPOSITES) return undefined;
    const next: string[] = [];
    for (const parent of level)
      for (const child of await firingChildren(cloudwatch, parent)) {
        if (seen.has(child.name)) continue;
        seen.add(child.name);
        (child.isComposite ? next : found).push(child.name);
      }
    level = next;
  }
  return found;
}

/**
 * "DescribeAlarms", Amazon CloudWatch API Reference: ChildrenOfAlarmName stands alone, and returns of each child only name, ARN and state.
 */
async function firingChildren(cloudwatch: CloudWatch, ChildrenOfAlarmName: string): Promise<Child[]> {
  const children: Child[] = [];
  let NextToken: string | undefined;
  try {
    do {
      const reply = await cloudwatch.send(
        new DescribeAlarmsCommand({ ChildrenOfAlarmName, MaxRecords: DESCRIBE_BATCH, ...(NextToken && { NextToken }) }),
      );
      const { MetricAlarms = [], CompositeAlarms = [], LogAlarms = [] } = reply;
      const firing = (alarms: readonly Pick<MetricAlarm, 'AlarmName' | 'StateValue'>[], isComposite: boolean) =>
        alarms.flatMap(({ AlarmName: name, StateValue }) =>
          name && StateValue === 'ALARM' ? [{ name, isComposite }] : [],
        );
      children.push(...firing([...MetricAlarms, ...LogAlarms], false), ...firing(CompositeAlarms, true));
      NextToken = reply.NextToken;
    } while (NextToken);
  } catch (error) {
    throw classifyAwsError(`describe the alarms of which ${ChildrenOfAlarmName} is made`, error);
  }
  return children;
}

async function describeMetricAlarms(cloudwatch: CloudWatch, AlarmNames: readonly string[]): Promise<MetricAlarm[]> {
  if (AlarmNames.length === 0) return [];
  const alarms: MetricAlarm[] = [];
  let NextToken: string | undefined;
  try {
    do {
      const reply = await cloudwatch.send(
        new DescribeAlarmsCommand({
          AlarmNames: [...AlarmNames],
          AlarmTypes: ['MetricAlarm'],
          MaxRecords: DESCRIBE_BATCH,
          ...(NextToken && { NextToken }),
        }),
      );
      alarms.push(...(reply.MetricAlarms ?? []));
      NextToken = reply.NextToken;
    } while (NextToken);
  } catch (error) {
    throw classifyAwsError('describe the alarms of a composite', error);
  }
  return alarms;
}
