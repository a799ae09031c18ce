import type { SQSClient } from '@aws-sdk/client-sqs';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { describe, expect, it } from '@jest/globals';
import { PermissionError } from '../../../functions/engine/errors.ts';
import {
  countFailures,
  giveSign,
  keepTrouble,
  readTrouble,
  reconcilerMeasures,
  whoStoppedFollowing,
} from '../../../functions/incidents/reconciler/trouble.ts';

const config = { reconcileEverySeconds: 300 };
const answering = (answer: (url: string) => unknown) =>
  ({ send: async (command: { input: { QueueUrl: string } }) => answer(command.input.QueueUrl) }) as unknown as Pick<
    SQSClient,
    'send'
  >;
const refusing = answering(() => {
  throw Object.assign(new Error('no'), { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } });
});

describe('what the reconciler measures', () => {
  it('is nothing on a quiet night, because a metric that is sent costs', () => {
    expect(reconcilerMeasures({ failures: 0, stopped: 0, due: 0, waitedSeconds: 0 }, 0, config)).toEqual([]);
  });

  it('counts what was given up on as trouble', () => {
    expect(reconcilerMeasures({ failures: 2, stopped: 0, due: 0, waitedSeconds: 0 }, 0, config)).toEqual([
      { name: 'Trouble', value: 2 },
      { name: 'NewTrouble', value: 2 },
    ]);
  });

  it.each([
    ['nothing new while what was there stays', 2, 2, 0],
    ['what came to it', 2, 3, 1],
    ['nothing new when some of it is gone', 3, 1, 0],
    ['a last zero when all of it is gone', 1, 0, 0],
  ])('tells as new %s', (_, before, failures, value) => {
    const measures = reconcilerMeasures({ failures, stopped: 0, due: 0, waitedSeconds: 0 }, before, config);
    expect(measures).toContainEqual({ name: 'NewTrouble', value });
  });

  it('remembers what the last run counted, and nothing before the first', async () => {
    const table = new Map<string, Record<string, unknown>>();
    const store: Parameters<typeof keepTrouble>[0] & Parameters<typeof readTrouble>[0] = {
      table: 'journal',
      read: async ({ pk, sk }) => table.get(`${pk} ${sk}`),
      transact: async (items) => {
        for (const { item } of items) {
          const found = unmarshall(item.Put?.Item ?? {});
          table.set(`${found.pk} ${found.sk}`, found);
        }
        return { ok: true };
      },
    };
    expect(await readTrouble(store)).toBe(0);
    await keepTrouble(store, 3);
    expect(await readTrouble(store)).toBe(3);
  });

  it('takes work for stuck once it has waited longer than three periods, not before', () => {
    const names = (waitedSeconds: number) =>
      reconcilerMeasures({ failures: 0, stopped: 0, due: 1, waitedSeconds }, 0, config).map(({ name }) => name);
    expect(names(900)).toEqual(['WorkDue', 'WorkOverdue']);
    expect(names(901)).toEqual(['WorkDue', 'WorkOverdue', 'Trouble', 'NewTrouble']);
  });
});

describe('failure queues', () => {
  it('are added up', async () => {
    const sqs = answering((url) => ({ Attributes: { ApproximateNumberOfMessages: url.endsWith('a') ? '3' : '1' } }));
    expect(await countFailures(sqs, ['https://q/1/a', 'https://q/1/b'])).toBe(4);
  });

  it('count what somebody looks at just now, too', async () => {
    const Attributes = { ApproximateNumberOfMessages: '1', ApproximateNumberOfMessagesNotVisible: '2' };
    expect(
      await countFailures(
        answering(() => ({ Attributes })),
        ['https://q/1/a'],
      ),
    ).toBe(3);
  });

  it('that cannot be looked into are an error, not zero', async () => {
    await expect(countFailures(refusing, ['https://q/1/a'])).rejects.toThrow(PermissionError);
    await expect(countFailures(refusing, ['https://q/1/a'])).rejects.toThrow(/^look into a: /);
  });
});

describe('a sign of life', () => {
  it('that could not be given is an error that says where', async () => {
    await expect(giveSign(refusing, 'https://q/1/heartbeat')).rejects.toThrow(
      'give a sign of life in the standby region',
    );
  });
});

describe('who stopped following the journal', () => {
  const mappings = (...states: readonly string[]) =>
    ({
      send: async () => ({
        EventSourceMappings: states.map((State, index) => ({
          State,
          UUID: `uuid-${index}`,
          FunctionArn: `arn:aws:lambda:us-east-1:1:function:follower-${index}`,
        })),
      }),
    }) as unknown as Parameters<typeof whoStoppedFollowing>[0];

  it.each<[string, readonly string[], number]>([
    ['nobody, when all are enabled or about to be', ['Enabled', 'Creating', 'Updating', 'Enabling'], 0],
    ['those that were switched off', ['Enabled', 'Disabled', 'Disabling', 'Deleting'], 3],
    ['everybody, when there is no mapping left', [], 1],
  ])('is %s', async (_, states, count) => {
    expect(await whoStoppedFollowing(mappings(...states), 'arn:stream')).toHaveLength(count);
  });

  it('is named with what to do, and counts as trouble', async () => {
    const [line] = await whoStoppedFollowing(mappings('Disabled'), 'arn:stream');
    expect(line).toBe(
      'follower-0 does not follow the journal: enable its event source mapping uuid-0 (it is Disabled)',
    );
    expect(reconcilerMeasures({ failures: 0, stopped: 1, due: 0, waitedSeconds: 0 }, 0, config)).toEqual([
      { name: 'Trouble', value: 1 },
      { name: 'NewTrouble', value: 1 },
    ]);
  });
});
