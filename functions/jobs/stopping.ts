/** Whether the switch lets a run go on (invariant I8). */
import type { Store } from '../engine/store.ts';
import { readSwitch } from '../engine/switch.ts';
import type { RunItem } from './items.ts';
import type { JobManifest } from './manifest.ts';

/** Looked at again after so long while Nightshift is paused. */
export const PAUSED_SECONDS = 60;

/**
 * `pause` stops new steps of what takes away, `freeze` stops all, also cleaning up. Asked before every step and every clean-up, and by a step before each thing that
 * it takes away.
 * @returns why nothing more may be done now. @throws EngineError when the journal can't be read.
 */
export async function whyStopped(
  store: Store,
  { effect }: Pick<JobManifest, 'effect'>,
  phase: RunItem['phase'] = 'working',
): Promise<string | undefined> {
  const state = await readSwitch(store);
  const stops = state === 'freeze' || (state === 'pause' && effect === 'removes' && phase === 'working');
  return stops ? `Nightshift is set to ${state}` : undefined;
}
