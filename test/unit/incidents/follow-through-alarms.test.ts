/** What the follow-through reads of an incident's alarms, which may be in more than one region. */
import type { DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { expect, it } from '@jest/globals';
import type { IncidentWithTimeline } from '../../../events/journal.ts';
import { RetryableError } from '../../../functions/engine/errors.ts';
import { describe as describeAlarms } from '../../../functions/incidents/follow-through/orders.ts';
import type { CloudWatchIn } from '../../../functions/incidents/regional-alarms.ts';

const arnOf = (name: string, region: string) => `arn:aws:cloudwatch:${region}:000000000000:alarm:${name}`;
const [HERE, THERE] = [arnOf('backend-cpu', 'eu-west-1'), arnOf('shop-endpoint', 'us-east-1')];
const AT = '2026-11-22T03:00:00.000Z';
const incident = {
  ...{ id: 'incident', alarms: { [HERE]: 'OK', [THERE]: 'ALARM' } },
  timeline: [{ at: AT, data: { subject: THERE } }],
} as unknown as IncidentWithTimeline;

/** CloudWatch of regions: in each fires what it is asked for, as far as it is there; no other region answers. */
const firing =
  (arns: readonly string[], answering: readonly string[]): CloudWatchIn =>
  (region) =>
    ({
      send: async ({ input: { AlarmNames = [] } }: DescribeAlarmsCommand) => {
        if (!answering.includes(region)) throw Object.assign(new Error('slow'), { name: 'ThrottlingException' });
        const MetricAlarms = AlarmNames.map((name) => arnOf(name, region))
          .filter((arn) => arns.includes(arn))
          .map((AlarmArn) => ({ AlarmArn, StateValue: 'ALARM', StateTransitionedTimestamp: new Date(AT) }));
        return { MetricAlarms };
      },
    }) as unknown as ReturnType<CloudWatchIn>;
const statesOf = async (cloudwatchIn: CloudWatchIn) =>
  Object.fromEntries(
    Object.entries(await describeAlarms(cloudwatchIn, incident, 'eu-west-1')).map(([arn, { state }]) => [arn, state]),
  );

it('looks for each alarm in its own region: one that fires there looked deleted from here, and its incident over', async () => {
  const both = ['eu-west-1', 'us-east-1'];
  expect(await statesOf(firing([HERE, THERE], both))).toEqual({ [HERE]: 'ALARM', [THERE]: 'ALARM' });
  expect(await statesOf(firing([HERE], both))).toEqual({ [HERE]: 'ALARM', [THERE]: 'GONE' });
});

it('takes alarms of a region that does not answer as the journal knows them, but not those of its own', async () => {
  expect(await statesOf(firing([HERE], ['eu-west-1']))).toEqual({ [HERE]: 'ALARM', [THERE]: 'ALARM' });
  await expect(statesOf(firing([THERE], ['us-east-1']))).rejects.toBeInstanceOf(RetryableError);
});
