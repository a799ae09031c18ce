/** What the follow-through asks of remediations, and what it asks CloudWatch. */
import { type CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { Command } from '../../../events/command.ts';
import type { IncidentWithTimeline } from '../../../events/journal.ts';
import { classifyAwsError } from '../../engine/errors.ts';
import { nextIn } from '../../engine/ladder.ts';
import { log } from '../../engine/log.ts';
import { type AlarmsSeen, alarmsInJournal, alarmsOf } from './next-step.ts';

export interface Orders {
  readonly lambda: Pick<LambdaClient, 'send'>;
  /** Names of the functions of the remediations that are deployed. */
  readonly functions: Readonly<Record<string, string>>;
}

/**
 * Gives an order to a remediation. One that isn't deployed any more gets none: what is left of its work is the reconciler's, which calls a person.
 * @throws EngineError when Lambda doesn't take it.
 */
export async function order({ lambda, functions }: Orders, remediation: string, command: Command): Promise<void> {
  const FunctionName = functions[remediation];
  if (!FunctionName) {
    log('WARN', `${remediation} is not deployed: it gets no order`, { command: command.command });
    return;
  }
  try {
    await lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: JSON.stringify(command) }));
  } catch (error) {
    throw classifyAwsError(`order ${command.command} from ${remediation}`, error);
  }
}

/** Looks whether the trouble is over, with the alarms as CloudWatch tells them now. */
export const settleCommand = ({ target }: IncidentWithTimeline, alarms: AlarmsSeen): Command => ({
  nightshift: 1,
  command: 'settle',
  target,
  alarms: Object.fromEntries(Object.entries(alarms).map(([arn, { state }]) => [arn, state])),
});

/** The order that the entry of a rung asks for, the very one that the reconciler gives too: whoever comes second gives a duplicate. */
export function rungCommand({ timeline }: IncidentWithTimeline, key: string): Command | undefined {
  const entry = timeline.find(({ id }) => key.startsWith(`${id}:`));
  return entry && nextIn(entry)?.command;
}

/** "DescribeAlarms", Amazon CloudWatch API Reference: at most 100 names. */
const MOST_NAMES = 100;

/** The incident's alarms as CloudWatch has them now; one that doesn't exist any more is `GONE`. @throws EngineError when it can't be asked. */
export async function describe(
  cloudwatch: Pick<CloudWatchClient, 'send'>,
  incident: IncidentWithTimeline,
): Promise<AlarmsSeen> {
  const arns = alarmsOf(incident.alarms).slice(0, MOST_NAMES);
  if (arns.length === 0) return {};
  const seen: Record<string, AlarmsSeen[string]> = {};
  const known = alarmsInJournal(incident);
  for (const arn of arns) seen[arn] = { state: 'GONE', since: known[arn]?.since ?? 0 };
  try {
    const reply = await cloudwatch.send(
      new DescribeAlarmsCommand({
        // A name may itself hold `:alarm:`.
        AlarmNames: arns.map((arn) => arn.split(':alarm:').slice(1).join(':alarm:')),
        AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
        MaxRecords: MOST_NAMES,
      }),
    );
    for (const alarm of [...(reply.MetricAlarms ?? []), ...(reply.CompositeAlarms ?? [])])
      if (alarm.AlarmArn && alarm.StateValue && alarm.AlarmArn in seen)
        seen[alarm.AlarmArn] = {
          state: alarm.StateValue,
          since: (alarm.StateTransitionedTimestamp ?? alarm.StateUpdatedTimestamp)?.getTime() ?? 0,
        };
  } catch (error) {
    throw classifyAwsError(`describe the alarms of ${incident.id}`, error);
  }
  return seen;
}
