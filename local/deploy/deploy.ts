/** Deploys Nightshift into a local world by the real `cdk bootstrap` and `cdk deploy`, and makes afterwards what the emulator can't. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { type Role, rolesOf } from '../iam/roles.ts';
import type { WorldContext } from '../world/types.ts';
import { runChild } from './child.ts';
import { createDeferred } from './create.ts';
import { describe } from './describe.ts';
import { type Assembly, type SynthesizeOptions, synthesize } from './synthesize.ts';
import { type Template, type Transformed, transformTemplate } from './transform.ts';

export interface DeployOptions extends SynthesizeOptions {
  /** The gateway. */
  readonly endpointUrl: string;
  /** One line for people at each step. */
  readonly report: (line: string) => void;
  /** Told of the stack's roles before anything of it exists. */
  readonly onRoles?: (roles: readonly Role[]) => void;
  /** An assembly that is already being made, to save its time. */
  readonly assembly?: Promise<Assembly>;
}

export interface Deployed {
  readonly stackName: string;
  /** Outputs of the stack: `JournalTable`, `PageTopic`, ... */
  readonly outputs: Readonly<Record<string, string>>;
  /** The roles of the synthesized template, with their policies. */
  readonly roles: readonly Role[];
  /** The synthesized template, as it would be deployed to AWS. */
  readonly template: Template;
  /** Wall-clock time of each part; `synth` and `bootstrap` run side by side. */
  readonly seconds: {
    readonly synth: number;
    readonly bootstrap: number;
    readonly deploy: number;
    readonly create: number;
  };
}

const CDK_CLI = join(createRequire(import.meta.url).resolve('aws-cdk/package.json'), '..', 'bin', 'cdk');

/**
 * Brings Nightshift into a fresh world; a world is deployed to once.
 * @throws UsageError for a configuration with faults, ChildFailed when the CDK CLI fails, TransformError for a template that can't be transformed.
 */
export async function deployNightshift(world: WorldContext, options: DeployOptions): Promise<Deployed> {
  const cli = cdkCli(world, options.endpointUrl);
  const [assembly, bootstrap] = await together(
    options.assembly ?? synthesize(world, options),
    timed(() => cli('bootstrap', `aws://${world.accountId}/${world.region}`)),
  );
  const { dir, stackName, template, transformed, roles } = prepare(world, assembly.dir);
  options.onRoles?.(roles);
  for (const line of describe(transformed)) options.report(line);
  const deploy = await timed(() =>
    cli('deploy', stackName, '--app', dir, '--method', 'direct', '--require-approval', 'never'),
  );
  const outputs = await stackOutputs(world, options.endpointUrl, stackName);
  const create = await timed(() =>
    createDeferred(transformed.created, { endpointUrl: options.endpointUrl, region: world.region, outputs }),
  );
  return { stackName, outputs, roles, template, seconds: { synth: assembly.seconds, bootstrap, deploy, create } };
}

/** Both, and the first failure only after the other ended too: nothing may go on working behind a failed start. */
async function together<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  const results = await Promise.allSettled([a, b]);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  return Promise.all([a, b]);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

interface Prepared {
  readonly dir: string;
  readonly stackName: string;
  readonly template: Template;
  readonly transformed: Transformed;
  readonly roles: readonly Role[];
}

/** The assembly's copy with the transformed template. */
function prepare(world: WorldContext, source: string): Prepared {
  const dir = join(world.dir, 'assembly-local');
  cpSync(source, dir, { recursive: true });
  const { artifacts } = JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8')) as {
    artifacts: Record<string, { type: string; properties?: { templateFile?: string } }>;
  };
  const stacks = Object.entries(artifacts).filter(([, { type }]) => type === 'aws:cloudformation:stack');
  const [stackName, stack] = stacks[0] ?? [];
  if (stacks.length !== 1 || !stackName || !stack?.properties?.templateFile)
    throw new Error(
      `${source}: expected one stack, found ${stacks.length}: ${stacks.map(([name]) => name).join(', ')}`,
    );
  const file = join(dir, stack.properties.templateFile);
  const template = JSON.parse(readFileSync(file, 'utf8')) as Template;
  const transformed = transformTemplate(template);
  writeFileSync(file, JSON.stringify(transformed.template));
  const roles = rolesOf(template, { account: world.accountId, region: world.region, stackName });
  return { dir, stackName, template, transformed, roles };
}

/** The CDK CLI as a child: dummy credentials, a home of its own, nothing of the user's AWS or proxy settings, nothing sent anywhere. */
function cdkCli(world: WorldContext, endpointUrl: string): (...args: string[]) => Promise<void> {
  const cwd = join(world.dir, 'cdk');
  mkdirSync(cwd, { recursive: true });
  const inherited = Object.entries(process.env).filter(([name]) => !/^(AWS_|CDK_)|proxy$/i.test(name));
  const env = {
    ...Object.fromEntries(inherited),
    HOME: cwd,
    USERPROFILE: cwd,
    CDK_HOME: join(cwd, '.cdk'),
    AWS_ENDPOINT_URL: endpointUrl,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: world.region,
    AWS_EC2_METADATA_DISABLED: 'true',
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    CDK_DISABLE_VERSION_CHECK: '1',
    // The CLI takes this for a terminal that wants plain lines.
    CI: 'true',
  };
  return (...args) =>
    runChild(world, `cdk ${args[0]}`, process.execPath, [CDK_CLI, ...args, '--no-notices', '--no-color'], { cwd, env });
}

async function stackOutputs(
  world: WorldContext,
  endpointUrl: string,
  stackName: string,
): Promise<Record<string, string>> {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new CloudFormationClient({ endpoint: endpointUrl, region: world.region, credentials });
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: stackName }));
    const outputs = Stacks?.[0]?.Outputs ?? [];
    return Object.fromEntries(outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));
  } finally {
    client.destroy();
  }
}
