/** What the follow-through asks of remediations, and what it asks CloudWatch. */
import { DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { Command } from '../../../events/command.ts';
import type { IncidentWithTimeline } from '../../../events/journal.ts';
import { classifyAwsError } from '../../engine/errors.ts';
import { nextIn } from '../../engine/ladder.ts';
import { log } from '../../engine/log.ts';
import { byRegion, type CloudWatchIn } from '../regional-alarms.ts';
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

/**
 * The incident's alarms as CloudWatch has them now, each in its own region; one that doesn't exist any more is `GONE`. In another region that doesn't answer they are as the
 * journal knows them.
 * @param own the deployment's region.
 * @throws EngineError when CloudWatch can't be asked in the own region.
 */
export async function describe(
  cloudwatchIn: CloudWatchIn,
  incident: IncidentWithTimeline,
  own: string,
): Promise<AlarmsSeen> {
  const known = alarmsInJournal(incident);
  const seen: Record<string, AlarmsSeen[string]> = {};
  for (const [region, arns] of byRegion(alarmsOf(incident.alarms).slice(0, MOST_NAMES))) {
    try {
      Object.assign(seen, await describeInRegion(cloudwatchIn(region), arns, known));
    } catch (error) {
      if (region === own) throw classifyAwsError(`describe the alarms of ${incident.id}`, error);
      log('WARN', `alarms of ${region} can't be looked at`, { incidentId: incident.id, why: String(error) });
      for (const arn of arns) if (known[arn]) seen[arn] = known[arn];
    }
  }
  return seen;
}

async function describeInRegion(
  cloudwatch: ReturnType<CloudWatchIn>,
  arns: readonly string[],
  known: AlarmsSeen,
): Promise<AlarmsSeen> {
  const seen: Record<string, AlarmsSeen[string]> = {};
  for (const arn of arns) seen[arn] = { state: 'GONE', since: known[arn]?.since ?? 0 };
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
  return seen;
}
