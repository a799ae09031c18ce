/** From a manifest's permissions to IAM statements: placeholders become the deployment's own values, once for each protected target. */
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Stack, Token } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { Permission } from '../../functions/engine/manifest.ts';
import type { DeploymentConfig } from '../config/schema.ts';

type Values = Readonly<Record<string, string>>;

/** Placeholders that name a protected target; each set is complete or absent. */
const SERVICE = ['cluster', 'service'];
const TASK_ROLE = ['taskRole'];
const DATABASE = ['database', 'databaseResourceId', 'databaseUser'];
const ZONE = 'zone';
const SITE = 'siteHealthCheck';

/** A placeholder that can't be filled in; stops the synthesis. */
export class PlaceholderError extends Error {
  constructor(resource: string, placeholder: string) {
    const known = ['partition', 'region', 'account', 'deployment', ...SERVICE, ...TASK_ROLE, ...DATABASE, ZONE, SITE]
      .map((name) => `{${name}}`)
      .join(' ');
    super(
      `'${resource}': {${placeholder}} is unknown here; known are ${known}, those of a service and of a database never together.`,
    );
    this.name = 'PlaceholderError';
  }
}

/** Statements for one role, in the manifest's order. A permission whose targets aren't configured grants nothing and is left out. */
export function statementsFor(
  scope: Construct,
  permissions: readonly Permission[],
  config: DeploymentConfig,
): PolicyStatement[] {
  const { partition, region, account } = Stack.of(scope);
  return permissions.flatMap(({ actions, resources, onlyWhere }) => {
    const expanded = resources.flatMap((resource) =>
      expandResource(resource, { partition, region, account, deployment: config.name }, config),
    );
    return expanded.length === 0
      ? []
      : [
          new PolicyStatement({
            actions: [...actions],
            resources: [...new Set(expanded)],
            ...(onlyWhere ? { conditions: { StringEquals: { ...onlyWhere } } } : {}),
          }),
        ];
  });
}

/**
 * One ARN for each target that the resource's placeholders speak of.
 * @throws PlaceholderError for a placeholder that isn't known.
 */
export function expandResource(resource: string, own: Values, config: DeploymentConfig): string[] {
  const used = [...resource.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
  if (used.some((name) => SERVICE.includes(name)))
    return services(config).map((target) => fill(resource, { ...own, ...target }));
  if (used.some((name) => TASK_ROLE.includes(name)))
    return taskRoles(config).map((target) => fill(resource, { ...own, ...target }));
  if (used.some((name) => DATABASE.includes(name)))
    return databases(config).map((target) => fill(resource, { ...own, ...target }));
  if (used.includes(ZONE))
    return Object.values(config.endpoints).map(({ zoneId }) => fill(resource, { ...own, [ZONE]: zoneId }));
  if (used.includes(SITE))
    return Object.values(config.endpoints).flatMap(({ sites }) =>
      sites.map(({ healthCheckId }) => fill(resource, { ...own, [SITE]: healthCheckId })),
    );
  return [fill(resource, own)];
}

function fill(resource: string, values: Values): string {
  return resource.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new PlaceholderError(resource, name);
    return value;
  });
}

const services = (config: DeploymentConfig): Values[] =>
  Object.entries(config.services).map(([key, { cluster, service }]) => ({ cluster, service: service ?? key }));

/** Each role once, of whichever services' tasks. */
const taskRoles = (config: DeploymentConfig): Values[] =>
  [...new Set(Object.values(config.services).flatMap((service) => service.taskRoles))].map((taskRole) => ({
    taskRole,
  }));

const databases = (config: DeploymentConfig): Values[] =>
  Object.entries(config.databases).map(([key, { resourceId, user }]) => ({
    database: key,
    databaseResourceId: resourceId,
    databaseUser: user,
  }));

/** The ARNs as cdk-nag writes them in a finding's id: references of CloudFormation's own as `<AWS::...>`. */
export function asFindings(scope: Construct, resource: string, config: DeploymentConfig): string[] {
  const { partition, region, account } = Stack.of(scope);
  const shown = (value: string, pseudo: string) => (Token.isUnresolved(value) ? `<AWS::${pseudo}>` : value);
  const own = {
    partition: shown(partition, 'Partition'),
    region: shown(region, 'Region'),
    account: shown(account, 'AccountId'),
    deployment: config.name,
  };
  return expandResource(resource, own, config);
}
