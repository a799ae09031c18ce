/** What a function that is started again and again by the clock declares: data only, like a remediation's manifest. */
import type { Permission } from '../engine/manifest.ts';

export interface HeartbeatManifest {
  /** Equal to the folder's name. */
  readonly name: string;
  readonly summary: string;
  readonly permissions: readonly Permission[];
  /** How often the function is started, and how many beats one run writes, so long apart. */
  readonly everyMinutes: number;
  readonly beats: number;
  readonly everySeconds: number;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
}
