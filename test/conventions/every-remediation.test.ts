import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Permission, RemediationManifest } from '../../functions/engine/manifest.ts';
import type { HeartbeatManifest } from '../../functions/heartbeats/manifest.ts';
import type { IncidentFunctionManifest } from '../../functions/incidents/manifest.ts';
import type { JobManifest } from '../../functions/jobs/manifest.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'functions/remediations');
const names = readdirSync(FOLDER);
const read = (name: string, file: string) => readFileSync(join(FOLDER, name, file), 'utf8');
const manifests = new Map<string, RemediationManifest>();
for (const name of names) {
  const { manifest } = (await import(join(FOLDER, name, 'manifest.ts'))) as { manifest: RemediationManifest };
  manifests.set(name, manifest);
}
const manifestOf = (name: string): RemediationManifest => {
  const manifest = manifests.get(name);
  if (!manifest) throw new Error(`${name} has no manifest`);
  return manifest;
};

/** SDK packages whose commands are IAM actions of a service with another name than the package. */
const IAM_SERVICE: Record<string, string> = {
  'application-auto-scaling': 'application-autoscaling',
  eventbridge: 'events',
  'route-53': 'route53',
  'secrets-manager': 'secretsmanager',
  sfn: 'states',
};

/** Commands whose IAM action has another name. */
const IAM_ACTION: Record<string, string> = { Invoke: 'InvokeFunction' };

/** Commands that a file imports from the AWS SDK, and operations that it names in requests that it signs itself, as IAM actions. */
function actionsUsed(source: string): string[] {
  const signedByHand = [...source.matchAll(/\bask\('([a-z0-9-]+:[A-Z]\w+)'/g)].map(([, action = '']) => action);
  const commands = [...source.matchAll(/import \{([^}]+)\} from '@aws-sdk\/client-([a-z0-9-]+)'/g)].flatMap(
    ([, imported = '', client = '']) =>
      [...imported.matchAll(/\b(?:paginate(\w+)|(\w+)Command)\b/g)].map(
        ([, paged = '', command = paged]) => `${IAM_SERVICE[client] ?? client}:${IAM_ACTION[command] ?? command}`,
      ),
  );
  // A login by IAM is a token that is signed here; the database asks IAM ("Creating and using an IAM policy for IAM database access").
  const logins = source.includes("from '@aws-sdk/rds-signer'") ? ['rds-db:connect'] : [];
  // Who imports what S3 is asked by; a request that is made on the spot is another's than theirs.
  const s3 = { putNew: 's3:PutObject', readObject: 's3:GetObject', listKeys: 's3:ListBucket' };
  const byImport = Object.entries(s3).flatMap(([name, action]) =>
    new RegExp(`import \\{[^}]*\\b${name}\\b[^}]*\\} from`).test(source) ? [action] : [],
  );
  const isOwn = /service: 's3', region, method: 'PUT'/.test(source) && !source.includes('export const putNew');
  return [...commands, ...signedByHand, ...logins, ...byImport, ...(isOwn ? ['s3:PutObject'] : [])];
}

/** A file and everything that it imports of ours besides the engine: what remediations share makes calls for them. */
function sourcesOf(file: string, seen = new Map<string, string>()): Map<string, string> {
  if (seen.has(file) || file.includes('/functions/engine/')) return seen;
  const source = readFileSync(file, 'utf8');
  seen.set(file, source);
  for (const [, to = ''] of source.matchAll(/^(?:import|export) (?!type )[^;]*?from '(\.[^']+)'/gm))
    sourcesOf(resolve(dirname(file), to), seen);
  return seen;
}

function expectReasons(permissions: readonly Permission[]): void {
  for (const { actions, resources, whyAnyResource } of permissions) {
    expect(actions.filter((action) => action.includes('*'))).toEqual([]);
    if (resources.some((resource) => resource.includes('*'))) expect(whyAnyResource).toMatch(/.{40}/);
  }
}

const INCIDENTS = join(ROOT, 'functions/incidents');
const incidentFunctions = readdirSync(INCIDENTS, { withFileTypes: true }).filter((each) => each.isDirectory());

describe.each(incidentFunctions.map((each) => each.name))('incident function %s', (name) => {
  it('is named like its folder and gives a reason for each wildcard', async () => {
    const { manifest } = (await import(join(INCIDENTS, name, 'manifest.ts'))) as { manifest: IncidentFunctionManifest };
    expect(manifest.name).toBe(name);
    expectReasons(manifest.permissions);
  });
});

describe('the heartbeat', () => {
  it('is named like its folder, and declares the permission for each call that it makes', async () => {
    const folder = join(ROOT, 'functions/heartbeats/write-heartbeat');
    const { manifest } = (await import(join(folder, 'manifest.ts'))) as { manifest: HeartbeatManifest };
    expect(manifest.name).toBe('write-heartbeat');
    expectReasons(manifest.permissions);
    const used = [...sourcesOf(join(folder, 'handler.ts')).values()].flatMap(actionsUsed);
    expect(manifest.permissions.flatMap(({ actions }) => [...actions])).toEqual([...new Set(used)]);
  });

  it('has its last beat, and the time to write it, within the time of its function and before the next run', async () => {
    const { manifest } = (await import(join(ROOT, 'functions/heartbeats/write-heartbeat/manifest.ts'))) as {
      manifest: HeartbeatManifest;
    };
    const { beats, everySeconds, everyMinutes, timeoutSeconds } = manifest;
    expect(beats * everySeconds).toBe(everyMinutes * 60);
    expect(timeoutSeconds).toBeGreaterThan((beats - 1) * everySeconds + 10);
  });
});

const JOBS = join(ROOT, 'functions/jobs');
const jobs = readdirSync(JOBS, { withFileTypes: true }).filter((each) => each.isDirectory());

describe.each(jobs.map((each) => each.name))('job %s', (name) => {
  const sourceOf = (file: string) => readFileSync(join(JOBS, name, file), 'utf8');

  it('is named like its folder, and declares the permission for each call that it makes', async () => {
    const { manifest } = (await import(join(JOBS, name, 'manifest.ts'))) as { manifest: JobManifest };
    expect(manifest.name).toBe(name);
    expectReasons(manifest.permissions);
    const declared = manifest.permissions.flatMap((permission) => permission.actions as readonly string[]);
    const used = new Set([...sourcesOf(join(JOBS, name, 'handler.ts')).values()].flatMap(actionsUsed));
    // Tags given in the call that makes something need the permission to tag, without a call of their own; so do the keys that RDS and S3 use, the role that RDS assumes, and an object's lock.
    const invisible = new Set([
      'rds:AddTagsToResource',
      'kms:CreateGrant',
      'kms:DescribeKey',
      'kms:Decrypt',
      'iam:PassRole',
      's3:PutObjectRetention',
    ]);
    expect([...used].filter((action) => !declared.includes(action))).toEqual([]);
    expect(declared.filter((action) => !used.has(action) && !invisible.has(action))).toEqual([]);
  });

  it('decides without touching the world: no SDK, no driver, no clock, no chance', () => {
    const source = sourceOf('decide.ts');
    const imports = [...source.matchAll(/^import (?!type )[^;]*from '([^']+)'/gm)].map(([, from]) => from);
    expect(imports.filter((from) => !from?.startsWith('.'))).toEqual([]);
    expect(source).not.toMatch(/Date\.now|new Date\(\)|Math\.random|process\.|await /);
  });
});

describe.each(names)('remediation %s', (name) => {
  const manifest = manifestOf(name);

  it('is named like its folder, verb first', () => {
    expect(manifest.name).toBe(name);
    expect(name).toMatch(/^[a-z]+(-[a-z]+)+$/);
  });

  it('has manifest, decide and handler, and tests of its own', () => {
    for (const file of ['manifest.ts', 'decide.ts', 'handler.ts'])
      expect(existsSync(join(FOLDER, name, file))).toBe(true);
    expect(existsSync(join(ROOT, `test/unit/remediations/${name}.test.ts`))).toBe(true);
  });

  it('decides without touching the world: no SDK, no driver, no clock, no chance', () => {
    const source = read(name, 'decide.ts');
    const imports = [...source.matchAll(/^import (?!type )[^;]*from '([^']+)'/gm)].map(([, from]) => from);
    expect(imports.filter((from) => !from?.startsWith('.'))).toEqual([]);
    expect(source).not.toMatch(/Date\.now|new Date\(\)|Math\.random|process\.|await /);
  });

  it('declares the permission for each call that it makes, and no other', () => {
    const declared = manifest.permissions.flatMap((permission) => permission.actions as readonly string[]);
    const used = new Set([...sourcesOf(join(FOLDER, name, 'handler.ts')).values()].flatMap(actionsUsed));
    // Signed locally, or asked for by a call of another name: roles that are passed, tags that are given on creation.
    const withoutCall = new Set([
      'rds-db:connect',
      ...(used.has('secretsmanager:GetSecretValue') ? ['kms:Decrypt'] : []),
      ...(used.has('ecs:RegisterTaskDefinition') ? ['iam:PassRole', 'ecs:TagResource'] : []),
      ...(used.has('rds:CreateDBSnapshot') || used.has('rds:CreateDBInstanceReadReplica')
        ? ['rds:AddTagsToResource']
        : []),
      // RDS uses the key on behalf of whoever asks for an encrypted copy ("Copying encrypted snapshots", Amazon RDS User Guide).
      ...(used.has('rds:CopyDBSnapshot') ? ['rds:AddTagsToResource', 'kms:CreateGrant', 'kms:DescribeKey'] : []),
    ]);
    expect([...used].filter((action) => !declared.includes(action))).toEqual([]);
    expect(declared.filter((action) => !used.has(action) && !withoutCall.has(action))).toEqual([]);
  });

  it('asks for no action by wildcard, and for resources by wildcard only with a reason', () => {
    expectReasons(manifest.permissions);
  });

  it('has limits above zero and time enough for a changing call', () => {
    for (const limit of Object.values(manifest.defaults)) expect(limit).toBeGreaterThan(0);
    expect(manifest.timeoutSeconds).toBeGreaterThanOrEqual(20);
    expect(manifest.triggers.length).toBeGreaterThan(0);
  });
});
