/** What a function that keeps the authority to write declares: data only, like a remediation's manifest. */
import type { Permission } from '../engine/manifest.ts';

export interface AuthorityManifest {
  /** Equal to the folder's name. */
  readonly name: string;
  readonly summary: string;
  readonly permissions: readonly Permission[];
  /** How often it is started by the clock; undefined: others invoke it. */
  readonly everyMinutes?: number;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
}
