/** What must hold at the moment at which something happens: when an intent is recorded, and when a target is changed. By the numbers of the design's invariants. */
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type { Mode } from '../../functions/engine/config.ts';
import type { SwitchState } from '../../functions/engine/items.ts';
import type { Image } from './table/expression.ts';
import type { TableModel } from './table/table.ts';

/** From the read that a decision rests on to its commit. */
const TOLERANCE_MS = 60_000;
/** I8: what is under way stops within so long after a freeze. */
const FREEZE_WITHIN_MS = 10_000;
const NEVER = Number.POSITIVE_INFINITY;

export class Watch {
  /** What doesn't hold. */
  readonly violations: string[] = [];
  readonly #table: TableModel;
  readonly #now: () => number;
  readonly #upstreamOf: (target: string) => string | undefined;
  #frozenSince = NEVER;
  #pausedSince = NEVER;

  constructor(table: TableModel, now: () => number, upstreamOf: (target: string) => string | undefined) {
    this.#table = table;
    this.#now = now;
    this.#upstreamOf = upstreamOf;
  }

  /** Somebody begins to set the switch: from the first copy that says otherwise, what was forbidden may pass again. */
  switching(to: SwitchState): void {
    if (to === 'run') this.#pausedSince = NEVER;
    if (to !== 'freeze') this.#frozenSince = NEVER;
  }

  /** The switch is set: every copy says so. */
  switched(to: SwitchState): void {
    this.#pausedSince = to === 'run' ? NEVER : Math.min(this.#pausedSince, this.#now());
    this.#frozenSince = to === 'freeze' ? Math.min(this.#frozenSince, this.#now()) : NEVER;
  }

  /** An intent was recorded by a transaction of those items. */
  committed({ actionId, purpose, target }: Image, items: readonly TransactWriteItem[]): void {
    const now = this.#now();
    const violated = (text: string) => this.violations.push(`${text} (${purpose?.S} ${actionId?.S})`);
    if (now > this.#pausedSince) violated('I8: committed after Nightshift was paused');
    const written = items.find(({ Put }) => Put?.Item?.pk?.S === `TARGET#${target?.S}`)?.Put?.Item;
    if (!written) violated(`I2: committed without taking ${target?.S} in hand`);
    const isLater = (until: string | undefined) => Number(until ?? 0) > now + TOLERANCE_MS;
    if (isLater(written?.takenOver?.M?.until?.N)) violated('I5: committed although a person has the target');
    if (purpose?.S === 'hand-back' && written?.openIncidentId) violated('I5: handed back while an incident is open');
    if (purpose?.S !== 'remediate') return;
    if (isLater(written?.handsOffUntil?.N)) violated('I5: committed although hands are kept off');
    const upstream = this.#upstreamOf(target?.S ?? '');
    const trouble = upstream === undefined ? undefined : this.#table.onlyItemOf(`TARGET#${upstream}`);
    if (trouble?.openIncidentId && Number(trouble.openedAt?.N) < now - TOLERANCE_MS)
      violated(`I5: committed while ${upstream}, which it depends on, is in trouble`);
  }

  /**
   * A target is being changed by a function that was configured with that mode.
   * @returns ids of the intents under way of it.
   */
  changed(target: string, mode: Mode): string[] {
    const intents: string[] = [];
    for (const { target: of, status, actionId, approvalId, purpose } of this.#table.itemsOf('ACTION#')) {
      if (of?.S !== target || status?.S !== 'intended') continue;
      intents.push(actionId?.S ?? '');
      if (mode === 'approve' && purpose?.S === 'remediate' && approvalId === undefined)
        this.violations.push(`I6: ${target} is changed in mode approve, and nobody approved ${actionId?.S}`);
    }
    if (mode !== 'auto' && mode !== 'approve') this.violations.push(`I5: ${target} is changed in mode ${mode}`);
    if (this.#now() > this.#frozenSince + FREEZE_WITHIN_MS)
      this.violations.push(`I8: ${target} is changed more than 10 s after Nightshift was frozen`);
    if (intents.length === 0) this.violations.push(`I3: ${target} is changed without an intent under way`);
    if (intents.length > 1) this.violations.push(`I2: ${target} is changed with ${intents.length} intents under way`);
    const item = this.#table.onlyItemOf(`TARGET#${target}`);
    const isLeased = item?.leaseHolder?.S === intents[0] && Number(item?.leaseUntil?.N ?? 0) >= this.#now();
    if (intents.length === 1 && !isLeased)
      this.violations.push(`I2: ${target} is changed for ${intents[0]} without a running lease of it`);
    return intents;
  }
}
