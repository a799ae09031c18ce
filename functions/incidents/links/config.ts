/** What the function's asset says about links. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LinksConfig } from './manifest.ts';

let cached: LinksConfig | undefined;

/**
 * `LAMBDA_TASK_ROOT/links.json`, read once for each process.
 * @throws Error when the file is missing or of another version: the function must not guess which key to trust.
 */
export function linksConfig(): LinksConfig {
  if (cached) return cached;
  const path = join(process.env.LAMBDA_TASK_ROOT ?? '.', 'links.json');
  const parsed = JSON.parse(readFileSync(path, 'utf8')) as LinksConfig;
  if (parsed.version !== 1) throw new Error(`${path}: version ${parsed.version}, expected 1: deploy again`);
  cached = parsed;
  return parsed;
}
