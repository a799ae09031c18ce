/**
 * What every remediation that speaks to RDS's API holds to, whatever it changes: the same tests for each, on instances that are only described. The world's own
 * record of calls is the witness; how the instance is afterwards is asked of RDS by somebody else.
 */
import { describe, expect, it } from '@jest/globals';
import { noteAuthority } from '../../functions/engine/authority.ts';
import { eventually } from '../emulator/rds/harness.ts';
import type { FireOptions, RdsRemediationWorld } from './rds-remediation.ts';

/** A way in which a target can be, and what must come of its alarm there. */
interface Circumstance {
  /** Goes on from "where it ...". */
  readonly called: string;
  make(): Promise<{ readonly id: string; readonly event?: object }>;
  readonly options?: FireOptions;
  readonly outcome: Record<string, unknown>;
}

export interface RdsRemediation<O> {
  /** Opened before the first of these tests. */
  world(): RdsRemediationWorld<O>;
  /** The one operation that it changes an instance by. */
  readonly operation: string;
  /** Makes an instance that needs it, available; returns its identifier. */
  makeTrouble(): Promise<string>;
  /** The event of an alarm on that instance, which starts it; each call makes another one. */
  alarm(id: string): object;
  /** How often what it does was done to the instance by anybody: by what RDS tells of it. */
  timesDone(id: string): Promise<number>;
  /** Whether it finds out by itself that a request that RDS refused as one too many was never carried out; else a person is called. */
  readonly knowsItNeverHappened: boolean;
  /** Done already, or so lately that it must settle: nothing more is done. */
  readonly alreadyDone: readonly Circumstance[];
  /** More than its configuration or RDS allows. */
  readonly outOfBounds: readonly Circumstance[];
  /** What somebody else does between look and request: over, and told, when it answers. */
  readonly meanwhile: {
    does(id: string): Promise<unknown>;
    /** What comes of it; hands off when left out. */
    readonly outcome?: Record<string, unknown>;
    /** All changing requests that RDS got: theirs, and ours where RDS itself refuses it. */
    readonly changing: readonly string[];
  };
}

/** After every lease. */
const later = () => Date.now() + 60_000;

export function itKeepsRdsGuarantees<O>(under: RdsRemediation<O>): void {
  const { operation, makeTrouble, alarm, timesDone } = under;
  const fire = (id: string, event: object, options: FireOptions = {}) => under.world().deliver(id, event, options);
  const untilDone = async (id: string, times: number): Promise<void> => {
    await eventually(
      `done ${times} times`,
      () => timesDone(id),
      (n) => n >= times,
    );
    await under.world().untilAvailable(id);
    expect(await timesDone(id)).toBe(times);
  };

  const fireIn = async ({ make, options }: Circumstance) => {
    const { id, event = alarm(id) } = await make();
    const before = await timesDone(id);
    const { result, changing } = await under.world().callsDuring(() => fire(id, event, options));
    return { result, isUnchanged: changing.length === 0 && (await timesDone(id)) === before };
  };

  describe('as every remediation by RDS’s API', () => {
    it.each(under.alreadyDone.map((each) => [each.called, each] as const))(
      'does nothing more where it %s',
      async (_, circumstance) => {
        const { result, isUnchanged } = await fireIn(circumstance);
        expect(result).toMatchObject(circumstance.outcome);
        expect(isUnchanged).toBe(true);
      },
    );

    it('calls a person for an instance that does not exist', async () => {
      const { result, changing } = await under.world().callsDuring(() => fire('nobody', alarm('nobody')));
      expect(result).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('nobody does not exist') });
      expect(changing).toEqual([]);
    });

    it.each([operation, 'DescribeDBInstances'])('calls a person when %s is refused', async (refused) => {
      const id = await makeTrouble();
      under.world().fault(refused, 'refused');
      expect(await fire(id, alarm(id))).toMatchObject({
        kind: 'escalated',
        reason: expect.stringContaining('AccessDenied'),
      });
      under.world().calm();
      expect(await under.world().describe(id)).toMatchObject({ DBInstanceStatus: 'available' });
      expect(await timesDone(id)).toBe(0);
    });

    it('asks again when it was throttled, and keeps the intent when that was three times', async () => {
      const id = await makeTrouble();
      const event = alarm(id);
      under.world().fault(operation, 'throttled', 3);
      await expect(fire(id, event, { requestId: 'r' })).rejects.toMatchObject({ retryable: true });
      under.world().calm();
      const { result, changing } = await under
        .world()
        .callsDuring(() => fire(id, event, { requestId: 'r', now: later }));
      if (!under.knowsItNeverHappened) {
        expect(result).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('may or may not') });
        expect(changing).toEqual([]);
        return;
      }
      expect(result).toMatchObject({ kind: 'remediated' });
      await untilDone(id, 1);
    });

    it('does it once when the answer was lost', async () => {
      const id = await makeTrouble();
      const event = alarm(id);
      under.world().fault(operation, 'timeout-after', 1);
      // Where RDS compares, the same request is sent again at once; elsewhere it is looked at first, by the next delivery.
      await fire(id, event, { requestId: 'r' }).catch((error) => expect(error).toMatchObject({ retryable: true }));
      await untilDone(id, 1);
      const again = await fire(id, event, { requestId: 'r', now: later });
      expect(['remediated', 'duplicate']).toContain(again.kind);
      await untilDone(id, 1);
    });

    it('does it once when the event comes five times at once', async () => {
      const id = await makeTrouble();
      const event = alarm(id);
      const { changing } = await under
        .world()
        .callsDuring(() => Promise.allSettled(Array.from({ length: 5 }, () => fire(id, event))));
      expect(changing).toEqual([operation]);
      await untilDone(id, 1);
    });

    it('gives way to somebody else who changes the instance between look and request', async () => {
      const { does, outcome = { kind: 'held', reason: 'hands-off' }, changing: asked } = under.meanwhile;
      const id = await makeTrouble();
      let theirs: number | undefined;
      const beforeAct = async () => {
        await does(id);
        theirs = await timesDone(id);
      };
      const { result, changing } = await under
        .world()
        .callsDuring(() => fire(id, alarm(id), { beforeAct }).catch((error: unknown) => error));
      expect(result).toMatchObject(outcome);
      expect(changing).toEqual(asked);
      expect(await timesDone(id)).toBe(theirs);
    });

    it('makes no changing call in observe mode', async () => {
      const id = await makeTrouble();
      const { result, calls, changing } = await under
        .world()
        .callsDuring(() => fire(id, alarm(id), { limits: { mode: 'observe' } }));
      expect(result).toMatchObject({ kind: 'would-act', change: expect.stringContaining(id) });
      expect(changing).toEqual([]);
      expect(calls.length).toBeGreaterThan(0);
      expect(await timesDone(id)).toBe(0);
    });

    // Last: they may use up what the others need.
    it.each(under.outOfBounds.map((each) => [each.called, each] as const))(
      'calls a person and changes nothing where it %s',
      async (_, circumstance) => {
        const { result, isUnchanged } = await fireIn(circumstance);
        expect(result).toMatchObject({ kind: 'escalated', ...circumstance.outcome });
        expect(isUnchanged).toBe(true);
      },
    );
  });
}

/** The engine's own, whatever the remediation: one of them proves it. */
export function itKeepsToItsAuthority<O>(
  under: Pick<RdsRemediation<O>, 'world' | 'makeTrouble' | 'alarm' | 'operation'>,
): void {
  it('leaves the database of a pair alone unless the standby’s region grants it time for as long as the change may take', async () => {
    const id = await under.makeTrouble();
    const { store } = under.world();
    const target = { authority: true };
    const granted = (forMs: number) =>
      store.transact([noteAuthority(store.table, id, Date.now() + forMs)]).then(({ ok }) => expect(ok).toBe(true));
    const isLeftAlone = async () => {
      const { result, changing } = await under
        .world()
        .callsDuring(() => under.world().deliver(id, under.alarm(id), { target }));
      expect(result).toMatchObject({ kind: 'held', reason: 'lease', detail: expect.stringContaining('standby') });
      expect(changing).toEqual([]);
    };
    // Nobody granted anything yet; then a moment that the change may outlast.
    await isLeftAlone();
    await granted(5_000);
    await isLeftAlone();
    await granted(3_600_000);
    const { result, changing } = await under
      .world()
      .callsDuring(() => under.world().deliver(id, under.alarm(id), { target }));
    expect([result.kind, changing]).toEqual(['remediated', [under.operation]]);
  });
}
