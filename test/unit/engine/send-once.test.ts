import { describe, expect, it } from '@jest/globals';
import { sendOnce } from '../../../functions/engine/send-once.ts';

const answered = (name: string, httpStatusCode?: number) =>
  Object.assign(new Error(name), { name, $metadata: httpStatusCode === undefined ? {} : { httpStatusCode } });

async function triesUntil(failures: readonly Error[]): Promise<{ tries: number; error?: unknown }> {
  let tries = 0;
  try {
    await sendOnce(async () => {
      const failure = failures[tries++];
      if (failure) throw failure;
    });
    return { tries };
  } catch (error) {
    return { tries, error };
  }
}

describe('a request that must not be sent twice', () => {
  const throttled = answered('Throttling', 400);

  it('is sent again when AWS said that it was throttled, three times in all', async () => {
    expect(await triesUntil([throttled, throttled])).toEqual({ tries: 3 });
    expect(await triesUntil([throttled, throttled, throttled])).toMatchObject({ tries: 3, error: throttled });
  });

  it('is not sent again after anything that may have had an effect', async () => {
    for (const error of [
      answered('TimeoutError'),
      answered('Throttling'),
      answered('InternalFailure', 500),
      answered('ServiceUnavailable', 503),
      answered('InvalidDBInstanceStateFault', 400),
    ])
      expect(await triesUntil([error])).toMatchObject({ tries: 1, error });
  });
});
