/** One log file for each function, with the lines that Lambda puts around an invocation. */
import { createWriteStream, existsSync, mkdirSync, type WriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorldContext } from '../../world/types.ts';

export class FunctionLogs {
  readonly #world: WorldContext;
  readonly #streams = new Map<string, WriteStream>();

  constructor(world: WorldContext) {
    this.#world = world;
    mkdirSync(join(world.dir, 'logs'), { recursive: true });
  }

  /** `logs/<function>.log` in the world's folder; functions of other regions carry the region in the name. */
  path(functionName: string, region: string): string {
    const suffix = region === this.#world.region ? '' : `.${region}`;
    return join(this.#world.dir, 'logs', `${functionName}${suffix}.log`);
  }

  write(functionName: string, region: string, line: string): void {
    const path = this.path(functionName, region);
    let stream = this.#streams.get(path);
    if (!stream) {
      stream = createWriteStream(path, { flags: 'a' });
      stream.on('error', (error) => this.#world.log('lambda', `${path}: ${error.message}`));
      this.#streams.set(path, stream);
    }
    stream.write(`${line}\n`);
  }

  async read(functionName: string, region: string): Promise<string> {
    const path = this.path(functionName, region);
    return existsSync(path) ? readFile(path, 'utf8') : '';
  }

  async close(): Promise<void> {
    await Promise.all([...this.#streams.values()].map((stream) => new Promise<void>((done) => stream.end(done))));
  }
}
