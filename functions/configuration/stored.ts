/**
 * Backups in the archive's bucket: one object for each part, then what changed, then the index, which comes last: where it is, the backup is whole. Nothing is ever replaced there, and
 * Object Lock keeps it from being deleted.
 */
import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { ActionFailedError } from '../engine/errors.ts';
import type { Json } from '../engine/remediation.ts';
import { putNew, readObject } from '../records/s3.ts';
import type { ItemChange, Side } from './diff.ts';
import { type ConfigItem, canonical, ITEM_KINDS } from './item.ts';

/** Below it everything of backups lies; the manifests name it in their permissions. */
const ROOT = 'configuration';

export interface Bucket {
  readonly name: string;
  readonly region: string;
  /** Where it isn't AWS's own. */
  readonly environment?: NodeJS.ProcessEnv;
}

/** One part as it was written. */
export interface Written {
  readonly [key: string]: string | number;
  readonly part: string;
  readonly key: string;
  readonly sha256: string;
  readonly items: number;
}

const written = z.object({ part: z.string(), key: z.string(), sha256: z.string(), items: z.number() });
const itemKind = z.enum(ITEM_KINDS);
const unread = z.object({ kind: itemKind, scope: z.string(), why: z.string() });
const partFile = z.object({
  version: z.literal(1),
  part: z.string(),
  items: z.array(z.object({ kind: itemKind, id: z.string(), settings: z.record(z.string(), z.json()) })),
  unread: z.array(unread),
});
const indexFile = z.object({
  version: z.literal(1),
  deployment: z.string(),
  scheduledAt: z.string(),
  comparedWith: z.nullable(z.string()),
  changes: z.number(),
  parts: z.array(written),
});
export type Index = z.infer<typeof indexFile>;

/** @param scheduledAt of the run (ISO 8601): the same on every try. */
export function folderOf(scheduledAt: string): string {
  const stamp = new Date(scheduledAt).toISOString();
  return `${ROOT}/${stamp.slice(0, 4)}/${stamp.slice(5, 7)}/${stamp.replace(/[^0-9TZ]/g, '')}`;
}

const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Its key holds its digest: a second try that reads something else writes beside the first one. @throws EngineError */
export async function writePart(
  bucket: Bucket,
  folder: string,
  part: string,
  { items, unread: missing }: Side,
  lockedUntil: Date,
): Promise<Written> {
  const body = text({ version: 1, part, items, unread: missing });
  const sha256 = sha256Of(body);
  const key = `${folder}/${part}.${sha256.slice(0, 12)}.json`;
  await put(bucket, key, body, lockedUntil);
  return { part, key, sha256, items: items.length };
}

/** @throws EngineError */
export async function finishBackup(
  bucket: Bucket,
  folder: string,
  index: Index,
  changes: readonly ItemChange[],
  lockedUntil: Date,
): Promise<void> {
  await put(bucket, `${folder}/changes.json`, text({ version: 1, ...pick(index), changes }), lockedUntil);
  await put(bucket, `${folder}/index.json`, text(index), lockedUntil);
}

const pick = ({ deployment, scheduledAt, comparedWith }: Index) => ({ deployment, scheduledAt, comparedWith });
const text = (value: unknown): string => `${canonical(JSON.parse(JSON.stringify(value)) as Json)}\n`;

const put = (bucket: Bucket, key: string, body: string, lockedUntil: Date) =>
  putNew({ bucket: bucket.name, key, contentType: 'application/json', body, lockedUntil }, bucket);

/** Everything that parts hold; each is compared with the digest that was noted when it was written. @throws ActionFailedError when one isn't as it was; EngineError. */
export async function readParts(bucket: Bucket, parts: readonly Written[]): Promise<Side> {
  const sides = await Promise.all(
    parts.map(async ({ key, sha256 }) => {
      const body = await readObject(bucket.name, key, bucket);
      if (sha256Of(body) !== sha256) throw new ActionFailedError(`${key}: it isn't as it was written`);
      const { items, unread: missing } = parsed(partFile, key, body);
      return { items: items as readonly ConfigItem[], unread: missing };
    }),
  );
  return { items: sides.flatMap(({ items }) => items), unread: sides.flatMap((side) => side.unread) };
}

/** A whole backup. @throws EngineError, also when there is none of that folder. */
export async function readBackup(bucket: Bucket, folder: string): Promise<Side & { readonly index: Index }> {
  const key = `${folder}/index.json`;
  const index = parsed(indexFile, key, await readObject(bucket.name, key, bucket));
  return { index, ...(await readParts(bucket, index.parts)) };
}

function parsed<T>(schema: z.ZodMiniType<T>, key: string, body: string): T {
  try {
    return schema.parse(JSON.parse(body));
  } catch (error) {
    throw new ActionFailedError(`${key}: it can't be read as a backup of configuration`, { cause: error });
  }
}
