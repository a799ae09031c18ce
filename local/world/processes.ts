/**
 * Finding processes again after their parent was killed. Each child of a world carries two variables in its environment (inherited by its own
 * children): which world, and which process started it. An owner is written as `<pid>.<start>`, so that a reused pid is never mistaken for it.
 * Linux: proc(5) `/proc/pid/environ` and `/proc/pid/stat`; elsewhere `ps`.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export const WORLD_VARIABLE = 'NIGHTSHIFT_WORLD';
export const OWNER_VARIABLE = 'NIGHTSHIFT_WORLD_OWNER';

export interface MarkedProcess {
  readonly pid: number;
  /** The world's folder, absolute. */
  readonly world: string;
  /** `<pid>.<start>` of the process that opened the world. */
  readonly owner: string;
}

const isLinux = process.platform === 'linux';

/**
 * Identity of a living process: something that another process with the same pid doesn't share (no spaces).
 * `undefined` when there is no such process, or only its remains (a zombie).
 */
export function startOf(pid: number): string | undefined {
  if (!isLinux) return startByPs(pid);
  try {
    // The command's name, in brackets, may hold anything: fields are counted after the last bracket.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${bootId()}-${fields[19]}`;
  } catch {
    return undefined; // It ended: that is an answer here.
  }
}

/** Start times count from boot, so the boot is part of the identity. */
function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
}

function startByPs(pid: number): string | undefined {
  try {
    const text = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    if (text === '' || text.startsWith('Z')) return undefined;
    return text.split(/\s+/).slice(1).join('_');
  } catch {
    return undefined; // ps exits 1 when no process matches.
  }
}

/** This process as an owner: `<pid>.<start>`. */
export function self(): string {
  return `${process.pid}.${startOf(process.pid)}`;
}

/** Whether the process named by `owner` (`<pid>.<start>`) still runs. */
export function isAlive(owner: string): boolean {
  const dot = owner.indexOf('.');
  return dot > 0 && startOf(Number(owner.slice(0, dot))) === owner.slice(dot + 1);
}

/** Every living process of this user that carries a world's marker. */
export function markedProcesses(): MarkedProcess[] {
  return isLinux ? markedOnLinux() : markedByPs();
}

function markedOnLinux(): MarkedProcess[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    const pid = Number(entry);
    try {
      const variables = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
      const world = lookUp(variables, WORLD_VARIABLE);
      const owner = lookUp(variables, OWNER_VARIABLE);
      return world && owner && startOf(pid) ? [{ pid, world: Buffer.from(world, 'latin1').toString(), owner }] : [];
    } catch {
      return []; // Somebody else's process, or one that ended meanwhile.
    }
  });
}

const lookUp = (variables: readonly string[], name: string): string | undefined =>
  variables.find((variable) => variable.startsWith(`${name}=`))?.slice(name.length + 1);

function markedByPs(): MarkedProcess[] {
  const lines = execFileSync('ps', ['-axEww', '-o', 'pid=,command='], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return lines.split('\n').flatMap((line) => {
    const pid = /^\s*(\d+)/.exec(line)?.[1];
    const owner = new RegExp(` ${OWNER_VARIABLE}=(\\S+)`).exec(line)?.[1];
    // A folder's name may hold spaces: the value ends before the next variable.
    const world = new RegExp(` ${WORLD_VARIABLE}=(.+?)(?= [A-Za-z_][A-Za-z0-9_]*=|$)`).exec(line)?.[1];
    return pid && owner && world ? [{ pid: Number(pid), world, owner }] : [];
  });
}

/**
 * Ends every process that `selects` chooses, politely first, and looks again until none is left: children may be starting others meanwhile.
 * @param graceMs how long they have between SIGTERM and SIGKILL (0 kills at once).
 * @returns pids that were ended. @throws Error naming pids that survive SIGKILL for five seconds.
 */
export async function endMarked(selects: (found: MarkedProcess) => boolean, graceMs: number): Promise<number[]> {
  const ended = new Set<number>();
  const killFrom = Date.now() + graceMs;
  const giveUpAt = killFrom + 5_000;
  let quiet = 0;
  // Two empty looks in a row: a process between fork and exec shows no marker for a moment.
  while (quiet < 2) {
    const found = markedProcesses().filter((candidate) => candidate.pid !== process.pid && selects(candidate));
    quiet = found.length === 0 ? quiet + 1 : 0;
    if (found.length > 0 && Date.now() > giveUpAt)
      throw new Error(`processes ${found.map(({ pid }) => pid).join(', ')} don't end: end them by hand`);
    for (const { pid } of found) {
      if (Date.now() >= killFrom) signal(pid, 'SIGKILL');
      else if (!ended.has(pid)) signal(pid, 'SIGTERM');
      ended.add(pid);
    }
    await sleep(20);
  }
  return [...ended];
}

/** Kills what `selects` chooses, once, without waiting for it to be gone. */
export function killMarked(selects: (found: MarkedProcess) => boolean): void {
  for (const found of markedProcesses()) if (found.pid !== process.pid && selects(found)) signal(found.pid, 'SIGKILL');
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // ESRCH: it ended by itself. Anything else means that it will be found again, and named in the end.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH' && name === 'SIGKILL') throw error;
  }
}
