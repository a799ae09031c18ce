/** The channels and routes in this function's asset. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NotifyConfig } from './manifest.ts';

let cached: NotifyConfig | undefined;

/**
 * `LAMBDA_TASK_ROOT/channels.json`, read once for each process.
 * @throws Error when the file is missing or of another version: the function must not guess whom to tell.
 */
export function notifyConfig(): NotifyConfig {
  if (cached) return cached;
  const path = join(process.env.LAMBDA_TASK_ROOT ?? '.', 'channels.json');
  const parsed = JSON.parse(readFileSync(path, 'utf8')) as NotifyConfig;
  if (parsed.version !== 1) throw new Error(`${path}: version ${parsed.version}, expected 1: deploy again`);
  cached = parsed;
  return parsed;
}
