/** What a spectator reads while scenarios play: steps, the journal's entries as they are written, and results. */
import type { Incident, JournalEntry } from '../../events/journal.ts';
import type { Audience, ScenarioResult } from '../scenarios/runner.ts';
import type { Scenario } from '../scenarios/types.ts';
import type { Progress, Screen } from './progress.ts';
import { timeOfDay } from './timeline.ts';

/** Widest kind of journal entry. */
const KIND_WIDTH = 13;

/** Lines are prefixed by the scenario's name, because scenarios may play side by side. */
export class StageView<W> implements Audience<W> {
  readonly #progress: Progress;
  readonly #colours: Screen['colours'];
  readonly #width: number;
  readonly #playing = new Set<Scenario<W>>();

  /** Reads the journal, so that a scenario's last entries are told under its name. */
  #catchUp: () => Promise<void> = async () => {};

  constructor(progress: Progress, colours: Screen['colours'], scenarios: readonly Scenario<W>[]) {
    this.#progress = progress;
    this.#colours = colours;
    this.#width = Math.max(0, ...scenarios.map(({ name }) => name.length));
  }

  /** @param flush tells every entry written so far. */
  follow(flush: () => Promise<void>): void {
    this.#catchUp = flush;
  }

  started(scenario: Scenario<W>): void {
    this.#playing.add(scenario);
    this.#line(scenario.name, this.#colours.bold(scenario.summary));
  }

  step(scenario: Scenario<W>, text: string): void {
    this.#line(
      scenario.name,
      `${this.#now()}  ${this.#colours.dim('world'.padEnd(KIND_WIDTH))}  ${this.#colours.dim(text)}`,
    );
  }

  /** An entry of the journal, told under the scenario that plays on its target. */
  entry(entry: JournalEntry, incident: Incident): void {
    const scenario = [...this.#playing].find(({ targets }) => targets.includes(incident.target));
    const kind = this.#paint(entry.kind)(entry.kind.padEnd(KIND_WIDTH));
    this.#line(scenario?.name ?? incident.target, `${timeOfDay(entry.at)}  ${kind}  ${entry.summary}`);
  }

  async ended(scenario: Scenario<W>, result: ScenarioResult): Promise<void> {
    await this.#catchUp();
    this.#playing.delete(scenario);
    const { green, red, yellow } = this.#colours;
    const mark = { passed: green('✔ passed'), failed: red('✘ failed'), skipped: yellow('- skipped') }[result.status];
    this.#line(scenario.name, [mark, result.error ?? figuresText(result)].filter(Boolean).join('  '));
    this.#progress.line();
  }

  #line(prefix: string, text: string): void {
    this.#progress.line(`${this.#colours.cyan(prefix.padEnd(this.#width))}  ${text}`);
  }

  #now(): string {
    return timeOfDay(new Date().toISOString());
  }

  #paint(kind: JournalEntry['kind']): (text: string) => string {
    const { green, red, yellow } = this.#colours;
    if (kind === 'resolved' || kind === 'verified' || kind === 'alarm-ok') return green;
    if (kind === 'escalated' || kind === 'act-failed' || kind === 'not-verified' || kind === 'paged') return red;
    return kind === 'acted' || kind === 'intent' || kind === 'handed-back' ? yellow : String;
  }
}

/** `alarmToFirstChangeMs 412` as people read it: `alarm to first change 0.4 s`. */
function figuresText({ figures }: ScenarioResult): string {
  return Object.entries(figures)
    .filter(([name]) => name !== 'incidentId')
    .map(([name, value]) => `${words(name)} ${amount(name, value)}`)
    .join(', ');
}

const words = (name: string): string =>
  name
    .replace(/(Ms|Percent)$/, '')
    .replaceAll(/([A-Z])/g, ' $1')
    .toLowerCase();

function amount(name: string, value: number | string | boolean): string {
  if (typeof value === 'number' && name.endsWith('Ms'))
    return value < 1_000 ? `${Math.round(value)} ms` : `${(value / 1_000).toFixed(1)} s`;
  return name.endsWith('Percent') ? `${value} %` : String(value);
}
