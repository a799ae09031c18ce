/** Synthesizes the CDK app for the local world: the same `infra/app.ts`, with the CDK CLI's own environment variables. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../world/errors.ts';
import type { WorldContext } from '../world/types.ts';
import { ChildFailed, runChild } from './child.ts';

export interface SynthesizeOptions {
  /** The configuration to deploy. */
  readonly configPath: string;
  /** Variables that the configuration reads, such as the database's port. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface Assembly {
  readonly dir: string;
  readonly seconds: number;
}

const REPOSITORY = join(import.meta.dirname, '..', '..');

/**
 * Writes the assembly to `<world>/assembly`.
 * @throws UsageError with every fault when the configuration has any; ChildFailed for any other failure.
 */
export async function synthesize(
  world: WorldContext,
  { configPath, environment }: SynthesizeOptions,
): Promise<Assembly> {
  const started = performance.now();
  const dir = join(world.dir, 'assembly');
  const { context } = JSON.parse(readFileSync(join(REPOSITORY, 'cdk.json'), 'utf8')) as { context: object };
  try {
    await runChild(world, 'synth', process.execPath, [join(REPOSITORY, 'infra', 'app.ts')], {
      cwd: REPOSITORY,
      env: {
        ...process.env,
        ...environment,
        CDK_OUTDIR: dir,
        CDK_DEFAULT_ACCOUNT: world.accountId,
        CDK_DEFAULT_REGION: world.region,
        // `npm run check` validates the same templates with CDK's own rules and cdk-nag; here it would only cost a second and a half.
        CDK_VALIDATION: 'false',
        CDK_CONTEXT_JSON: JSON.stringify({ ...context, config: configPath, 'nightshift:checks': 'off' }),
      },
    });
  } catch (error) {
    if (error instanceof ChildFailed && error.exitCode === 2) throw new UsageError(error.output.trim());
    throw error;
  }
  return { dir, seconds: (performance.now() - started) / 1000 };
}
