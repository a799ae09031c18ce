import { DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { describe, expect, it } from '@jest/globals';
import { RetryableError } from '../../../functions/engine/errors.ts';
import {
  asEvent,
  type CloudWatch,
  describeAlarms,
  listAlarms,
  toLive,
} from '../../../functions/incidents/reconciler/alarms.ts';

const OWN = 'us-east-1';
const arnOf = (name: string, region = OWN) => `arn:aws:cloudwatch:${region}:000000000000:alarm:${name}`;
const throttled = {
  send: async () => {
    throw Object.assign(new Error('Rate exceeded'), { name: 'ThrottlingException' });
  },
} as unknown as CloudWatch;

/** CloudWatch with those alarms firing, that gives out `pageSize` at a time. */
function cloudwatch(names: readonly string[], pageSize: number, region = OWN): CloudWatch {
  const send = async (command: unknown) => {
    if (!(command instanceof DescribeAlarmsCommand)) throw new Error('only DescribeAlarms is expected');
    const { AlarmNames = [], NextToken } = command.input;
    if (AlarmNames.length > 100) throw new Error('more than 100 names');
    const from = Number(NextToken ?? 0);
    const matching = AlarmNames.filter((name) => names.includes(name));
    const MetricAlarms = matching
      .slice(from, from + pageSize)
      .map((name) => ({ AlarmName: name, AlarmArn: arnOf(name, region), StateValue: 'ALARM' }));
    return { MetricAlarms, ...(from + pageSize < matching.length && { NextToken: String(from + pageSize) }) };
  };
  return { send } as CloudWatch;
}

describe('describing alarms by name', () => {
  it('finds every one of 250, however few come in a page, so that none looks deleted', async () => {
    const names = Array.from({ length: 250 }, (_, index) => `alarm-${index}`);
    const found = await describeAlarms(() => cloudwatch(names, 30), new Set(names.map((name) => arnOf(name))), OWN);
    expect([...found.values()].filter((alarm) => alarm.state === 'ALARM')).toHaveLength(250);
  });

  it('tells a deleted alarm from one that is there', async () => {
    const found = await describeAlarms(() => cloudwatch(['kept'], 50), new Set([arnOf('kept'), arnOf('deleted')]), OWN);
    expect(found.get(arnOf('kept'))?.state).toBe('ALARM');
    expect(found.get(arnOf('deleted'))?.state).toBe('GONE');
  });

  it('finds an alarm whose name holds the separator', async () => {
    const found = await describeAlarms(
      () => cloudwatch(['odd:alarm:name'], 50),
      new Set([arnOf('odd:alarm:name')]),
      OWN,
    );
    expect(found.get(arnOf('odd:alarm:name'))?.state).toBe('ALARM');
  });

  it('takes nothing for deleted when CloudWatch does not answer', async () => {
    await expect(describeAlarms(() => throttled, new Set([arnOf('a')]), OWN)).rejects.toBeInstanceOf(RetryableError);
  });

  it('looks for an alarm in its own region: it fires there, and looked deleted from here', async () => {
    const [here, there] = [arnOf('here', 'eu-west-1'), arnOf('there')];
    const of = { 'eu-west-1': cloudwatch(['here'], 50, 'eu-west-1'), [OWN]: cloudwatch(['there'], 50) };
    const found = await describeAlarms(
      (region) => of[region as keyof typeof of] ?? throttled,
      new Set([here, there]),
      'eu-west-1',
    );
    expect([...found].map(([arn, { state }]) => [arn, state])).toEqual([
      [here, 'ALARM'],
      [there, 'ALARM'],
    ]);
  });

  it('knows nothing of those of another region that does not answer, and tells of the others', async () => {
    const here = arnOf('here', 'eu-west-1');
    const found = await describeAlarms(
      (region) => (region === 'eu-west-1' ? cloudwatch(['here'], 50, region) : throttled),
      new Set([here, arnOf('there')]),
      'eu-west-1',
    );
    expect([...found.keys()]).toEqual([here]);
  });
});

describe('listing alarms', () => {
  /** CloudWatch with so many alarms, of which each third fires. */
  function account(count: number) {
    const asked: DescribeAlarmsCommand['input'][] = [];
    const send = async ({ input }: DescribeAlarmsCommand) => {
      asked.push(input);
      const all = Array.from({ length: count }, (_, index) => ({
        AlarmName: `alarm-${index}`,
        StateValue: index % 3 === 0 ? ('ALARM' as const) : ('OK' as const),
      })).filter(({ StateValue }) => !input.StateValue || StateValue === input.StateValue);
      const from = Number(input.NextToken ?? 0);
      const to = from + (input.MaxRecords ?? 0);
      return { MetricAlarms: all.slice(from, to), ...(to < all.length && { NextToken: String(to) }) };
    };
    return { cloudwatch: { send } as unknown as CloudWatch, asked };
  }
  const namesOf = async (pages: Awaited<ReturnType<typeof listAlarms>>['all']): Promise<(string | undefined)[]> => {
    const names: (string | undefined)[] = [];
    for await (const page of pages) names.push(...page.map(({ AlarmName }) => AlarmName));
    return names;
  };

  it.each([0, 1, 99, 100, 101, 250, 700])('tells of all %i, and of those that fire', async (count) => {
    const { firing, all } = await listAlarms(account(count).cloudwatch);
    const names = Array.from({ length: count }, (_, index) => `alarm-${index}`);
    expect(await namesOf(firing)).toEqual(names.filter((_, index) => index % 3 === 0));
    expect(await namesOf(all)).toEqual(names);
  });

  it('asks once where one page holds them all, because requests are billed', async () => {
    const { cloudwatch, asked } = account(100);
    const { firing, all } = await listAlarms(cloudwatch);
    await namesOf(firing);
    await namesOf(all);
    expect(asked).toHaveLength(1);
  });

  it('asks for those that fire before it goes through all the others', async () => {
    const { cloudwatch, asked } = account(250);
    const { firing } = await listAlarms(cloudwatch);
    await namesOf(firing);
    expect(asked.map(({ StateValue }) => StateValue)).toEqual([undefined, 'ALARM']);
  });
});

describe('since when an alarm is in its state', () => {
  it('does not move when only its evaluation state changes', () => {
    const live = toLive({
      AlarmName: 'a',
      AlarmArn: arnOf('a'),
      StateValue: 'ALARM',
      StateTransitionedTimestamp: new Date(1000),
      StateUpdatedTimestamp: new Date(900_000),
    });
    expect(live?.stateAt).toBe(1000);
  });
});

describe('a composite alarm', () => {
  const raw = { AlarmName: 'a', AlarmArn: arnOf('a'), StateValue: 'ALARM' as const, AlarmRule: 'ALARM(b)' };

  it('whose actions are suppressed waits, as one whose actions are disabled does', () => {
    expect(toLive({ ...raw, ActionsSuppressedBy: 'WaitPeriod' })?.actionsEnabled).toBe(false);
    expect(toLive(raw)?.actionsEnabled).toBe(true);
  });

  it('is no duplicate of what was rejected before, once its target can be told', () => {
    const live = toLive(raw);
    if (!live) throw new Error('it is complete');
    const idOf = (asked: object) => (asEvent(raw, live, { runbook: 'r', ...asked }) as { id: string }).id;
    const ids = [{ whyNoTarget: 'is made of x' }, { target: 'ecs-service/o/b' }, { target: 'ecs-service/o/c' }].map(
      idOf,
    );
    expect(new Set(ids).size).toBe(3);
    expect(idOf({ target: 'ecs-service/o/b' })).toBe(ids[1]);
  });
});
