/** What the gateway remembers of the calls it saw: the newest, without bodies. */
import type { RecordedCall } from '../world/types.ts';

const CAPACITY = 250_000;

/** A ring of recorded calls, in the order in which they ended. */
export class Recorder {
  readonly #ring: RecordedCall[] = [];
  readonly #capacity: number;
  readonly #listeners = new Set<(call: RecordedCall) => void>();
  #next = 0;

  constructor(capacity = CAPACITY) {
    this.#capacity = capacity;
  }

  add(call: RecordedCall): void {
    this.#ring[this.#next % this.#capacity] = call;
    this.#next += 1;
    for (const listener of this.#listeners) listener(call);
  }

  /** Every remembered call, oldest first. */
  calls(): readonly RecordedCall[] {
    if (this.#next <= this.#capacity) return [...this.#ring];
    const start = this.#next % this.#capacity;
    return [...this.#ring.slice(start), ...this.#ring.slice(0, start)];
  }

  /** How many were ever added: a position to continue from. */
  get position(): number {
    return this.#next;
  }

  /** Calls added from `position` on, as far as they are remembered. */
  since(position: number): readonly RecordedCall[] {
    return this.calls().slice(Math.max(0, position - Math.max(0, this.#next - this.#capacity)));
  }

  onCall(listener: (call: RecordedCall) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
