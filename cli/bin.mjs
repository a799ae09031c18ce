#!/usr/bin/env node
/** Starts the command line, which is TypeScript that Node 24 runs as it is: an older Node is told so instead of failing on its syntax. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const OLDEST = 24;
const main = fileURLToPath(new URL('./main.ts', import.meta.url));

/** This Node when it is new enough, else the one that `npm install` put beside us. */
function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= OLDEST) return process.execPath;
  try {
    return createRequire(import.meta.url).resolve('node/bin/node');
  } catch {
    return undefined; // Not installed: the sentence below says what to do.
  }
}

const node = findNode();
if (node) {
  const { status, signal } = spawnSync(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exitCode = signal ? 1 : (status ?? 1);
} else {
  console.error(
    `nightshift needs Node.js ${OLDEST} or newer, this is ${process.version}: run "npm install", or use a newer Node.js`,
  );
  process.exitCode = 3;
}
