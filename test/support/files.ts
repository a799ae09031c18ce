import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Files below a folder whose name ends so; none when the folder isn't there. */
export function glob(folder: string, ending: string): string[] {
  // Git keeps no empty folders, so a fresh clone may lack one.
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name));
}
