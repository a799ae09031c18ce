/** `nightshift explain <event.json>`: what would happen and why; nothing is changed and nothing is written. */
import { readFileSync } from 'node:fs';
import type { ExplainDocument } from '../../events/published/explain.ts';
import { remediationFor } from '../../functions/engine/sources/index.ts';
import { UsageError } from '../../local/world/errors.ts';
import type { Command } from '../command.ts';
import { readDeployment } from '../deployment.ts';
import { dryStore } from '../dry-run.ts';
import { type Explanation, explain as explainEvent } from '../explain.ts';
import { type Io, table } from '../io.ts';
import { type Place, placeOf } from '../place.ts';
import { loadRemediation } from '../remediations.ts';

export const explain: Command = {
  name: 'explain',
  usage: 'explain <event.json>',
  summary: 'Says what would come of an alarm event and why; nothing is done.',
  run: async (words, { json }, { io, place }) => {
    const [path, ...more] = words;
    if (path === undefined || more.length > 0)
      throw new UsageError('expected one file with an event as EventBridge delivers it, or - for standard input');
    const event = readEvent(path);
    const where = await place();
    const explanation = await explainAt(where, event);
    const document: ExplainDocument = { version: 1, place: placeOf(where), ...explanation };
    if (json) io.out(JSON.stringify(document));
    else for (const line of lines(explanation, io)) io.out(line);
  },
};

function readEvent(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path === '-' ? process.stdin.fd : path, 'utf8');
  } catch (error) {
    throw new UsageError(`${path} can't be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
  try {
    const event: unknown = JSON.parse(text);
    if (typeof event === 'object' && event !== null && 'nightshift' in event)
      throw new UsageError(`${path} is an order of the reconciler: expected a CloudWatch alarm event`);
    return event;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path} is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function explainAt(place: Place, event: unknown): Promise<Explanation> {
  const deployment = await readDeployment(place);
  const name = remediationFor(event, deployment.config);
  const deployed = deployment.manifests.map((manifest) => manifest.name);
  const remediation = name !== undefined && deployed.includes(name) ? await loadRemediation(place, name) : undefined;
  if (!remediation) {
    const detail = `it starts ${name ?? 'no runbook'}; deployed are ${deployed.join(', ')}`;
    return { guards: [], conditions: [], outcome: { kind: 'ignored', detail: `no rule matches it: ${detail}` } };
  }
  const dry = dryStore(place);
  const context = {
    remediation,
    store: dry.store,
    config: deployment.config,
    now: Date.now,
    requestId: 'explain',
    remaining: () => remediation.manifest.timeoutSeconds * 1000,
    random: Math.random,
  };
  return explainEvent(event, context, dry);
}

function lines(explanation: Explanation, io: Io): string[] {
  const { colours } = io;
  const { remediation, signal, guards, observation, decision, outcome, conditions } = explanation;
  const section = (title: string, rows: readonly string[]) =>
    rows.length === 0 ? [] : ['', colours.dim(title), ...rows.map((row) => `  ${row}`)];
  return [
    colours.bold(`would be ${outcome.kind}${outcome.detail ? `: ${outcome.detail}` : ''}`),
    ...(remediation ? [`${remediation.name}, mode ${remediation.mode}; nothing was done`] : ['nothing was done']),
    ...section(
      'signal',
      signal ? [`${signal.alarmName} is ${signal.state} since ${signal.at} on ${signal.target}`] : [],
    ),
    ...section(
      'guards, in the order in which they are asked',
      table(guards.map(({ guard, passes, detail = '' }) => [passes ? '✔' : '✘', guard, detail])),
    ),
    ...section('observation', observation === undefined ? [] : [JSON.stringify(observation)]),
    ...section('decision', decision ? [`${decision.kind}: ${decision.detail}`] : []),
    ...section(
      'conditions of the transaction that would be written',
      table(conditions.map(({ item, condition }) => [item, condition])),
    ),
  ];
}
