/** How a started world ends: by itself, by a person, by the system, or by a fault of ours. Only `local/start.ts` uses it. */

/** Why a run was broken off. `exitCode` is what the process says afterwards. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode: number;
  /** A person or the system asked for it; otherwise something broke. */
  readonly asked: boolean;
  constructor(message: string, exitCode: number, asked: boolean, cause?: unknown) {
    super(message, { cause });
    this.exitCode = exitCode;
    this.asked = asked;
  }
}

/** 128 + the signal's number, as shells have it. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Listens for everything that ends this process early.
 * @param force called when a person asks a second time, before the process exits at once.
 * @returns a signal that is aborted with `Interrupted`; stopping is up to the caller.
 */
export function watchLifetime(force: () => void): AbortSignal {
  const ending = new AbortController();
  const interrupt = (reason: Interrupted) => {
    if (!ending.signal.aborted) ending.abort(reason);
  };
  for (const [signal, exitCode] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      // A closing terminal may send SIGHUP again and again; only a person's second Ctrl-C means "at once".
      if (ending.signal.aborted && signal === 'SIGINT') {
        force();
        process.exit(exitCode);
      }
      interrupt(new Interrupted(signal, exitCode, true));
    });
  }
  process.on('uncaughtException', (error) => interrupt(new Interrupted('an error nobody handled', 1, false, error)));
  process.on('unhandledRejection', (error) =>
    interrupt(new Interrupted('a rejection nobody handled', 1, false, error)),
  );
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // Whoever read the output went away (`npm start | head`): nobody is left to stay up for.
      interrupt(
        new Interrupted(error.code === 'EPIPE' ? 'the output was closed' : 'the output failed', 1, true, error),
      );
    });
  return ending.signal;
}
