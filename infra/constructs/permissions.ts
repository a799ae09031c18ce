/** From a manifest's permissions to IAM statements: placeholders become the deployment's own values, once for each protected target. */
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Stack, Token } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { Permission } from '../../functions/engine/manifest.ts';
import { selfFenced, withAuthority } from '../config/authority.ts';
import { configurationBackupOf } from '../config/configuration-backup.ts';
import { drilledPlans } from '../config/drills.ts';
import type { DeploymentConfig } from '../config/schema.ts';

type Values = Readonly<Record<string, string>>;

/** Placeholders that name a protected target; each set is complete or absent. */
const SERVICE = ['cluster', 'service'];
const TASK_ROLE = ['taskRole'];
const DATABASE = ['database', 'databaseResourceId', 'databaseUser'];
/** A database whose backups are copied to the standby region; one whose are proved, too; and the key for copies. */
const COPIED = ['copiedDatabase', 'copies'];
const PROVED_COPIED = ['provedCopiedDatabase', 'provedCopies'];
const COPY_KEY = ['copyKey'];
/** A database whose backups are exported to S3, and what RDS does that with. */
const EXPORTED = ['exportedDatabase', 'exportedSnapshots'];
const EXPORT_ROLE = ['exportRole'];
const EXPORT_KEY = ['exportKey'];
/** What is looked at for the standby region: what is protected, and what is to take its place there. */
const STANDBY_SERVICE = ['guardedCluster', 'guardedService', 'standbyCluster', 'standbyService', 'standbyServices'];
const STANDBY_DATABASE = ['guardedDatabase', 'standbyReplica', 'standbyReplicas'];
const VERIFIED = ['verifiedDatabase', 'verifySubnetGroup', 'verifyUser'];
/** A database that a recovery plan may restore, and the secret by which services find it. */
const RESTORED = ['restoredDatabase'];
const CONNECTION_SECRET = ['connectionSecret'];
const CONNECTION_SECRET_KEY = ['connectionSecretKey'];
/** Services that depend on such a database. */
const RESTORED_SERVICE = ['restoredCluster', 'restoredService'];
/** Of a service in two regions: the replica that a plan promotes, the object by which it moves users, its services. */
const PAIR_REPLICA = ['pairReplica'];
const PAIR_OBJECT = ['pairObject'];
const PAIR_SERVICE = ['pairCluster', 'pairService'];
/** For the way back: the first region's database and services, the standby's database, and who may look into that one. */
const FAIL_BACK = ['failBackDatabase', 'failBackReplica', 'failBackResourceId', 'failBackUser'];
const FAIL_BACK_SERVICE = ['failBackCluster', 'failBackService'];
const FAIL_BACK_KEY = ['failBackKey'];
const FAIL_BACK_STANDBY_KEY = ['failBackStandbyKey'];
/** A database that is told until when it may write, the function that tells those of this region, and those of primaries' regions that do. */
const AUTHORITY = ['authorityResourceId'];
const AUTHORITY_FUNCTION = ['authorityFunction'];
const HOLDER = ['holderFunction'];
/** A database whose services' password a recovery plan rotates, who may change its users, the secret, and those services. */
const ROTATED = ['rotatedResourceId', 'rotationLogin'];
const CREDENTIAL_SECRET = ['credentialSecret'];
const CREDENTIAL_SECRET_KEY = ['credentialSecretKey'];
const ROTATED_SERVICE = ['rotatedCluster', 'rotatedService'];
/** The record of an endpoint, and where it is kept: a resource may name the zone alone. */
const RECORD = ['zone', 'recordName', 'recordType'];
const SITE = ['siteHealthCheck'];
/** A recovery plan that is rehearsed on schedule. */
const DRILLED = ['drilledPlan'];
/** Where backups of the configuration lie in the archive's bucket, if there are any. */
const CONFIGURATION_FOLDER = ['configurationFolder'];
const BACKED_UP_ZONE = ['backedUpZone'];
const BACKED_UP_PARAMETER = ['backedUpParameter'];
const BACKED_UP_RULE = ['backedUpRule'];
const BACKED_UP_MACHINE = ['backedUpStateMachine'];
const CERTIFICATE = ['certificate'];
const ISSUED = ['issuedCertificate'];
const IMPORTED = ['importedCertificate'];
const VALIDATION = ['validationZone', 'validationDomain'];
const CERTIFICATE_SECRET = ['certificateSecret'];
const CERTIFICATE_SECRET_KEY = ['certificateSecretKey'];

/** A placeholder that can't be filled in; stops the synthesis. */
export class PlaceholderError extends Error {
  constructor(resource: string, placeholder: string) {
    const targets = [
      SERVICE,
      TASK_ROLE,
      DATABASE,
      COPIED,
      PROVED_COPIED,
      COPY_KEY,
      EXPORTED,
      EXPORT_ROLE,
      EXPORT_KEY,
      STANDBY_SERVICE,
      STANDBY_DATABASE,
      VERIFIED,
      RESTORED,
      CONNECTION_SECRET,
      CONNECTION_SECRET_KEY,
      RESTORED_SERVICE,
      PAIR_REPLICA,
      PAIR_OBJECT,
      PAIR_SERVICE,
      FAIL_BACK,
      FAIL_BACK_SERVICE,
      FAIL_BACK_KEY,
      FAIL_BACK_STANDBY_KEY,
      AUTHORITY,
      AUTHORITY_FUNCTION,
      HOLDER,
      ROTATED,
      CREDENTIAL_SECRET,
      CREDENTIAL_SECRET_KEY,
      ROTATED_SERVICE,
      RECORD,
      SITE,
      DRILLED,
      CONFIGURATION_FOLDER,
      BACKED_UP_ZONE,
      BACKED_UP_PARAMETER,
      BACKED_UP_RULE,
      BACKED_UP_MACHINE,
      CERTIFICATE,
      ISSUED,
      IMPORTED,
      VALIDATION,
      CERTIFICATE_SECRET,
      CERTIFICATE_SECRET_KEY,
    ].flat();
    const known = ['partition', 'region', 'standbyRegion', 'account', 'deployment', ...targets]
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
  const own = { partition, region, standbyRegion: config.standbyRegion, account, deployment: config.name };
  return permissions.flatMap((permission) => {
    const { actions, resources, onlyWhere } = permission;
    if (permission.onlyEach) return narrowed(permission, own, config);
    const expanded = resources.flatMap((resource) => expandResource(resource, own, config));
    return expanded.length === 0
      ? []
      : [
          new PolicyStatement({
            actions: [...actions],
            resources: [...new Set(expanded)],
            ...(onlyWhere ? { conditions: { StringEquals: filled(onlyWhere, own) } } : {}),
          }),
        ];
  });
}

/** Values of conditions name the deployment's own alone. */
const filled = (values: Values, own: Values): Values =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, fill(value, own)]));

/**
 * One statement for each target, because what its conditions name belongs to it alone. "Set operators for multivalued context keys", IAM User Guide: ForAllValues
 * matches a request without the key, too, so the key must also be there.
 */
function narrowed(
  { actions, resources, onlyEach = {} }: Permission,
  own: Values,
  config: DeploymentConfig,
): PolicyStatement[] {
  const used = [...resources, ...Object.values(onlyEach).flat()].flatMap(placeholdersOf);
  return targetsOf(used, config).map((target) => {
    const values = { ...own, ...target };
    const each = Object.entries(onlyEach).map(([key, patterns]): [string, string[]] => [
      key,
      patterns.map((pattern) => fill(pattern, values)),
    ]);
    return new PolicyStatement({
      actions: [...actions],
      resources: [...new Set(resources.map((resource) => fill(resource, values)))],
      conditions: {
        'ForAllValues:StringLike': Object.fromEntries(each),
        Null: Object.fromEntries(each.map(([key]) => [key, 'false'])),
      },
    });
  });
}

const placeholdersOf = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');

/**
 * One ARN for each target that the resource's placeholders speak of.
 * @throws PlaceholderError for a placeholder that isn't known.
 */
export const expandResource = (resource: string, own: Values, config: DeploymentConfig): string[] =>
  targetsOf(placeholdersOf(resource), config).map((target) => fill(resource, { ...own, ...target }));

/** Values for those placeholders, once for each target that they speak of; once without any when they speak of none. */
function targetsOf(used: readonly string[], config: DeploymentConfig): Values[] {
  const speaksOf = (names: readonly string[]) => used.some((name) => names.includes(name));
  if (speaksOf(SERVICE)) return services(config);
  if (speaksOf(TASK_ROLE)) return taskRoles(config);
  if (speaksOf(COPIED)) return copied(config).map(({ key }) => ({ copiedDatabase: key, copies: '*' }));
  if (speaksOf(PROVED_COPIED))
    return copied(config).flatMap(({ key, isProved }) =>
      isProved ? [{ provedCopiedDatabase: key, provedCopies: '*' }] : [],
    );
  if (speaksOf(COPY_KEY))
    return copied(config).flatMap(({ copy }) => (copy.kmsKeyArn === undefined ? [] : [{ copyKey: copy.kmsKeyArn }]));
  if (speaksOf(EXPORTED)) return exported(config).map(({ key }) => ({ exportedDatabase: key, exportedSnapshots: '*' }));
  if (speaksOf(EXPORT_ROLE)) return exported(config).map(({ to }) => ({ exportRole: to.roleArn }));
  if (speaksOf(EXPORT_KEY)) return exported(config).map(({ to }) => ({ exportKey: to.kmsKeyArn }));
  if (speaksOf(STANDBY_SERVICE)) return standbyServices(config);
  if (speaksOf(STANDBY_DATABASE)) return standbyDatabases(config);
  if (speaksOf(VERIFIED)) return verified(config);
  if (speaksOf(RESTORED)) return restored(config).map(({ key }) => ({ restoredDatabase: key }));
  if (speaksOf(CONNECTION_SECRET))
    return restored(config).map(({ restore }) => ({ connectionSecret: restore.connectionSecretArn }));
  if (speaksOf(CONNECTION_SECRET_KEY))
    return restored(config).flatMap(({ restore: { connectionKeyArn } }) =>
      connectionKeyArn ? [{ connectionSecretKey: connectionKeyArn }] : [],
    );
  if (speaksOf(RESTORED_SERVICE))
    return dependants(config, ({ restore }) => restore !== undefined).map(({ cluster, service }) => ({
      ...{ restoredCluster: cluster, restoredService: service },
    }));
  const pairs = Object.values(config.pairs);
  if (speaksOf(PAIR_REPLICA)) return pairs.map(({ replica }) => ({ pairReplica: replica }));
  if (speaksOf(PAIR_OBJECT)) return pairs.map(({ switch: { bucket, key } }) => ({ pairObject: `${bucket}/${key}` }));
  if (speaksOf(ROTATED))
    return rotated(config).map(({ resourceId, rotation }) => ({
      ...{ rotatedResourceId: resourceId, rotationLogin: rotation.login },
    }));
  if (speaksOf(CREDENTIAL_SECRET))
    return rotated(config).map(({ rotation }) => ({ credentialSecret: rotation.secretArn }));
  if (speaksOf(CREDENTIAL_SECRET_KEY))
    return rotated(config).flatMap(({ rotation: { keyArn } }) => (keyArn ? [{ credentialSecretKey: keyArn }] : []));
  if (speaksOf(ROTATED_SERVICE))
    return dependants(config, ({ rotation }) => rotation !== undefined).map(({ cluster, service }) => ({
      ...{ rotatedCluster: cluster, rotatedService: service },
    }));
  if (speaksOf(AUTHORITY)) return withAuthority(config).map(({ resourceId }) => ({ authorityResourceId: resourceId }));
  if (speaksOf(AUTHORITY_FUNCTION))
    return selfFenced(config).length > 0 ? [{ authorityFunction: functionOf(config.name) }] : [];
  if (speaksOf(HOLDER))
    return selfFenced(config).map(({ fencing }) => ({ holderFunction: functionOf(fencing.deployment) }));
  if (speaksOf(PAIR_SERVICE)) return pairServices(config);
  if (speaksOf(FAIL_BACK)) return failBacks(config);
  if (speaksOf(FAIL_BACK_SERVICE)) return failBackServices(config);
  if (speaksOf(FAIL_BACK_KEY))
    return pairs.flatMap(({ failBack: { kmsKeyArn } = {} }) => (kmsKeyArn ? [{ failBackKey: kmsKeyArn }] : []));
  if (speaksOf(FAIL_BACK_STANDBY_KEY))
    return pairs.flatMap(({ failBack: { standbyKmsKeyArn } = {} }) =>
      standbyKmsKeyArn ? [{ failBackStandbyKey: standbyKmsKeyArn }] : [],
    );
  if (speaksOf(DATABASE)) return databases(config);
  if (speaksOf(RECORD)) return records(config);
  if (speaksOf(SITE))
    return Object.values(config.endpoints).flatMap(({ sites }) =>
      sites.map(({ healthCheckId }) => ({ siteHealthCheck: healthCheckId })),
    );
  if (speaksOf(DRILLED)) return drilledPlans(config).map((drilledPlan) => ({ drilledPlan }));
  const backup = configurationBackupOf(config);
  if (speaksOf(CONFIGURATION_FOLDER)) return backup ? [{ configurationFolder: 'configuration' }] : [];
  if (speaksOf(BACKED_UP_ZONE)) return (backup?.zones ?? []).map((zone) => ({ backedUpZone: zone }));
  if (speaksOf(BACKED_UP_PARAMETER))
    return (backup?.parameters ?? []).map((parameter) => ({ backedUpParameter: parameter }));
  if (speaksOf(BACKED_UP_RULE)) return (backup?.rules ?? []).map((rule) => ({ backedUpRule: rule }));
  if (speaksOf(BACKED_UP_MACHINE))
    return (backup?.stateMachines ?? []).map((machine) => ({ backedUpStateMachine: machine }));
  if (speaksOf(CERTIFICATE)) return certificates(config).map(({ arn }) => ({ certificate: arn }));
  if (speaksOf(ISSUED))
    return certificates(config).flatMap(({ arn, importFrom }) => (importFrom ? [] : [{ issuedCertificate: arn }]));
  if (speaksOf(IMPORTED))
    return certificates(config).flatMap(({ arn, importFrom }) => (importFrom ? [{ importedCertificate: arn }] : []));
  if (speaksOf(VALIDATION))
    return certificates(config).flatMap(({ zones }) =>
      Object.entries(zones).map(([domain, zone]) => ({
        validationZone: zone,
        validationDomain: normalizedName(domain),
      })),
    );
  if (speaksOf(CERTIFICATE_SECRET))
    return certificates(config).flatMap(({ importFrom: from }) =>
      from ? [{ certificateSecret: from.secretArn }] : [],
    );
  if (speaksOf(CERTIFICATE_SECRET_KEY))
    return certificates(config).flatMap(({ importFrom: from }) =>
      from?.keyArn ? [{ certificateSecretKey: from.keyArn }] : [],
    );
  return [{}];
}

const certificates = (config: DeploymentConfig) => Object.values(config.certificates);

function fill(resource: string, values: Values): string {
  return resource.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new PlaceholderError(resource, name);
    return value;
  });
}

const services = (config: DeploymentConfig): Values[] =>
  Object.entries(config.services).map(([key, { cluster, service }]) => ({ cluster, service: service ?? key }));

const pairServices = ({ pairs, services: all }: DeploymentConfig): Values[] =>
  Object.values(pairs).flatMap(({ tasks }) =>
    Object.keys(tasks).flatMap((key) => {
      const found = all[key];
      return found ? [{ pairCluster: found.cluster, pairService: found.service ?? key }] : [];
    }),
  );

const failBacks = ({ pairs, databases: all }: DeploymentConfig): Values[] =>
  Object.values(pairs).flatMap(({ failBack, replica }) => {
    const found = all[replica];
    return failBack && found
      ? [
          {
            ...{ failBackDatabase: failBack.database, failBackReplica: replica },
            ...{ failBackResourceId: found.resourceId, failBackUser: found.user },
          },
        ]
      : [];
  });

const failBackServices = ({ pairs }: DeploymentConfig): Values[] =>
  Object.values(pairs).flatMap(({ failBack }) =>
    Object.entries(failBack?.services ?? {}).map(([key, { cluster, service }]) => ({
      ...{ failBackCluster: cluster, failBackService: service ?? key },
    })),
  );

const functionOf = (deployment: string): string => `nightshift-${deployment}-set-authority`;

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

const records = (config: DeploymentConfig): Values[] =>
  Object.values(config.endpoints).map(({ zoneId, recordName, recordType }) => ({
    ...{ zone: zoneId, recordName: normalizedName(recordName), recordType },
  }));

/**
 * "Using IAM policy conditions for fine-grained access control", Amazon Route 53 Developer Guide: lower case, without the dot at the end; what isn't a letter, digit,
 * hyphen, underscore or dot as an octal escape.
 */
export const normalizedName = (name: string): string =>
  name
    .toLowerCase()
    .replace(/\.$/, '')
    .replace(/[^a-z0-9_.-]/g, (found) => `\\${found.charCodeAt(0).toString(8).padStart(3, '0')}`);

const standbyServices = ({ checks, services: all }: DeploymentConfig): Values[] =>
  Object.entries(checks?.standby?.services ?? {}).flatMap(([key, { cluster, service }]) => {
    const own = all[key];
    if (!own) return [];
    const name = own.service ?? key;
    return [
      {
        ...{ guardedCluster: own.cluster, guardedService: name },
        ...{ standbyCluster: cluster, standbyService: service ?? name, standbyServices: '*' },
      },
    ];
  });

const standbyDatabases = ({ checks }: DeploymentConfig): Values[] =>
  Object.entries(checks?.standby?.databases ?? {}).map(([key, { replica }]) => ({
    ...{ guardedDatabase: key, standbyReplica: replica, standbyReplicas: '*' },
  }));

/** Databases whose backups are copied to the standby region. */
const copied = (config: DeploymentConfig) =>
  Object.entries(config.databases).flatMap(([key, { backup }]) =>
    backup?.copy ? [{ key, copy: backup.copy, isProved: backup.verify !== undefined }] : [],
  );

/** Databases whose proved backups are exported to S3. */
const exported = (config: DeploymentConfig) =>
  Object.entries(config.databases).flatMap(([key, { backup }]) => (backup?.export ? [{ key, to: backup.export }] : []));

/** Databases that a recovery plan may restore. */
const restored = (config: DeploymentConfig) =>
  Object.entries(config.databases).flatMap(([key, { restore }]) => (restore ? [{ key, restore }] : []));

/** Databases of whose services a recovery plan rotates the password. */
const rotated = (config: DeploymentConfig) =>
  Object.values(config.databases).flatMap(({ resourceId, rotation }) => (rotation ? [{ resourceId, rotation }] : []));

/** Services that depend on one of the chosen databases. */
const dependants = (config: DeploymentConfig, isChosen: (database: DeploymentConfig['databases'][string]) => boolean) =>
  Object.entries(config.services).flatMap(([key, { cluster, service = key, dependsOn }]) =>
    dependsOn.some((name) => config.databases[name] !== undefined && isChosen(config.databases[name]))
      ? [{ cluster, service }]
      : [],
  );

/** Databases whose backups are restored to prove them. */
const verified = (config: DeploymentConfig): Values[] =>
  Object.entries(config.databases).flatMap(([key, { backup }]) =>
    backup?.verify
      ? [{ verifiedDatabase: key, verifySubnetGroup: backup.verify.subnetGroup, verifyUser: backup.verify.user }]
      : [],
  );

/** The ARNs as cdk-nag writes them in a finding's id: references of CloudFormation's own as `<AWS::...>`. */
export function asFindings(scope: Construct, resource: string, config: DeploymentConfig): string[] {
  const { partition, region, account } = Stack.of(scope);
  const shown = (value: string, pseudo: string) => (Token.isUnresolved(value) ? `<AWS::${pseudo}>` : value);
  const own = {
    partition: shown(partition, 'Partition'),
    region: shown(region, 'Region'),
    account: shown(account, 'AccountId'),
    standbyRegion: config.standbyRegion,
    deployment: config.name,
  };
  return expandResource(resource, own, config);
}
