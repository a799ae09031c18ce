/** Runs a child of the world to its end; its output goes to the world's log. */
import type { SpawnOptions } from 'node:child_process';
import type { WorldContext } from '../world/types.ts';

/** The child ended with another code than 0; `output` is what it wrote last. */
export class ChildFailed extends Error {
  readonly exitCode: number | null;
  readonly output: string;
  constructor(part: string, exitCode: number | null, signal: string | null, output: string) {
    super(`${part} ended with ${exitCode === null ? `signal ${signal}` : `code ${exitCode}`}:\n${output.trimEnd()}`);
    this.name = 'ChildFailed';
    this.exitCode = exitCode;
    this.output = output;
  }
}

const KEPT_CHARACTERS = 8_000;

/** @throws ChildFailed unless it ends with code 0. */
export function runChild(
  world: WorldContext,
  part: string,
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = world.spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const take = (chunk: Buffer): void => {
      const text = chunk.toString();
      output = (output + text).slice(-KEPT_CHARACTERS);
      for (const line of text.split('\n').filter((each) => each.trim() !== '')) world.log(part, line);
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new ChildFailed(part, code, signal, output));
    });
  });
}
