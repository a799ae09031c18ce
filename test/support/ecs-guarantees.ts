/** What every remediation of services promises whatever it does, as one table of tests: each names what differs. */
import { expect, it } from '@jest/globals';
import { InFlightError, RetryableError } from '../../functions/engine/errors.ts';
import type { DeliverOptions, EcsRemediationWorld } from './ecs-remediation.ts';

export interface Promised<O> {
  world(): EcsRemediationWorld<O>;
  /** Makes a service that is in the trouble that it mends. */
  trouble(name: string): Promise<void>;
  /** The alarm or event that tells of it. */
  told(name: string): Record<string, unknown>;
  readonly options?: DeliverOptions<O>;
  /** The operations of one change, in order. */
  readonly changing: readonly [string, ...string[]];
  /** What the change changes, as it is now. */
  state(name: string): Promise<unknown>;
  /** What it says when it can't help: another rung of its runbook may. */
  readonly givesUp?: 'handed-on';
  /** Somebody else's change of the same thing. */
  interfere(name: string): Promise<void>;
  /** What is well already when it is told of late, and how; of a remediation that an alarm starts. */
  readonly alreadyFine?: readonly AlreadyFine[];
}

export interface AlreadyFine {
  readonly called: string;
  /** Makes the service, and what made it well. @returns what tells of its trouble too late. */
  make(name: string): Promise<Record<string, unknown>>;
}

/** Beyond the lease of a delivery that gave up. */
const LATER_MS = 90_000;

export function keepsItsPromises<O>({
  world,
  trouble,
  told,
  options = {},
  changing,
  state,
  interfere,
  givesUp,
  alreadyFine = [],
}: Promised<O>): void {
  const deliver = (name: string, event: unknown, more: DeliverOptions<O> = {}) =>
    world().deliver(name, event, { ...options, ...more });
  const gaveUp = givesUp ?? 'escalated';
  const later = () => Date.now() + LATER_MS;

  it('calls a person for a service that isn’t there', async () => {
    const { result, changing: made } = await world().callsDuring(() => deliver('ghost', told('ghost')));
    expect(result).toMatchObject({ kind: gaveUp, reason: expect.stringContaining('MISSING') });
    expect(made).toEqual([]);
  });

  for (const { called, make } of alreadyFine)
    it(`finds all well, without a change, when ${called}`, async () => {
      const name = called.replace(/[^a-z]/g, '');
      const event = await make(name);
      const { result, changing: made } = await world().callsDuring(() => deliver(name, event));
      expect(result).toMatchObject({ kind: 'already-fine' });
      expect(made).toEqual([]);
    });

  it('calls a person when it may not read', async () => {
    await trouble('unreadable');
    world().fault('DescribeServices', 'refused');
    const { result, changing: made } = await world().callsDuring(() => deliver('unreadable', told('unreadable')));
    expect(result).toMatchObject({ kind: gaveUp, reason: expect.stringContaining('AccessDenied') });
    expect(made).toEqual([]);
  });

  it('calls a person when it may not change', async () => {
    await trouble('refused');
    const before = await state('refused');
    world().fault(changing[0], 'refused');
    const outcome = await deliver('refused', told('refused'));
    expect(outcome).toMatchObject({ kind: gaveUp, reason: expect.stringContaining('AccessDenied') });
    expect(await state('refused')).toEqual(before);
  });

  it('keeps the intent when throttled three times, and finishes it later', async () => {
    await trouble('throttled');
    const before = await state('throttled');
    world().fault(changing[0], 'throttled', 3);
    const event = told('throttled');
    await expect(deliver('throttled', event)).rejects.toBeInstanceOf(RetryableError);
    expect(await state('throttled')).toEqual(before);
    await expect(deliver('throttled', event)).rejects.toBeInstanceOf(InFlightError);
    world().calm();
    expect(await deliver('throttled', event, { now: later })).toMatchObject({ kind: 'remediated' });
    expect(await state('throttled')).not.toEqual(before);
  });

  it('makes its change once when the answer to it was lost', async () => {
    await trouble('lost');
    const before = await state('lost');
    // As often as its client asks again by itself.
    world().fault(changing.at(-1) ?? '', 'timeout-after', 2);
    const event = told('lost');
    await expect(deliver('lost', event)).rejects.toBeInstanceOf(RetryableError);
    world().calm();
    const after = await state('lost');
    expect(after).not.toEqual(before);
    const { result, changing: made } = await world().callsDuring(() => deliver('lost', event, { now: later }));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(made).toEqual([]);
    expect(await state('lost')).toEqual(after);
  });

  it('makes its change once when the same event comes ten times at once', async () => {
    await trouble('tenfold');
    const event = told('tenfold');
    const { changing: made } = await world().callsDuring(() =>
      Promise.allSettled(Array.from({ length: 10 }, () => deliver('tenfold', event))),
    );
    expect(made).toEqual(changing);
  });

  it('leaves alone what somebody else changed between look and write', async () => {
    await trouble('touched');
    const act: EcsRemediationWorld<O>['remediation']['act'] = async (...args) => {
      await interfere('touched');
      return world().remediation.act(...args);
    };
    const { result, changing: made } = await world().callsDuring(() => deliver('touched', told('touched'), { act }));
    expect(result).toMatchObject({ kind: 'held', reason: 'hands-off' });
    expect(made).toEqual([]);
  });

  it('makes no changing call in observe mode', async () => {
    await trouble('observed');
    const observing: DeliverOptions<O> = { limits: { mode: 'observe' } };
    const {
      result,
      changing: made,
      calls,
    } = await world().callsDuring(() => deliver('observed', told('observed'), observing));
    expect(result).toMatchObject({ kind: 'would-act' });
    expect(calls.length).toBeGreaterThan(0);
    expect(made).toEqual([]);
  });
}
