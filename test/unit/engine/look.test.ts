import { describe, expect, it } from '@jest/globals';
import { PermissionError } from '../../../functions/engine/errors.ts';
import { handle } from '../../../functions/engine/handler.ts';
import type { Store } from '../../../functions/engine/store.ts';
import { config } from '../../support/fixtures.ts';

const TARGET = 'ecs-service/orders/backend';
/** No call of the journal is answered: a look must make none. */
const store = new Proxy({} as Store, {
  get: (_, name) => {
    throw new Error(`the journal was asked: ${String(name)}`);
  },
});

function ask(target: string, observe: () => Promise<unknown>) {
  const remediation = {
    manifest: { name: 'scale-out-service' },
    targetOf: (key: string) => (key === TARGET ? { key } : undefined),
    observe,
  };
  const context = {
    remediation,
    store,
    config,
    now: Date.now,
    requestId: 'r',
    remaining: () => 9_000,
    random: () => 0,
  };
  return handle({ nightshift: 1, command: 'look', target }, context as unknown as Parameters<typeof handle>[1]);
}

describe('the order to look', () => {
  it('has the remediation look at its target, and asks the journal nothing', async () => {
    let looks = 0;
    const observe = async () => {
      looks++;
    };
    expect(await ask(TARGET, observe)).toEqual({ kind: 'noted', detail: `looked at ${TARGET}` });
    expect(looks).toBe(1);
  });

  it('fails as the look does, so that whoever asked is told', async () => {
    const denied = new PermissionError('describe backend: not authorized');
    await expect(ask(TARGET, () => Promise.reject(denied))).rejects.toBe(denied);
  });

  it('looks at nothing that is not configured', async () => {
    const observe = () => Promise.reject(new Error('it looked'));
    expect(await ask('ecs-service/orders/other', observe)).toMatchObject({
      kind: 'rejected',
      reason: 'target-not-configured',
    });
  });
});
