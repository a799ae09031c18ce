/** Errors that decide a command's exit code (design: 0 done, 1 failed, 2 wrong usage or configuration, 3 environment missing). */

/** Something this machine lacks, such as Python: `message` says what and how to get it. */
export class EnvironmentMissing extends Error {
  override readonly name = 'EnvironmentMissing';
  readonly exitCode = 3;
}

/** A command was called in a way it doesn't understand, or with a configuration that doesn't hold. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly exitCode = 2;
}

/** The exit code an error asks for: its own `exitCode` (2 or 3), else 1. */
export function exitCodeOf(error: unknown): 1 | 2 | 3 {
  const wanted = error instanceof Error ? (error as { exitCode?: unknown }).exitCode : undefined;
  return wanted === 2 || wanted === 3 ? wanted : 1;
}

/** What node:util's parseArgs says about a command line, as a UsageError; `undefined` for any other error. */
export function parseArgsComplaint(error: unknown): UsageError | undefined {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code !== 'string' || !code.startsWith('ERR_PARSE_ARGS')) return undefined;
  // Its second sentence explains how to pass a value that begins with a dash, which nothing here needs.
  return new UsageError(String(message).split('. ')[0] ?? String(message));
}
