/** Runs the project's commands as processes, as a person does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';

const REPOSITORY = resolve(import.meta.dirname, '../../..');

export interface Ended {
  /** Exit code, or the signal's name. */
  readonly code: number | NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when what was written to stdout or stderr matches; rejects when the process ends before. */
  says(pattern: RegExp): Promise<string>;
}

/** Starts a TypeScript program of the repository under this Node. */
export function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(process.execPath, [join(REPOSITORY, program), ...args], {
    cwd: REPOSITORY,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  const waiting = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk;
      for (const look of waiting) look();
    });
  const ended = new Promise<Ended>((resolved, rejected) => {
    child.once('error', rejected);
    child.once('close', (code, signal) => resolved({ code: signal ?? code, ...text }));
  });
  const says = (pattern: RegExp) =>
    new Promise<string>((resolved, rejected) => {
      const look = () => {
        const found = pattern.exec(text.stdout) ?? pattern.exec(text.stderr);
        if (!found) return;
        waiting.delete(look);
        resolved(found[0]);
      };
      waiting.add(look);
      ended.then(
        ({ code }) => rejected(new Error(`ended with ${code} before it said ${pattern}: ${text.stderr}`)),
        rejected,
      );
      look();
    });
  return { child, ended, says };
}

export const runToEnd = (
  program: string,
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<Ended> => run(program, args, env).ended;

/** The last line of stdout as JSON. */
export const lastDocument = ({ stdout }: Pick<Ended, 'stdout'>): unknown =>
  JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
