/** A few numbered places that are used by one at a time; who finds none free waits in line. */
export class Lanes {
  readonly #free: number[];
  readonly #waiting: ((lane: number) => void)[] = [];

  constructor(count: number) {
    this.#free = Array.from({ length: count }, (_, lane) => lane);
  }

  /** Runs `work` in a free lane and gives the lane back, however it ends. */
  async use<Result>(work: (lane: number) => Promise<Result>): Promise<Result> {
    const free = this.#free.shift();
    const lane = free ?? (await new Promise<number>((taken) => this.#waiting.push(taken)));
    try {
      return await work(lane);
    } finally {
      const next = this.#waiting.shift();
      if (next) next(lane);
      else this.#free.push(lane);
    }
  }
}
