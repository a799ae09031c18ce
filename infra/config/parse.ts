/** From what a person wrote to what is deployed, or to every fault in it at once. */
import { z } from 'zod';
import type { RuntimeConfig } from '../../functions/engine/config.ts';
import type { RemediationManifest } from '../../functions/engine/manifest.ts';
import { certificateSchema } from './certificates.ts';
import { crossFieldFaults, type LooseConfig } from './cross-checks.ts';
import { endpointSchema } from './endpoints.ts';
import { ConfigurationError, faultsOf } from './faults.ts';
import { pairSchema } from './pairs.ts';
import { runtimeConfigOf } from './runtime.ts';
import { configSchema, type DeploymentConfig, databaseSchema, runbookSchema, serviceSchema } from './schema.ts';

export interface ParsedConfig {
  readonly config: DeploymentConfig;
  readonly runtime: RuntimeConfig;
}

/**
 * Checks a configuration and fills in every default.
 * @param input what `nightshift.config.ts` exports by default.
 * @param manifests the remediations that exist; they give the names and defaults of `runbooks`.
 * @param jobs names of the scheduled jobs that exist.
 * @param source how faults name the configuration, best its path.
 * @throws ConfigurationError with all faults: of form and between fields.
 */
export function parseConfig(
  input: unknown,
  manifests: readonly RemediationManifest[],
  source = 'nightshift.config.ts',
  jobs: readonly string[] = [],
): ParsedConfig {
  const parsed = configSchema.safeParse(input);
  const issues = parsed.success ? [] : parsed.error.issues;
  const faults = [
    ...faultsOf(issues, configSchema, input),
    ...crossFieldFaults(parsed.success ? parsed.data : readable(input, issues), manifests, jobs),
  ];
  if (!parsed.success || faults.length > 0) throw new ConfigurationError(source, faults);
  return { config: parsed.data, runtime: runtimeConfigOf(parsed.data, manifests) };
}

const looseSchema = z.object({
  ...configSchema.partial().shape,
  services: z.record(z.string(), z.object(serviceSchema.partial().shape)).catch({}).default({}),
  databases: z.record(z.string(), z.object(databaseSchema.partial().shape)).catch({}).default({}),
  endpoints: z.record(z.string(), z.object(endpointSchema.partial().shape)).catch({}).default({}),
  certificates: z.record(z.string(), z.object(certificateSchema.partial().shape)).catch({}).default({}),
  pairs: z.record(z.string(), z.object(pairSchema.partial().shape)).catch({}).default({}),
  runbooks: z.record(z.string(), z.object(runbookSchema.partial().shape)).catch({}).default({}),
  channels: z
    .record(z.string(), z.looseObject({ kind: z.string().optional() }))
    .catch({})
    .default({}),
});

/** What is left when everything with a fault of form is taken out; defaults stand in for it. */
function readable(input: unknown, issues: readonly z.core.$ZodIssue[]): LooseConfig {
  const parsed = looseSchema.safeParse(issues.flatMap(faultyPaths).reduce<unknown>(without, input));
  return parsed.success
    ? { ...parsed.data, hasUnreadPairs: issues.some(({ path: [field] }) => field === 'pairs') }
    : { services: {}, databases: {}, endpoints: {}, certificates: {}, pairs: {}, runbooks: {}, channels: {} };
}

/** An unknown name is a fault of itself, not of the object that it stands in. */
function faultyPaths(issue: z.core.$ZodIssue): PropertyKey[][] {
  if (issue.code !== 'unrecognized_keys') return [[...issue.path]];
  return issue.keys.map((key) => [...issue.path, key]);
}

function without(from: unknown, [key, ...rest]: readonly PropertyKey[]): unknown {
  if (typeof from !== 'object' || from === null || key === undefined || !Object.hasOwn(from, key)) return from;
  const { [key]: inner, ...others } = from as Record<PropertyKey, unknown>;
  // A fault in one element of a list makes the whole list unreadable: what is left would be a list nobody wrote.
  return rest.length === 0 || Array.isArray(inner) ? others : { ...others, [key]: without(inner, rest) };
}
