/**
 * The public endpoint behind signed links and PagerDuty's webhook: an HTTP API in front of one function (docs/decisions/0060). It is throttled before
 * any function starts, so whoever floods it takes neither the account's concurrency nor its money.
 */
import { CfnApi, CfnIntegration, CfnRoute, CfnStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { CfnPermission } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { CfnOutput, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { approvalKey } from '../../functions/engine/approval.ts';
import type { IncidentFunctionManifest } from '../../functions/incidents/manifest.ts';
import type { DeploymentConfig } from '../config/schema.ts';
import { type Deployment, functionNameOf, NightshiftFunction } from './nightshift-function.ts';
import type { Remediation } from './remediation.ts';
import { secretStatements } from './secret-statements.ts';

export interface LinksProps {
  readonly deployment: Deployment;
  readonly manifest: IncidentFunctionManifest;
  readonly links: NonNullable<DeploymentConfig['links']>;
  /** By name: whom it tells that a change was approved. */
  readonly remediations: ReadonlyMap<string, Remediation>;
}

/** Everything else is answered 404 by API Gateway itself. */
const LINK_ROUTES = ['GET /act/{token}', 'HEAD /act/{token}', 'POST /act/{token}'];
const PAGERDUTY_ROUTE = 'POST /pagerduty';
/** Longer than the function's own timeout could help nobody: PagerDuty waits 5 s, a person little longer. */
const TIMEOUT_MS = 25_000;

export class Links extends Construct {
  /** `https://<id>.execute-api.<region>.amazonaws.com` */
  readonly url: string;

  constructor(scope: Construct, { deployment, manifest, links, remediations }: LinksProps) {
    super(scope, 'Links');
    const fn = this.#function(deployment, manifest, links, remediations);
    const { config } = deployment;
    const api = new CfnApi(this, 'Api', {
      name: functionNameOf(config.name, 'links'),
      protocolType: 'HTTP',
      description: `Signed links and webhooks of Nightshift ${config.name}.`,
    });
    const integration = new CfnIntegration(this, 'Integration', {
      apiId: api.ref,
      integrationType: 'AWS_PROXY',
      integrationUri: fn.function.functionArn,
      payloadFormatVersion: '2.0',
      timeoutInMillis: TIMEOUT_MS,
    });
    const routes = [...LINK_ROUTES, ...(links.pagerDuty ? [PAGERDUTY_ROUTE] : [])];
    for (const [index, routeKey] of routes.entries()) this.#route(index, routeKey, api, integration);
    this.#stage(api, deployment.config, links);
    const { partition, region, account } = Stack.of(this);
    new CfnPermission(this, 'Permission', {
      action: 'lambda:InvokeFunction',
      functionName: fn.function.functionArn,
      principal: 'apigateway.amazonaws.com',
      sourceArn: `arn:${partition}:execute-api:${region}:${account}:${api.ref}/*`,
    });
    this.url = api.attrApiEndpoint;
    new CfnOutput(Stack.of(this), 'LinksUrl', { value: this.url });
  }

  #function(
    deployment: Deployment,
    manifest: IncidentFunctionManifest,
    links: LinksProps['links'],
    remediations: LinksProps['remediations'],
  ): NightshiftFunction {
    const functions = Object.fromEntries(
      [...remediations.keys()].map((name) => [name, functionNameOf(deployment.config.name, name)]),
    );
    const fn = new NightshiftFunction(this, 'Function', {
      deployment,
      manifest,
      environment: { NIGHTSHIFT_FUNCTIONS: JSON.stringify(functions) },
      reservedConcurrency: links.reservedConcurrency,
      journal: {
        actions: ['BatchGetItem', 'ConditionCheckItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem'],
        // What people do: to targets, work, incidents and approvals; and what it remembers of links and webhooks.
        writes: ['TARGET#*', 'WORK#*', 'INCIDENT#*', approvalKey('*').pk, 'LINK#*', 'WEBHOOK#*'],
      },
    });
    const secrets = [links.signingSecretArn, ...(links.pagerDuty ? [links.pagerDuty.webhookSecretArn] : [])];
    for (const statement of secretStatements(secrets, links.secretKeyArn)) fn.role.addToPolicy(statement);
    if (remediations.size > 0)
      fn.allow(
        ['lambda:InvokeFunction'],
        [...remediations.values()].map((remediation) => remediation.function.functionArn),
      );
    return fn;
  }

  #route(index: number, routeKey: string, api: CfnApi, integration: CfnIntegration): void {
    const route = new CfnRoute(this, `Route${index}`, {
      apiId: api.ref,
      routeKey,
      target: `integrations/${integration.ref}`,
    });
    Validations.of(route).acknowledge({
      id: 'AwsSolutions-APIG4',
      reason:
        'Who comes here has no AWS identity: the signature in the address, or of the webhook, is the authorization, and the function checks it first.',
    });
  }

  /** Addresses hold tokens, so the access log names the route, never the path. */
  #stage(api: CfnApi, config: DeploymentConfig, { requestsPerSecond, burst }: LinksProps['links']): void {
    const access = new LogGroup(this, 'Access', {
      logGroupName: `/aws/apigateway/${functionNameOf(config.name, 'links')}`,
      retention: config.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    new CfnStage(this, 'Stage', {
      apiId: api.ref,
      stageName: '$default',
      autoDeploy: true,
      defaultRouteSettings: { throttlingRateLimit: requestsPerSecond, throttlingBurstLimit: burst },
      accessLogSettings: {
        destinationArn: access.logGroupArn,
        format: JSON.stringify({
          at: '$context.requestTime',
          from: '$context.identity.sourceIp',
          route: '$context.routeKey',
          status: '$context.status',
          ms: '$context.responseLatency',
          id: '$context.requestId',
        }),
      },
    });
  }
}
