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
  /** Both regions were bootstrapped for another deployment. */
  readonly isBootstrapped?: boolean;
  /** An assembly that is already being made, to save its time. */
  readonly assembly?: Promise<Assembly>;
}

export interface Deployed {
  readonly stackName: string;
  /** Outputs of the stack that answers alarms: `JournalTable`, `PageTopic`, ... */
  readonly outputs: Readonly<Record<string, string>>;
  /** Outputs of the stack in the standby region; none when the app has no such stack. */
  readonly standbyOutputs: Readonly<Record<string, string>>;
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
 * Brings Nightshift into a fresh world, or a second deployment of another name into a folder of its own.
 * @throws UsageError for a configuration with faults, ChildFailed when the CDK CLI fails, TransformError for a template that can't be transformed.
 */
export async function deployNightshift(world: WorldContext, options: DeployOptions): Promise<Deployed> {
  const cli = cdkCli(world, options.endpointUrl);
  const environments = [world.region, world.standbyRegion].map((region) => `aws://${world.accountId}/${region}`);
  const [assembly, bootstrap] = await together(
    options.assembly ?? synthesize(world, options),
    options.isBootstrapped ? Promise.resolve(0) : timed(() => cli('bootstrap', ...environments)),
  );
  const { dir, stacks } = prepare(world, assembly.dir);
  const main = stacks.find(({ region }) => region === world.region);
  if (!main) throw new Error(`${assembly.dir}: expected a stack for ${world.region}, found none`);
  options.onRoles?.(stacks.flatMap(({ roles }) => roles));
  const taken = stacks.map(({ transformed }) => transformed);
  for (const line of describe({
    created: taken.flatMap(({ created }) => created),
    leftOut: taken.flatMap(({ leftOut }) => leftOut),
  }))
    options.report(line);
  const deploy = await timed(() =>
    cli(
      'deploy',
      ...['--all', '--concurrency', String(stacks.length)],
      ...['--app', dir, '--method', 'direct', '--require-approval', 'never'],
    ),
  );
  const outputs = await Promise.all(stacks.map((stack) => stackOutputs(options.endpointUrl, stack)));
  const create = await timed(async () => {
    for (const [index, { region, transformed }] of stacks.entries())
      await createDeferred(transformed.created, {
        endpointUrl: options.endpointUrl,
        region,
        outputs: outputs[index] ?? {},
      });
  });
  const outputsOf = (wanted: PreparedStack) => outputs[stacks.indexOf(wanted)] ?? {};
  const standby = stacks.find((stack) => stack !== main);
  return {
    stackName: main.stackName,
    outputs: outputsOf(main),
    standbyOutputs: standby ? outputsOf(standby) : {},
    roles: main.roles,
    template: main.template,
    seconds: { synth: assembly.seconds, bootstrap, deploy, create },
  };
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

interface PreparedStack {
  readonly stackName: string;
  readonly region: string;
  readonly template: Template;
  readonly transformed: Transformed;
  readonly roles: readonly Role[];
}

interface Artifact {
  readonly type: string;
  /** `aws://<account>/<region>`. */
  readonly environment?: string;
  readonly properties?: { readonly templateFile?: string };
}

/** The assembly's copy with the transformed templates. */
function prepare(world: WorldContext, source: string): { dir: string; stacks: PreparedStack[] } {
  const dir = join(world.dir, 'assembly-local');
  cpSync(source, dir, { recursive: true });
  const { artifacts } = JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8')) as {
    artifacts: Record<string, Artifact>;
  };
  const stacks = Object.entries(artifacts).filter(([, { type }]) => type === 'aws:cloudformation:stack');
  return { dir, stacks: stacks.map(([stackName, stack]) => prepareStack(world, dir, stackName, stack)) };
}

function prepareStack(world: WorldContext, dir: string, stackName: string, stack: Artifact): PreparedStack {
  const region = stack.environment?.split('/').at(-1);
  const { templateFile } = stack.properties ?? {};
  if (!region || !templateFile) throw new Error(`${dir}: stack ${stackName} names no region or template`);
  const file = join(dir, templateFile);
  const template = JSON.parse(readFileSync(file, 'utf8')) as Template;
  const transformed = transformTemplate(template);
  writeFileSync(file, JSON.stringify(transformed.template));
  const roles = rolesOf(template, { account: world.accountId, region, stackName });
  return { stackName, region, template, transformed, roles };
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
  endpointUrl: string,
  { stackName, region }: PreparedStack,
): Promise<Record<string, string>> {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new CloudFormationClient({ endpoint: endpointUrl, region, credentials });
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: stackName }));
    const outputs = Stacks?.[0]?.Outputs ?? [];
    return Object.fromEntries(outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));
  } finally {
    client.destroy();
  }
}
