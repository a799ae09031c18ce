import { jobHandler } from '../handler.ts';
import { runKey } from '../items.ts';
import type { Job, JobContext } from '../job.ts';
import { listScratch, removeScratch } from '../scratch.ts';
import { whyStopped } from '../stopping.ts';
import { again, claimed, nextStep, type Seen, type State } from './decide.ts';
import { manifest } from './manifest.ts';

export const job: Job<State> = {
  manifest,
  begin: () => ({ found: [] }),
  async step(context, state) {
    const next = nextStep(state, await look(context), context.now());
    if (next.kind !== 'remove') return next;
    const notes: string[] = [];
    for (const scratch of next.scratch) {
      const stopped = await whyStopped(context.store, manifest);
      if (stopped) return again(state, stopped);
      const removed = await removeScratch(scratch);
      if (removed.kind === 'wait') notes.push(removed.note);
    }
    return again(state, notes.join('; ') || 'looked at once more');
  },
};

async function look({ config, store }: JobContext): Promise<Seen[]> {
  const seen = (await listScratch(config.name)).map((scratch) => claimed(config.name, scratch));
  return Promise.all(
    seen.map(async (each) => ({
      ...each,
      isKnown: each.claim !== undefined && (await store.read(runKey(each.claim.run))) !== undefined,
    })),
  );
}

export const handler = jobHandler(job);
