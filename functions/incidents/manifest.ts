/** What a function of the incident process declares: data only, like a remediation's manifest. */
import type { Permission } from '../engine/manifest.ts';

export interface IncidentFunctionManifest {
  readonly name: string;
  readonly summary: string;
  readonly permissions: readonly Permission[];
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
}

export const defineIncidentFunction = <const M extends IncidentFunctionManifest>(manifest: M): M => manifest;
