/** A function's code on disk: fetched from the emulator and unzipped once for each hash. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, normalize, sep } from 'node:path';
import { unzipSync } from 'fflate';

/**
 * The folder with the unzipped code. Complete or not there: it is unzipped beside and renamed.
 * @param fetchZip called only when the hash isn't known yet.
 * @throws Error when the archive names a file outside its own folder.
 */
export async function unzippedCode(root: string, sha256: string, fetchZip: () => Promise<Uint8Array>): Promise<string> {
  const folder = join(root, Buffer.from(sha256, 'base64').toString('hex').slice(0, 32));
  if (existsSync(folder)) return folder;
  await mkdir(root, { recursive: true });
  const building = await mkdtemp(join(root, 'building-'));
  try {
    await writeAll(building, unzipSync(await fetchZip()));
    await rename(building, folder);
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
    // Another invocation unzipped the same code meanwhile.
  }
  return folder;
}

async function writeAll(folder: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = normalize(join(folder, name));
    if (!path.startsWith(folder + sep)) throw new Error(`the function's archive holds "${name}", outside its folder`);
    if (name.endsWith('/')) await mkdir(path, { recursive: true });
    else {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    }
  }
}
