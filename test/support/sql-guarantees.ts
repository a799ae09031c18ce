/** What every remediation that speaks SQL holds to when its server refuses, its connection breaks or its event comes again: the same tests for each. */
import { expect, it } from '@jest/globals';
import type { Outcome } from '../../events/outcome.ts';
import type { StatementWatcher } from '../../local/stand-ins/rds/statements.ts';

export interface Trouble {
  /** @throws unless exactly what one action changes was changed, once. */
  expectChangedOnce(): Promise<void>;
  /** @throws when anything was changed. */
  expectUnchanged(): Promise<void>;
}

export interface Delivery {
  /** A target of its own. */
  readonly id: string;
  readonly event: object;
  readonly requestId: string;
}

export interface SqlRemediation {
  /** Whether a statement changes something. */
  isChanging(sql: string): boolean;
  watch(watcher: StatementWatcher | undefined): void;
  /** Makes what the remediation is there for. */
  makeTrouble(): Promise<Trouble>;
  /** The event of an alarm on that target; each call makes another one. */
  alarm(id: string): object;
  fire(delivery: Delivery): Promise<Outcome>;
}

export function itKeepsSqlGuarantees({ isChanging, watch, makeTrouble, alarm, fire }: SqlRemediation): void {
  const deliveryTo = (id: string): Delivery => ({ id, event: alarm(id), requestId: 'the same' });
  /** The server refuses as many changing statements, and takes the others. */
  const refuse = (times: number) => {
    let left = times;
    watch(({ sql = '' }) => {
      if (left === 0 || !isChanging(sql)) return undefined;
      left -= 1;
      return { kind: 'refuse', code: '53200', message: 'out of memory' };
    });
  };

  it('keeps the intent when the server refuses twice, and finishes it then', async () => {
    const trouble = await makeTrouble();
    refuse(2);
    const delivery = deliveryTo('refused-twice');
    for (let time = 1; time <= 2; time++) await expect(fire(delivery)).rejects.toMatchObject({ retryable: true });
    expect(await fire(delivery)).toMatchObject({ kind: 'remediated' });
    await trouble.expectChangedOnce();
  });

  it('calls a person when the server refuses three times, and has changed nothing', async () => {
    const trouble = await makeTrouble();
    refuse(3);
    const delivery = deliveryTo('refused-thrice');
    for (let time = 1; time <= 3; time++) await expect(fire(delivery)).rejects.toMatchObject({ retryable: true });
    expect(await fire(delivery)).toMatchObject({ kind: 'escalated' });
    await trouble.expectUnchanged();
  });

  it('changes nothing twice when an answer was lost', async () => {
    const trouble = await makeTrouble();
    let isCut = false;
    watch(({ sql = '' }) => {
      if (isCut || !isChanging(sql)) return undefined;
      isCut = true;
      return { kind: 'cut-after' };
    });
    const delivery = deliveryTo('answer-lost');
    await expect(fire(delivery)).rejects.toMatchObject({ retryable: true });
    expect(await fire(delivery)).toMatchObject({ kind: 'remediated' });
    await trouble.expectChangedOnce();
  });

  it('changes once when the event comes five times at once', async () => {
    const trouble = await makeTrouble();
    const delivery = deliveryTo('five-times');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, (_, at) => fire({ ...delivery, requestId: `request ${at}` })),
    );
    const kinds = outcomes.map((each) => (each.status === 'fulfilled' ? each.value.kind : 'retried'));
    expect(kinds.filter((kind) => kind === 'remediated')).toHaveLength(1);
    await trouble.expectChangedOnce();
  });
}
