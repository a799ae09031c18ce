/** The archiver: what is over is kept where nobody changes it. It takes Nightshift's bus, so it never holds up who pages or tells. */
import middy from '@middy/core';
import type { Context as LambdaContext } from 'aws-lambda';
import { deliveredEvent, type IncidentEvent } from '../../../events/published/notification.ts';
import { readChain } from '../../engine/chain-store.ts';
import { runtimeConfig } from '../../engine/config.ts';
import { ActionFailedError, RetryableError } from '../../engine/errors.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import { readEntries } from '../../engine/journal-reader.ts';
import { log } from '../../engine/log.ts';
import { type Measure, measure } from '../../engine/metrics.ts';
import { Store } from '../../engine/store.ts';
import { type Archive, archiveOf, folderOf, statementOf } from '../../records/document.ts';
import { htmlOf } from '../../records/html.ts';
import { markdownOf } from '../../records/markdown.ts';
import { putNew } from '../../records/s3.ts';
import { signStatement } from '../../records/sign.ts';
import { Secrets } from '../secrets.ts';
import { archiveConfig } from './config.ts';

export interface ArchiverContext {
  readonly store: Store;
  readonly deployment: string;
  readonly region: string;
  /** The signing secret; undefined where there is none. */
  readonly secret: () => Promise<string | undefined>;
  readonly put: (key: string, contentType: string, body: string) => Promise<boolean>;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface Archived {
  /** Folder in the bucket; absent when there was nothing to archive. */
  readonly folder?: string;
  /** Objects that were written; the others were there. */
  readonly written: number;
}

/** How long the chain is waited for: Lambda's own retries come after one and two minutes. Then the gap is archived with the rest. */
const WAIT_FOR_CHAIN_MS = 150_000;

/**
 * Archives the incident of an event on the bus, if it is over.
 * @throws EngineError (retryable) while the event's own entry has no link yet, and when journal, secret or bucket can't be reached.
 */
export async function archive({ incident, entry }: IncidentEvent, context: ArchiverContext): Promise<Archived> {
  if (incident.resolvedAt === undefined) return { written: 0 };
  const { store, deployment, region } = context;
  const [entries, { head, links }] = await Promise.all([
    readEntries(store, incident.id),
    readChain(store, incident.id),
  ]);
  const isLinked = links.some(({ entryId }) => entryId === entry.id);
  if (!isLinked && context.now() - Date.parse(entry.at) < WAIT_FOR_CHAIN_MS)
    throw new RetryableError(`${incident.id}: its chain doesn't hold ${entry.id} yet`);
  const kept = archiveOf({ incidentId: incident.id, entries, links, end: head }, { deployment, region });
  if (!kept?.incident.resolvedAt)
    throw new ActionFailedError(`${incident.id}: the journal doesn't say that it is over`);
  for (const { kind, detail } of kept.chain.findings)
    log('ERROR', `the journal of ${incident.id} isn't as it was written`, { kind, detail });
  return write(await withSignature(kept, context), context);
}

async function withSignature(kept: Archive, { secret }: ArchiverContext): Promise<Archive> {
  const key = await secret();
  return key === undefined ? kept : { ...kept, signature: signStatement(statementOf(kept), key) };
}

/** The JSON comes last: where it is, the rest is. */
async function write(kept: Archive, { put }: ArchiverContext): Promise<Archived> {
  const folder = folderOf(kept);
  const written = [
    await put(`${folder}/report.md`, 'text/markdown; charset=utf-8', markdownOf(kept)),
    await put(`${folder}/report.html`, 'text/html; charset=utf-8', htmlOf(kept)),
    await put(`${folder}/incident.json`, 'application/json', `${JSON.stringify(kept, null, 1)}\n`),
  ].filter(Boolean).length;
  log('INFO', written > 0 ? 'an incident was archived' : 'an incident was archived before', { folder, written });
  return { folder, written };
}

/** What an archived incident amounts to; nothing for what isn't over, or was archived before. Pure. @param now epoch milliseconds. */
export function archiveMeasures({ incident }: IncidentEvent, { written }: Archived, now: number): Measure[] {
  if (written === 0 || incident.resolvedAt === undefined) return [];
  const age = Math.max(0, (now - Date.parse(incident.resolvedAt)) / 1000);
  return [
    { name: 'Archived', value: 1 },
    { name: 'ArchiveAge', value: age },
  ];
}

let context: ArchiverContext | undefined;

function contextOf(): ArchiverContext {
  const { region } = runtimeConfig();
  const { deployment, signingSecretArn } = archiveConfig();
  const bucket = requiredEnvironment('NIGHTSHIFT_ARCHIVE_BUCKET');
  const secrets = new Secrets();
  return {
    store: new Store(requiredEnvironment('NIGHTSHIFT_TABLE')),
    deployment,
    region,
    secret: async () => (signingSecretArn === undefined ? undefined : secrets.get(signingSecretArn)),
    put: (key, contentType, body) => putNew({ bucket, key, contentType, body }, { region }),
    now: Date.now,
  };
}

export const handler = middy<unknown, Archived, Error, LambdaContext>().handler(async (event) => {
  const { detail } = deliveredEvent.parse(event);
  context ??= contextOf();
  try {
    const archived = await archive(detail, context);
    measure(context.deployment, archiveMeasures(detail, archived, context.now()));
    return archived;
  } catch (error) {
    measure(context.deployment, [{ name: 'ArchiveFailures', value: 1 }]);
    log('ERROR', 'an incident could not be archived', {
      incidentId: detail.incident.id,
      error: error instanceof Error ? error.message : String(error),
    });
    throw error;
  }
});
