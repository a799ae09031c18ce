/** The function that looks at the target of an incident before people are called: it reads, and writes one entry into the incident's timeline. */
import type { Construct } from 'constructs';
import { entryKey } from '../../functions/engine/items.ts';
import type { IncidentFunctionManifest } from '../../functions/incidents/manifest.ts';
import { type Deployment, NightshiftFunction } from './nightshift-function.ts';

export const diagnoseFunction = (
  scope: Construct,
  deployment: Deployment,
  manifest: IncidentFunctionManifest,
): NightshiftFunction =>
  new NightshiftFunction(scope, manifest.name, {
    deployment,
    manifest,
    journal: { actions: ['PutItem', 'Query'], writes: [entryKey('*', '').pk] },
  });
