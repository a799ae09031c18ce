/**
 * Attaches a diagnosis to an incident that goes to a person: reads what AWS says of its target and writes the probable causes into the timeline, from
 * where pages, messages, reports and the command line take them. The publisher asks it before it pages and waits for a moment only; what comes later is in
 * the timeline all the same. It changes nothing of the customer's.
 */
import middy from '@middy/core';
import type { Context as LambdaContext } from 'aws-lambda';
import * as z from 'zod/mini';
import type { IncidentWithTimeline } from '../../../events/journal.ts';
import { type Look, lookAtTarget } from '../../diagnostics/look.ts';
import { diagnosisOf } from '../../diagnostics/words.ts';
import { type RuntimeConfig, runtimeConfig } from '../../engine/config.ts';
import { ActionFailedError } from '../../engine/errors.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import { readIncident } from '../../engine/journal-reader.ts';
import { log } from '../../engine/log.ts';
import { Store } from '../../engine/store.ts';
import { entryMaker, putEntry } from '../../engine/writes.ts';

const request = z.object({ incidentId: z.string().check(z.regex(/^inc-[0-9A-Za-z-]{1,60}$/)) });

/** A diagnosis is good for so long: whoever is called after it gets the same. */
const FRESH_MS = 10 * 60_000;

export interface DiagnoseContext {
  readonly store: Store;
  readonly config: RuntimeConfig;
  readonly now: () => number;
  readonly look: (target: string, config: RuntimeConfig, now: number) => Promise<Look>;
}

export interface Diagnosed {
  /** Whether a diagnosis was written now. */
  readonly diagnosed: boolean;
}

/**
 * Diagnoses one incident, unless it was diagnosed just before or its target is none that is looked at.
 * @throws ActionFailedError for what it doesn't understand; another EngineError when the journal can't be read or written.
 */
export async function diagnoseIncident(event: unknown, context: DiagnoseContext): Promise<Diagnosed> {
  const parsed = request.safeParse(event);
  if (!parsed.success)
    throw new ActionFailedError(`expected { incidentId }, to diagnose that incident: ${parsed.error.message}`);
  const { incidentId } = parsed.data;
  const { store, config, now, look } = context;
  const incident = await readIncident(store, incidentId);
  if (!incident || isFresh(incident, now())) return { diagnosed: false };
  const diagnosis = diagnosisOf(await look(incident.target, config, now()));
  if (!diagnosis) return { diagnosed: false };
  const { summary, ...data } = diagnosis;
  const entry = entryMaker(incidentId, 'diagnose', now())('diagnosed', summary, data);
  await store.transact([putEntry(store.table, entry)]);
  return { diagnosed: true };
}

const isFresh = ({ timeline }: IncidentWithTimeline, now: number): boolean =>
  timeline.some(({ kind, at }) => kind === 'diagnosed' && Date.parse(at) > now - FRESH_MS);

let store: Store | undefined;

export const handler = middy<unknown, Diagnosed, Error, LambdaContext>()
  .onError(({ error }) => log('ERROR', `diagnose: ${error?.message ?? 'unknown error'}`, { error: error?.name }))
  .handler((event) => {
    store ??= new Store(requiredEnvironment('NIGHTSHIFT_TABLE'));
    return diagnoseIncident(event, { store, config: runtimeConfig(), now: Date.now, look: lookAtTarget });
  });
