/** Blocks of a simulation by several processes: time and chance are replaced for a whole process, so each core needs one of its own. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Played } from './blocks.ts';
import type { Options } from './run.ts';

/** What a process is asked for. */
export interface Asked {
  readonly block: number;
  readonly options: Options;
}

/** Each run of a process is two days later than the one before: after so many blocks a process is followed by a new one, long before the year 9999. */
const BLOCKS_OF_A_PROCESS = 20;
const CHILD = join(import.meta.dirname, 'child.ts');

/**
 * Plays all blocks, at most `workers` at a time, until one of them fails; those that are under way then are played to their end.
 * @param told Each block, as soon as it is played.
 * @throws Error naming the block whose process ended without an answer.
 */
export async function playAll(asked: readonly Asked[], workers: number, told: (played: Played) => void): Promise<void> {
  const waiting = [...asked];
  let hasFailed = false;
  const next = () => (hasFailed ? undefined : waiting.shift());
  const lane = async () => {
    for (let first = next(); first; first = next()) {
      const child = fork(CHILD, { execArgv: ['--disable-warning=ExperimentalWarning'] });
      try {
        await answerOf(child, first);
        let played = 0;
        for (let one: Asked | undefined = first; one; one = ++played < BLOCKS_OF_A_PROCESS ? next() : undefined) {
          child.send(one);
          const result = (await answerOf(child, one)) as Played;
          if (result.failures.length > 0) hasFailed = true;
          told(result);
        }
      } catch (error) {
        hasFailed = true;
        throw error;
      } finally {
        if (child.connected) child.disconnect();
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(workers, asked.length) }, lane));
  for (const each of lanes) if (each.status === 'rejected') throw each.reason;
}

/** Its next message. */
async function answerOf(child: ChildProcess, { block, options: { seed } }: Asked): Promise<unknown> {
  const stop = new AbortController();
  const { signal } = stop;
  const ended = once(child, 'exit', { signal }).then(([code, killedBy]) => {
    throw new Error(`block ${block} of seed ${seed}: its process ended without an answer (${code ?? killedBy})`);
  });
  try {
    const [answer] = (await Promise.race([once(child, 'message', { signal }), ended])) as [unknown];
    return answer;
  } finally {
    ended.catch(() => {});
    stop.abort();
  }
}
