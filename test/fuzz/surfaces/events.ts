/** Events of AWS, and orders between our own functions, as a remediation's function gets them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as z from 'zod/mini';
import { command } from '../../../events/command.ts';
import { alarmStateChange } from '../../../events/sources/cloudwatch-alarm/schema.ts';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import { EngineError } from '../../../functions/engine/errors.ts';
import { handle } from '../../../functions/engine/handler.ts';
import type { RemediationManifest } from '../../../functions/engine/manifest.ts';
import type { Remediation } from '../../../functions/engine/remediation.ts';
import { eventSourceOf, remediationFor } from '../../../functions/engine/sources/index.ts';
import { Store } from '../../../functions/engine/store.ts';
import { oneOf, type Random } from '../../simulation/random.ts';
import { TableModel } from '../../simulation/table/table.ts';
import { alarmEvent, signal } from '../../support/fixtures.ts';
import type { Json } from '../mutate.ts';
import type { Surface, Taken } from '../surface.ts';

const SOURCES = join(import.meta.dirname, '../../../events/sources');

/** The samples of events that AWS documents, source by source. */
function eventSamples(): Json[] {
  return readdirSync(SOURCES, { withFileTypes: true, recursive: true })
    .filter((file) => file.isFile() && file.name.endsWith('.json'))
    .map((file) => JSON.parse(readFileSync(join(file.parentPath, file.name), 'utf8')) as Json);
}

/** A store on a table of its own. */
export const emptyStore = (): Store => {
  const table = new TableModel();
  const send = async (request: Parameters<TableModel['execute']>[0]) => table.execute(request);
  return new Store('journal', { send } as unknown as DynamoDBClient);
};

/** What a remediation of that manifest would be that finds everything as chance has it. */
const anything = (manifest: RemediationManifest, random: Random): Remediation<{ severity: 'P2' }, number> => ({
  manifest,
  targetOf: () => (random() < 0.8 ? { severity: 'P2' } : undefined),
  upstreamsOf: () => [],
  observe: async () => 1,
  decide: () =>
    oneOf(random, [
      { kind: 'fine' as const, reason: 'well' },
      { kind: 'escalate' as const, reason: 'beyond help' },
      { kind: 'hold' as const, reason: 'maintenance' as const, detail: 'later', recheckAfterSeconds: 60 },
      { kind: 'act' as const, change: { summary: 'change it', before: 1, after: 2, undo: 'change it back' } },
    ]),
  act: async () => ({ summary: 'changed', data: {} }),
  alreadyApplied: () => 'no',
  verify: () => ({ kind: 'good', detail: 'well' }),
});

async function given(input: Json, to: RemediationManifest, config: RuntimeConfig, random: Random): Promise<string> {
  try {
    const outcome = await handle(input, {
      remediation: anything(to, random),
      store: emptyStore(),
      config,
      now: Date.now,
      requestId: 'request',
      remaining: () => 30_000,
      random,
    });
    return outcome.kind === 'rejected' ? `rejected: ${outcome.reason}` : outcome.kind;
  } catch (error) {
    // Lambda delivers again, and in the end to the failure queue, which is counted and pages.
    if (error instanceof EngineError) return `failed: ${error.name}`;
    if (error instanceof z.core.$ZodError) return 'failed: malformed order';
    throw error;
  }
}

const isEvent = (input: Json, config: RuntimeConfig): boolean => {
  const source = eventSourceOf(input);
  if (!source) return alarmStateChange.safeParse(input).success;
  const read = source.toSignal(input, config);
  return !('rejected' in read) || read.rejected !== 'malformed';
};

/** @param config with every manifest's runbook switched on. */
export function events(manifests: readonly RemediationManifest[], config: RuntimeConfig): Surface {
  return {
    name: 'event',
    samples: [...eventSamples(), alarmEvent() as Json],
    take: async (input, random): Promise<Taken> => {
      const meant = remediationFor(input, config);
      const to = manifests.find(({ name }) => name === meant) ?? oneOf(random, manifests);
      return { isSchemaValid: isEvent(input, config), outcome: await given(input, to, config, random) };
    },
  };
}

const TARGET = 'ecs-service/orders/backend';
const ORDERS: readonly Json[] = [
  { nightshift: 1, command: 'signal', signal: { ...signal, recheck: 1 } as unknown as Json },
  { nightshift: 1, command: 'signal', signal: { ...signal, state: 'resolved' } as unknown as Json },
  { nightshift: 1, command: 'settle', target: TARGET, alarms: { [signal.subject]: 'OK' } },
  { nightshift: 1, command: 'hand-back', target: TARGET },
  { nightshift: 1, command: 'resume', actionId: 'act-1' },
  { nightshift: 1, command: 'undo', actionId: 'act-1' },
  { nightshift: 1, command: 'look', target: TARGET },
];

export const orders = (manifests: readonly RemediationManifest[], config: RuntimeConfig): Surface => ({
  name: 'order',
  samples: ORDERS,
  take: async (input, random) => ({
    isSchemaValid: command.safeParse(input).success,
    outcome: await given(input, oneOf(random, manifests), config, random),
  }),
});
