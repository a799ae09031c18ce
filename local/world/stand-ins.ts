/** Makes a world's stand-ins and connects them: who publishes metrics and events to whom, and which of them the gateway asks. */
import type { Gateway } from '../gateway/index.ts';
import { publishToTopic } from '../gateway/services.ts';
import { ACCOUNTS } from '../services/accounts.ts';
import { type Acm, createAcm } from '../stand-ins/acm/acm.ts';
import { createApplicationAutoScaling } from '../stand-ins/application-auto-scaling/application-auto-scaling.ts';
import { type CloudWatch, createCloudWatch } from '../stand-ins/cloudwatch/cloudwatch.ts';
import { createEcs, type Ecs } from '../stand-ins/ecs/ecs.ts';
import { secretSource } from '../stand-ins/ecs/secrets.ts';
import { createEventSources } from '../stand-ins/event-sources/index.ts';
import { createEventBridge, type LocalEventBridge } from '../stand-ins/eventbridge/index.ts';
import { createHttpApis } from '../stand-ins/http-api/http-api.ts';
import { createLambda, type LocalLambda } from '../stand-ins/lambda/index.ts';
import { objectSink } from '../stand-ins/rds/exports.ts';
import { createRds, type Rds } from '../stand-ins/rds/rds.ts';
import { createRoute53, type Route53 } from '../stand-ins/route53/route53.ts';
import { createScheduler, type LocalScheduler } from '../stand-ins/scheduler/index.ts';
import { measureQueues } from '../stand-ins/sqs/metrics.ts';
import { createSsm } from '../stand-ins/ssm/ssm.ts';
import { createStepFunctions, type LocalStepFunctions } from '../stand-ins/step-functions/index.ts';
import { CACHE_DIR } from './state.ts';
import type { WorldContext } from './types.ts';

export interface StandIns {
  readonly lambda: LocalLambda;
  readonly eventbridge: LocalEventBridge;
  readonly scheduler: LocalScheduler;
  readonly cloudwatch: CloudWatch;
  readonly ecs: Ecs;
  readonly rds: Rds;
  readonly route53: Route53;
  readonly acm: Acm;
  readonly stepFunctions: LocalStepFunctions;
}

export interface StandInOptions {
  /** Waits and limits of state machines are multiplied by this; 1 unless said. */
  readonly waitScale?: number;
}

/** RDS isn't started: that takes a moment, and others can be used meanwhile. */
export async function makeStandIns(
  world: WorldContext,
  gateway: Gateway,
  { waitScale = 1 }: StandInOptions = {},
): Promise<StandIns> {
  const lambda = await createLambda(world, gateway);
  const eventbridge = createEventBridge(world, gateway, lambda);
  createEventSources(world, gateway, lambda);
  createHttpApis(world, gateway, lambda);
  const scheduler = createScheduler(world, gateway, lambda);
  const stepFunctions = createStepFunctions(world, gateway, { lambda, events: eventbridge, waitScale });
  const cloudwatch = createCloudWatch(world, {
    events: eventbridge,
    lambda,
    publishToSns: (topicArn, _subject, message) => publishToTopic(gateway, topicArn, message),
  });
  lambda.setMetrics(cloudwatch);
  world.onStop(
    'metrics of queues',
    measureQueues(world, gateway, cloudwatch, () => new Date()),
  );
  const ecs = createEcs(world, { metrics: cloudwatch, events: eventbridge, secrets: secretSource(gateway) });
  const scaling = createApplicationAutoScaling(world, { ecs });
  const rds = createRds(world, {
    metrics: cloudwatch,
    events: eventbridge,
    objects: objectSink(gateway),
    cacheDir: CACHE_DIR,
    // Recovery plans are played on it.
    keepsLog: (id) => id === ACCOUNTS.database,
    mayConnect: ({ accessKeyId, region, resourceId, user }) =>
      gateway.permits(accessKeyId, region, {
        action: 'rds-db:connect',
        resource: `arn:aws:rds-db:${region}:${world.accountId}:dbuser:${resourceId}/${user}`,
      }),
  });
  const route53 = createRoute53(world, { metrics: cloudwatch });
  const acm = createAcm(world, { metrics: cloudwatch, events: eventbridge, cname: (name) => route53.cname(name) });
  for (const standIn of [cloudwatch, ecs, scaling, rds, route53, acm, createSsm(gateway)]) gateway.register(standIn);
  world.onStop('ECS services', () => ecs.stop());
  world.onStop('CloudWatch', () => cloudwatch.stop());
  ecs.start();
  cloudwatch.start();
  await route53.start();
  return { lambda, eventbridge, scheduler, cloudwatch, ecs, rds, route53, acm, stepFunctions };
}
