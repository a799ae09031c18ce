/** A process that plays the blocks it is sent, one at a time, and answers each with what it came to (`pool.ts`). */

import { install } from './clock.ts';
import type { Asked } from './pool.ts';

install();
// Only now: what it imports must find time and chance replaced.
const { simulate } = await import('./run.ts');

process.on('message', async ({ block, options }: Asked) => {
  const begun = process.cpuUsage();
  const simulated = await simulate(options);
  const { user, system } = process.cpuUsage(begun);
  process.send?.({ ...simulated, block, cpuMs: (user + system) / 1000 });
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
