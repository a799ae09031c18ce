/** The response stack over stub code: what is asserted are resources, and bundling is tested on its own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { App } from 'aws-cdk-lib/core';
import { manifest as keepAuthority } from '../../../functions/authority/keep-authority/manifest.ts';
import { manifest as setAuthority } from '../../../functions/authority/set-authority/manifest.ts';
import { manifest as writeHeartbeat } from '../../../functions/heartbeats/write-heartbeat/manifest.ts';
import { manifest as canary } from '../../../functions/incidents/canary/manifest.ts';
import { manifest as diagnose } from '../../../functions/incidents/diagnose/manifest.ts';
import { manifest as followThrough } from '../../../functions/incidents/follow-through/manifest.ts';
import { manifest as publisher } from '../../../functions/incidents/publisher/manifest.ts';
import { manifest as reconciler } from '../../../functions/incidents/reconciler/manifest.ts';
import { manifest as backUpConfiguration } from '../../../functions/jobs/back-up-configuration/manifest.ts';
import { manifest as backUp } from '../../../functions/jobs/back-up-database/manifest.ts';
import { manifest as checkCapacity } from '../../../functions/jobs/check-capacity/manifest.ts';
import { manifest as checkCertificates } from '../../../functions/jobs/check-certificates/manifest.ts';
import { manifest as checkDatabase } from '../../../functions/jobs/check-database/manifest.ts';
import { manifest as checkHealth } from '../../../functions/jobs/check-health/manifest.ts';
import { manifest as checkSecrets } from '../../../functions/jobs/check-secrets/manifest.ts';
import { manifest as checkStandby } from '../../../functions/jobs/check-standby/manifest.ts';
import { manifest as drill } from '../../../functions/jobs/drill/manifest.ts';
import { manifest as exportBackup } from '../../../functions/jobs/export-backup/manifest.ts';
import { manifest as prune } from '../../../functions/jobs/prune-backups/manifest.ts';
import { manifest as sweep } from '../../../functions/jobs/sweep-scratch/manifest.ts';
import { manifest as verify } from '../../../functions/jobs/verify-backup/manifest.ts';
import { manifest as writeReport } from '../../../functions/jobs/write-report/manifest.ts';
import { manifest as dataCorruption } from '../../../functions/recovery/data-corruption/manifest.ts';
import { manifest as regionFailover } from '../../../functions/recovery/region-failover/manifest.ts';
import { manifest as serviceRecovery } from '../../../functions/recovery/service-recovery/manifest.ts';
import { manifest as recoverService } from '../../../functions/remediations/recover-service/manifest.ts';
import { manifest as release } from '../../../functions/remediations/release-idle-connections/manifest.ts';
import { manifest as scaleOut } from '../../../functions/remediations/scale-out-service/manifest.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import type { ConfigInput } from '../../../infra/config/schema.ts';
import { ResponseStack } from '../../../infra/stacks/response-stack.ts';
import { StandbyStack } from '../../../infra/stacks/standby-stack.ts';
import example from '../../../nightshift.config.ts';

export const MANIFESTS = { canary, diagnose, followThrough, publisher, reconciler, release, scaleOut };
const unit = <M>(manifest: M) => ({ manifest, folder: '', handler: '' });

export interface BuiltStack {
  readonly app: App;
  readonly template: Template;
}

/** The app and its synthesized template, with that of the standby region; nothing is left on disk. */
export function buildStack(
  change: (config: ConfigInput) => ConfigInput = (config) => config,
): BuiltStack & { readonly standby: Template } {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-stack-'));
  const code = join(folder, 'code');
  try {
    mkdirSync(code);
    writeFileSync(join(code, 'index.cjs'), 'exports.handler = async () => {};');
    const app = new App({
      analyticsReporting: false,
      // `npm run synth` runs CDK's own rules over the real templates; here they would cost a second for each variation.
      builtinCloudFormationValidation: false,
      outdir: join(folder, 'cdk.out'),
      context: { '@aws-cdk/core:enablePartitionLiterals': true, '@aws-cdk/aws-iam:minimizePolicies': true },
    });
    const parsed = parseConfig(change(example), [release, scaleOut, recoverService]);
    const stack = new ResponseStack(app, 'nightshift-main', {
      ...parsed,
      units: {
        remediations: [unit(release), unit(scaleOut), unit(recoverService)],
        incidentFunctions: [unit(followThrough), unit(publisher), unit(reconciler), unit(canary), unit(diagnose)],
        jobs: [
          unit(backUp),
          unit(backUpConfiguration),
          unit(checkCapacity),
          unit(checkCertificates),
          unit(checkDatabase),
          unit(checkHealth),
          unit(checkSecrets),
          unit(checkStandby),
          unit(drill),
          unit(exportBackup),
          unit(verify),
          unit(sweep),
          unit(prune),
          unit(writeReport),
        ],
        plans: [unit(dataCorruption), unit(regionFailover), unit(serviceRecovery)],
        heartbeats: [unit(writeHeartbeat)],
        authority: [unit(keepAuthority), unit(setAuthority)],
      },
      folderOf: () => code,
      env: { region: 'us-east-1', account: '111122223333' },
    });
    const standby = new StandbyStack(app, 'nightshift-main-standby', {
      config: parsed.config,
      env: { region: 'us-west-2', account: '111122223333' },
    });
    return { app, template: Template.fromStack(stack), standby: Template.fromStack(standby) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Properties = Readonly<Record<string, unknown>>;
export interface Found {
  readonly id: string;
  readonly properties: Properties;
}

/** All resources of a type, with their properties. */
export const resourcesOf = ({ template }: Pick<BuiltStack, 'template'>, type: string): Found[] =>
  Object.entries(template.findResources(type)).map(([id, resource]) => ({
    id,
    properties: (resource.Properties ?? {}) as Properties,
  }));

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/** Statements of the inline policies of the role whose logical id begins so. */
export function statementsOf(built: BuiltStack, role: string): Statement[] {
  return resourcesOf(built, 'AWS::IAM::Policy')
    .filter(({ properties }) => (properties.Roles as { Ref: string }[]).some(({ Ref }) => Ref.startsWith(role)))
    .flatMap(({ properties }) => (properties.PolicyDocument as { Statement: Statement[] }).Statement);
}

/** What a role may do, one line for each action and resource; a reference is written as its logical id without the hash. */
export function grantsOf(built: BuiltStack, role: string): string[] {
  return statementsOf(built, role)
    .flatMap(({ Effect, Action, Resource }) =>
      [Action]
        .flat()
        .flatMap((action) =>
          (Array.isArray(Resource) ? Resource : [Resource]).map(
            (resource) => `${Effect} ${String(action)} on ${written(resource)}`,
          ),
        ),
    )
    .sort();
}

function written(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const [[kind, inner] = []] = Object.entries(value);
  if (kind === 'Fn::GetAtt')
    return (inner as string[]).map((part, index) => (index === 0 ? part.slice(0, -8) : part)).join('.');
  if (kind === 'Fn::Join') return (inner as [string, unknown[]])[1].map(written).join((inner as [string])[0]);
  if (kind === 'Ref') return String(inner).slice(0, -8);
  throw new Error(`a reference of another kind: ${JSON.stringify(value)}`);
}
