/** A token bucket, as API Gateway throttles: `ratePerSecond` tokens a second come back, up to `burst`. */
export class Throttle {
  readonly #ratePerSecond: number;
  readonly #burst: number;
  #tokens: number;
  #at: number | undefined;

  /** Without limits everything is admitted. */
  constructor(ratePerSecond = Number.POSITIVE_INFINITY, burst = Number.POSITIVE_INFINITY) {
    this.#ratePerSecond = ratePerSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** @param now milliseconds of any clock that only goes forward. */
  admit(now: number): boolean {
    if (this.#burst === Number.POSITIVE_INFINITY) return true;
    const back = ((now - (this.#at ?? now)) / 1000) * this.#ratePerSecond;
    this.#at = now;
    this.#tokens = Math.min(this.#burst, this.#tokens + back);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
