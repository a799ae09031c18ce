/**
 * Run as a process by killed-world.test.ts: opens a world and keeps starting children, and children of children that ignore polite signals.
 * Arguments: the folder for worlds, the world's name. Prints `open` when the world is open.
 */
import { openWorld } from '../../../local/world/context.ts';

const [, , root = '', name = ''] = process.argv;
const world = await openWorld({ name, timeScale: 1, root, report: () => {} });
const stubborn = `process.on('SIGTERM', () => {}); process.on('SIGHUP', () => {}); setInterval(() => {}, 1000);`;
const parent = `
  const { spawn } = require('node:child_process');
  spawn(process.execPath, ['-e', ${JSON.stringify(stubborn)}], { stdio: 'ignore', detached: true });
  ${stubborn}`;
console.log('open');
for (let started = 0; started < 6; started += 1) {
  world.spawn(process.execPath, ['-e', parent], { stdio: 'ignore' });
  await new Promise((next) => setTimeout(next, 30));
}
setInterval(() => {}, 1000);
