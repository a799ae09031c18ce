/** Keys from their secret, and what was read while a key was being replaced. */
import { type LinkKey, parseKeys } from '../link-token.ts';
import type { Secrets } from '../secrets.ts';

/** A token of a key that isn't known may be of one that was put in a moment ago; whoever sends many such tokens causes one read a minute. */
const LOOK_AGAIN_MS = 60_000;

export class LinkKeys {
  readonly #secrets: Pick<Secrets, 'get' | 'forget'>;
  readonly #arn: string;
  readonly #now: () => number;
  #lookedAgainAt = 0;

  constructor(secrets: Pick<Secrets, 'get' | 'forget'>, arn: string, now: () => number = Date.now) {
    this.#secrets = secrets;
    this.#arn = arn;
    this.#now = now;
  }

  /** @throws EngineError when the secret can't be read, LinkKeyError when it isn't one. */
  async get(): Promise<readonly LinkKey[]> {
    return parseKeys(await this.#secrets.get(this.#arn));
  }

  /** Reads the secret again. @returns undefined when that was done less than a minute ago. */
  async getAgain(): Promise<readonly LinkKey[] | undefined> {
    if (this.#now() < this.#lookedAgainAt + LOOK_AGAIN_MS) return undefined;
    this.#lookedAgainAt = this.#now();
    this.#secrets.forget(this.#arn);
    return this.get();
  }
}
