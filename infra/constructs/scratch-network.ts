/**
 * Where restored instances are read: one function that reaches them and nothing else, not even DynamoDB. A copy of production's data is as confidential as production,
 * and the function's login can read all of it.
 */
import { CfnSecurityGroup, CfnSecurityGroupIngress } from 'aws-cdk-lib/aws-ec2';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { DeploymentConfig } from '../config/schema.ts';
import { attach, type FunctionNetwork, RDS_AUTHORITIES } from './database-network.ts';

export interface ScratchNetworkProps {
  readonly config: DeploymentConfig;
}

export class ScratchNetwork extends Construct implements FunctionNetwork {
  readonly environment = RDS_AUTHORITIES;
  readonly #group: CfnSecurityGroup;
  readonly #subnetIds: readonly string[];

  constructor(scope: Construct, id: string, { config }: ScratchNetworkProps) {
    super(scope, id);
    const { network } = config;
    if (!network) throw new Error('network: needed to read restored backups; the configuration is checked for it');
    this.#subnetIds = network.subnetIds;
    const ways = waysOf(config);
    this.#group = new CfnSecurityGroup(this, 'Group', {
      groupDescription: `Nightshift ${config.name}: reads restored backups`,
      vpcId: network.vpcId,
      // Named here: rules of their own would leave the one in place that allows everything (AWS::EC2::SecurityGroup).
      securityGroupEgress: ways.map(({ group, port }) => ({
        ipProtocol: 'tcp',
        fromPort: port,
        toPort: port,
        destinationSecurityGroupId: group,
        description: 'To restored backups',
      })),
    });
    for (const { group, port } of ways)
      new CfnSecurityGroupIngress(this, `Into-${group}-${port}`, {
        ipProtocol: 'tcp',
        fromPort: port,
        toPort: port,
        groupId: group,
        sourceSecurityGroupId: this.#group.attrGroupId,
        description: 'From Nightshift',
      });
  }

  attach(handler: LambdaFunction, role: Role): void {
    attach(handler, role, { subnetIds: [...this.#subnetIds], securityGroupIds: [this.#group.attrGroupId] });
  }
}

/** Each security group of restored instances with each of their ports, once. */
function waysOf({ databases }: DeploymentConfig): { readonly group: string; readonly port: number }[] {
  const ways = Object.values(databases).flatMap(({ backup, port }) =>
    backup?.verify ? [{ group: backup.verify.securityGroupId, port }] : [],
  );
  return [...new Map(ways.map((way) => [`${way.group} ${way.port}`, way])).values()];
}
