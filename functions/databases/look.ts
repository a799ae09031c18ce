/** An instance and what lately happened to it, in one round of parallel reads. */
import type { DatabaseConfig } from '../engine/config.ts';
import { readEvents } from './events.ts';
import type { PastEvent } from './happened.ts';
import { type Instance, readInstance } from './instance.ts';

export type Look =
  | { readonly kind: 'missing'; readonly why: string }
  | ({
      readonly kind: 'instance';
      /** When it was looked at (ISO 8601): what happens meanwhile is later. */
      readonly at: string;
      /** Of the categories asked for, oldest first. */
      readonly events: readonly PastEvent[];
    } & Instance);

/** @throws PermissionError, RetryableError or ActionFailedError. */
export async function lookAt(
  target: Pick<DatabaseConfig, 'name'>,
  minutes: number,
  categories: readonly string[],
): Promise<Look> {
  const at = new Date().toISOString();
  const [instance, events] = await Promise.all([readInstance(target), readEvents(target, minutes, categories)]);
  return instance.kind === 'missing' ? instance : { ...instance, at, events };
}
