/** Whether Nightshift is watched itself (docs/self-watch.md): its own alarms, its signs of life, and whether anybody would hear them. */
import type { Check } from '../../events/published/doctor.ts';
import { canaryQueueName, heartbeatQueueName } from '../../infra/constructs/sign-of-life.ts';
import type { Around } from './checks.ts';

/** A mapping in any other state than these starts no function ("ListEventSourceMappings", AWS Lambda API Reference, State). */
const FOLLOWING = ['Enabled', 'Creating', 'Enabling', 'Updating'];
/** Longer than a canary of the longest default interval takes twice. */
const SIGNS_WITHIN_SECONDS = 35 * 60;

type Part = Pick<Around, 'place' | 'deployment' | 'aws' | 'now'>;

const subject = ({ deployment }: Part, what: string): string => `nightshift-${deployment.name}-${what}`;

export async function checkOwnAlarms(around: Part): Promise<Check[]> {
  const { place, deployment, aws } = around;
  const regions: readonly (readonly [string, readonly string[]])[] = [
    [
      place.region,
      ['reconciler-absent', 'trouble', 'publisher-late', 'announcer-late', 'follow-through-failed', 'canary-missed'],
    ],
    [deployment.config.standbyRegion, ['silent']],
  ];
  const checks = await Promise.all(
    regions.map(async ([region, names]) => {
      const wanted = names.map((name) => subject(around, name));
      const found = await aws.ownAlarms(region, wanted);
      return wanted.map((name): Check => {
        const base = { check: 'self-watch', subject: `${name} in ${region}` };
        const alarm = found.find(({ AlarmName }) => AlarmName === name);
        if (!alarm) return { ...base, verdict: 'wrong', what: 'there is no such alarm', todo: DEPLOY };
        if (!alarm.ActionsEnabled || !alarm.AlarmActions?.length)
          return { ...base, verdict: 'wrong', what: 'it calls nobody', todo: 'enable its actions, or deploy again' };
        // It has called already; whoever asks now must not read that all is well.
        if (alarm.StateValue === 'ALARM')
          return {
            ...base,
            verdict: 'wrong',
            what: `is in ALARM: ${alarm.StateReason ?? 'CloudWatch tells no reason'}`,
            todo: 'see "Who watches Nightshift" (docs/self-watch.md) for what it means',
          };
        return { ...base, verdict: 'ok', what: `calls a person directly, is ${alarm.StateValue}` };
      });
    }),
  );
  return checks.flat();
}

const DEPLOY = 'deploy again, both stacks: npx cdk deploy --all';

/** Signs of life that arrived lately; a deployment that is younger than that is given its time. */
export async function checkSigns(around: Part): Promise<Check[]> {
  const { place, deployment, aws, now } = around;
  const { name, config } = deployment;
  const since = new Date(now() - SIGNS_WITHIN_SECONDS * 1000);
  const signs = [
    {
      check: 'heartbeat',
      region: config.standbyRegion,
      queue: heartbeatQueueName(name),
      alarm: subject(around, 'silent'),
      todo: 'look at the log of the reconciler, and whether the stack of the standby region is deployed',
    },
    {
      check: 'canary',
      region: place.region,
      queue: canaryQueueName(name),
      alarm: subject(around, 'canary-missed'),
      todo: 'follow it: its schedule, its alarm, the log of the canary, the stream mapping and the log of the publisher',
    },
  ];
  return Promise.all(
    signs.map(async ({ check, region, queue, alarm, todo }): Promise<Check> => {
      const base = { check, subject: `${queue} in ${region}` };
      const sent = await aws.messagesSent(region, queue, since);
      if (sent > 0)
        return { ...base, verdict: 'ok', what: `${sent} came within the last ${SIGNS_WITHIN_SECONDS / 60} minutes` };
      const [watching] = await aws.ownAlarms(region, [alarm]);
      const made = watching?.AlarmConfigurationUpdatedTimestamp;
      if (made && made > since)
        return { ...base, verdict: 'unknown', what: 'none came yet, since it was deployed', todo: 'look again later' };
      return { ...base, verdict: 'wrong', what: `none came for ${SIGNS_WITHIN_SECONDS / 60} minutes`, todo };
    }),
  );
}

/** Functions that read the journal's stream: one pages, the other tells channels (infra/constructs/journal-stream.ts). */
const FOLLOWERS = ['publisher', 'announcer'] as const;

/** The journal's stream has to be followed, or nobody is told of what is written. */
export const checkFollowers = (around: Part): Promise<Check[]> =>
  Promise.all(FOLLOWERS.map((unit) => checkFollower(around, unit)));

async function checkFollower(around: Part, unit: (typeof FOLLOWERS)[number]): Promise<Check> {
  const name = subject(around, unit);
  const states = await around.aws.mappingStates(name);
  const base = { check: unit, subject: name };
  const todo = 'enable its event source mapping (UpdateEventSourceMapping), or deploy again';
  if (states.length === 0) return { ...base, verdict: 'wrong', what: 'it does not follow the journal', todo };
  const stopped = states.find((state) => !FOLLOWING.includes(state));
  if (stopped) return { ...base, verdict: 'wrong', what: `it does not follow the journal: ${stopped}`, todo };
  return { ...base, verdict: 'ok', what: 'follows the journal' };
}
