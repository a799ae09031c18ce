/**
 * Where functions that speak SQL run: beside the databases, with no way out but to them and to DynamoDB (design section 5, Idle
 * connections). No NAT and no paid endpoint: the login token is signed locally, logs and failure records leave by Lambda itself.
 */

import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { CfnSecurityGroup, CfnSecurityGroupEgress, CfnSecurityGroupIngress, CfnVPCEndpoint } from 'aws-cdk-lib/aws-ec2';
import { AnyPrincipal, Effect, PolicyDocument, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { CfnFunction, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Lazy, Stack, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { DeploymentConfig } from '../config/schema.ts';

export interface DatabaseNetworkProps {
  readonly config: DeploymentConfig;
  readonly network: NonNullable<DeploymentConfig['network']>;
  readonly table: Table;
}

/**
 * RDS's certificate authorities are no longer in Node.js's store by themselves from Node.js 20 on ("Building Lambda functions with
 * Node.js", Runtime certificate loading).
 */
export const RDS_AUTHORITIES = { NODE_EXTRA_CA_CERTS: '/var/runtime/ca-cert.pem' };

/** One security group, one rule each way for each database, and the DynamoDB gateway endpoint. */
export class DatabaseNetwork extends Construct implements FunctionNetwork {
  readonly environment = RDS_AUTHORITIES;
  readonly #group: CfnSecurityGroup;
  readonly #subnetIds: string[];
  readonly #roleArns: string[] = [];

  constructor(scope: Construct, id: string, { config, network, table }: DatabaseNetworkProps) {
    super(scope, id);
    this.#subnetIds = network.subnetIds;
    this.#group = new CfnSecurityGroup(this, 'Group', {
      groupDescription: `Nightshift ${config.name}: functions that speak SQL`,
      vpcId: network.vpcId,
      // Without any rule EC2 adds one that allows everything; this is the one to DynamoDB.
      securityGroupEgress: [
        {
          ipProtocol: 'tcp',
          fromPort: 443,
          toPort: 443,
          destinationPrefixListId: network.dynamoDbPrefixListId,
          description: 'DynamoDB, by its gateway endpoint',
        },
      ],
    });
    for (const [name, database] of Object.entries(config.databases)) this.#openTo(name, database);
    if (network.dynamoDbEndpoint === 'create') this.#endpoint(network, table);
  }

  #openTo(name: string, { port, securityGroupId }: DeploymentConfig['databases'][string]): void {
    const rule = { ipProtocol: 'tcp', fromPort: port, toPort: port };
    new CfnSecurityGroupEgress(this, `To-${name}`, {
      ...rule,
      groupId: this.#group.attrGroupId,
      destinationSecurityGroupId: securityGroupId,
      description: `To ${name}`,
    });
    new CfnSecurityGroupIngress(this, `Into-${name}`, {
      ...rule,
      groupId: securityGroupId,
      sourceSecurityGroupId: this.#group.attrGroupId,
      description: 'From Nightshift',
    });
  }

  /**
   * "Gateway endpoints for Amazon DynamoDB": free, entered in the route tables. Whoever else uses those subnets goes through it too, so its
   * policy narrows only what Nightshift's own functions reach: the journal.
   */
  #endpoint(network: DatabaseNetworkProps['network'], table: Table): void {
    const everyone = { principals: [new AnyPrincipal()], actions: ['dynamodb:*'] };
    new CfnVPCEndpoint(this, 'DynamoDb', {
      serviceName: `com.amazonaws.${Stack.of(this).region}.dynamodb`,
      vpcEndpointType: 'Gateway',
      vpcId: network.vpcId,
      routeTableIds: network.routeTableIds,
      policyDocument: new PolicyDocument({
        statements: [
          new PolicyStatement({ ...everyone, effect: Effect.ALLOW, resources: ['*'] }),
          new PolicyStatement({
            ...everyone,
            effect: Effect.DENY,
            notResources: [table.tableArn, `${table.tableArn}/index/*`],
            conditions: { ArnEquals: { 'aws:PrincipalArn': Lazy.list({ produce: () => this.#roleArns }) } },
          }),
        ],
      }),
    });
  }

  attach(handler: LambdaFunction, role: Role): void {
    attach(handler, role, { subnetIds: this.#subnetIds, securityGroupIds: [this.#group.attrGroupId] });
    this.#roleArns.push(role.roleArn);
  }
}

/** Where a function runs that isn't out in the open. */
export interface FunctionNetwork {
  /** What its functions need to know to be there. */
  readonly environment: Readonly<Record<string, string>>;
  attach(handler: LambdaFunction, role: Role): void;
}

/** Puts a function into a network and gives its role what Lambda needs to make the interfaces, but not to the function's code. */
export function attach(handler: LambdaFunction, role: Role, vpcConfig: CfnFunction.VpcConfigProperty): void {
  const function_ = handler.node.defaultChild;
  if (!(function_ instanceof CfnFunction)) throw new Error(`${handler.node.path}: the function has no CfnFunction`);
  function_.vpcConfig = vpcConfig;
  role.addToPolicy(new PolicyStatement({ actions: INTERFACE_ACTIONS, resources: ['*'] }));
  const { partition, region, account } = Stack.of(handler);
  role.addToPolicy(
    new PolicyStatement({
      effect: Effect.DENY,
      actions: INTERFACE_ACTIONS,
      resources: ['*'],
      conditions: {
        ArnEquals: {
          // The name, not a reference: the policy must exist before the function, which needs it to be made.
          'lambda:SourceFunctionArn': `arn:${partition}:lambda:${region}:${account}:function:${function_.functionName}`,
        },
      },
    }),
  );
  // Lambda makes the interfaces while it makes the function, so the role must hold the permission by then.
  handler.node.addDependency(role);
  Validations.of(role).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason:
      'Lambda makes the network interfaces with this role, and DescribeNetworkInterfaces works on all resources only ("Giving Lambda functions access to resources in an Amazon VPC"); the function itself is denied them.',
  });
}

/** "Giving Lambda functions access to resources in an Amazon VPC", Required IAM permissions. */
const INTERFACE_ACTIONS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];
