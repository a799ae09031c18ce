/** The archiver's part of the configuration, in its asset. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ArchiveConfig } from './manifest.ts';

let cached: ArchiveConfig | undefined;

/** `archive.json` beside the code, read once for each process. @throws Error when it is missing or of another version. */
export function archiveConfig(): ArchiveConfig {
  if (cached) return cached;
  const path = join(process.env.LAMBDA_TASK_ROOT ?? '.', 'archive.json');
  const parsed = JSON.parse(readFileSync(path, 'utf8')) as ArchiveConfig;
  if (parsed.version !== 1)
    throw new Error(`${path}: configuration version ${parsed.version}, expected 1: deploy again`);
  cached = parsed;
  return parsed;
}
