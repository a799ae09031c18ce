import type { SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, it } from '@jest/globals';
import { PermissionError } from '../../../functions/engine/errors.ts';
import {
  countFailures,
  giveSign,
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
    expect(reconcilerMeasures({ failures: 0, stopped: 0, due: 0, waitedSeconds: 0 }, config)).toEqual([]);
  });

  it('counts what was given up on as trouble', () => {
    expect(reconcilerMeasures({ failures: 2, stopped: 0, due: 0, waitedSeconds: 0 }, config)).toEqual([
      { name: 'Trouble', value: 2 },
    ]);
  });

  it('takes work for stuck once it has waited longer than three periods, not before', () => {
    const names = (waitedSeconds: number) =>
      reconcilerMeasures({ failures: 0, stopped: 0, due: 1, waitedSeconds }, config).map(({ name }) => name);
    expect(names(900)).toEqual(['WorkDue', 'WorkOverdue']);
    expect(names(901)).toEqual(['WorkDue', 'WorkOverdue', 'Trouble']);
  });
});

describe('failure queues', () => {
  it('are added up', async () => {
    const sqs = answering((url) => ({ Attributes: { ApproximateNumberOfMessages: url.endsWith('a') ? '3' : '1' } }));
    expect(await countFailures(sqs, ['https://q/1/a', 'https://q/1/b'])).toBe(4);
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
    expect(reconcilerMeasures({ failures: 0, stopped: 1, due: 0, waitedSeconds: 0 }, config)).toEqual([
      { name: 'Trouble', value: 1 },
    ]);
  });
});
