/** Progress a person likes to watch: a check mark and seconds for each phase, and on a terminal a last line that says what is under way. */
import type pc from 'picocolors';

export interface Screen {
  /** Writes text as it is. */
  write(text: string): void;
  /** Whether the last line may be rewritten. */
  readonly isTerminal: boolean;
  /** Columns of the terminal. */
  readonly width: number;
  readonly colours: ReturnType<typeof pc.createColors>;
}

export interface Phase {
  /** @param detail what is worth knowing about how it went. */
  done(detail?: string): void;
  failed(): void;
}

const REFRESH_MS = 100;
const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

export class Progress {
  readonly #screen: Screen;
  readonly #now: () => number;
  readonly #underWay = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #frame = 0;
  #statusShown = false;

  /** @param now milliseconds, for tests. */
  constructor(screen: Screen, now: () => number = () => performance.now()) {
    this.#screen = screen;
    this.#now = now;
  }

  /** A line that stays. */
  line(text = ''): void {
    this.#clearStatus();
    this.#screen.write(`${text}\n`);
    this.#showStatus();
  }

  /** Begins a phase; several may be under way at once. */
  phase(name: string): Phase {
    const startedAt = this.#now();
    this.#underWay.set(name, startedAt);
    this.#tick();
    const end = (mark: string, detail: string) => {
      this.#underWay.delete(name);
      this.line(`${mark} ${name} ${this.#screen.colours.dim(`${seconds(this.#now() - startedAt)}${detail}`)}`);
      if (this.#underWay.size === 0) this.stop();
    };
    const { green, red } = this.#screen.colours;
    return {
      done: (detail) => end(green('✔'), detail ? `  ${detail}` : ''),
      failed: () => end(red('✘'), ''),
    };
  }

  /** Takes the status line away for good. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#clearStatus();
  }

  #tick(): void {
    if (!this.#screen.isTerminal || this.#timer) return;
    this.#timer = setInterval(() => {
      this.#frame += 1;
      this.#clearStatus();
      this.#showStatus();
    }, REFRESH_MS);
    this.#timer.unref();
  }

  #showStatus(): void {
    if (!this.#timer || this.#underWay.size === 0) return;
    const parts = [...this.#underWay].map(([name, since]) => `${name} ${seconds(this.#now() - since)}`);
    const text = `${SPINNER[this.#frame % SPINNER.length]} ${parts.join(' · ')}`.slice(0, this.#screen.width - 1);
    this.#screen.write(this.#screen.colours.dim(text));
    this.#statusShown = true;
  }

  #clearStatus(): void {
    if (this.#statusShown) this.#screen.write('\r\u001b[K');
    this.#statusShown = false;
  }
}

/** Milliseconds as people read them: `0.4 s`. */
export const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;
