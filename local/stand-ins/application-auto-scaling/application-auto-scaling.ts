/**
 * Application Auto Scaling for ECS services: a registered target's limits are really held, through ECS (API page "RegisterScalableTarget";
 * "How Application Auto Scaling works": capacity that is outside of the limits is brought to the nearest one). Scaling policies are stored
 * and described, never carried out.
 */
import type {
  DeleteScalingPolicyRequest,
  DeregisterScalableTargetRequest,
  DescribeScalableTargetsRequest,
  DescribeScalingActivitiesRequest,
  DescribeScalingPoliciesRequest,
  PutScalingPolicyRequest,
  RegisterScalableTargetRequest,
  ScalableTarget,
  ScalingActivity,
  ScalingPolicy,
} from '@aws-sdk/client-application-auto-scaling';
import type { StandIn, WorldContext } from '../../world/types.ts';
import { AwsFault } from '../../world/types.ts';
import { page } from '../cloudwatch/describe.ts';
import type { Operation, Wire } from '../cloudwatch/wire.ts';
import { answer, operation } from '../cloudwatch/wire.ts';
import { wired } from '../ecs/describe.ts';
import type { Ecs } from '../ecs/ecs.ts';

export interface ApplicationAutoScaling extends StandIn {
  /** Holds limits by the clock too, so that a desired count changed by others is brought back; the first target begins it anyway. */
  start(): void;
  /** Called by the world's stop too. */
  stop(): void;
}

const DIMENSION = 'ecs:service:DesiredCount';
const HOLD_EVERY_MS = 2_000;
/** A changed limit takes effect a moment later, as on AWS: a caller that reads at once still sees the old count. */
const HOLD_AFTER_MS = 300;
const ACTIVITIES_KEPT = 100;

interface RegionRecord {
  readonly targets: Map<string, ScalableTarget>;
  readonly policies: Map<string, ScalingPolicy>;
  readonly activities: ScalingActivity[];
}

const invalid = (message: string): AwsFault => new AwsFault('ValidationException', message);

/** `service/<cluster>/<service>`. @throws AwsFault `ValidationException`. */
function serviceOf(resourceId: string | undefined): { cluster: string; service: string } {
  const [kind, cluster, service, more] = (resourceId ?? '').split('/');
  if (kind !== 'service' || !cluster || !service || more !== undefined)
    throw invalid(`ResourceId: expected service/<cluster>/<service>, got ${resourceId}; other kinds aren't known here`);
  return { cluster, service };
}

function checkKind(input: { ServiceNamespace?: string | undefined; ScalableDimension?: string | undefined }): void {
  if (input.ServiceNamespace !== 'ecs')
    throw invalid(`ServiceNamespace: ${input.ServiceNamespace} is not part of the local world, only ecs is`);
  if (input.ScalableDimension !== undefined && input.ScalableDimension !== DIMENSION)
    throw invalid(`ScalableDimension: expected ${DIMENSION}, got ${input.ScalableDimension}`);
}

export function createApplicationAutoScaling(world: WorldContext, deps: { readonly ecs: Ecs }): ApplicationAutoScaling {
  const regions = new Map<string, RegionRecord>();
  const timers = new Set<NodeJS.Timeout>();
  let holding = false;

  function regionOf(name: string): RegionRecord {
    const known = regions.get(name);
    if (known) return known;
    const made: RegionRecord = { targets: new Map(), policies: new Map(), activities: [] };
    regions.set(name, made);
    return made;
  }

  /** Brings one service inside its limits, unless that direction is suspended. */
  function hold(name: string, region: RegionRecord, target: ScalableTarget): void {
    const { cluster, service } = serviceOf(target.ResourceId);
    const desired = deps.ecs.desiredCount(name, cluster, service);
    if (desired === undefined) return;
    const wanted = Math.min(Math.max(desired, target.MinCapacity ?? 0), target.MaxCapacity ?? desired);
    const suspended =
      wanted > desired
        ? target.SuspendedState?.DynamicScalingOutSuspended
        : target.SuspendedState?.DynamicScalingInSuspended;
    if (wanted === desired || suspended) return;
    const limit = wanted > desired ? 'minimum' : 'maximum';
    const cause = `desired capacity ${desired} was outside of the ${limit} ${wanted}`;
    deps.ecs.setDesiredCount(name, cluster, service, wanted);
    world.log('application-autoscaling', `${target.ResourceId}: ${cause}`);
    const at = new Date();
    region.activities.unshift({
      ActivityId: crypto.randomUUID(),
      ServiceNamespace: 'ecs',
      ResourceId: target.ResourceId,
      ScalableDimension: DIMENSION,
      Description: `Setting desired count to ${wanted}.`,
      Cause: cause,
      StartTime: at,
      EndTime: at,
      StatusCode: 'Successful',
      StatusMessage: `Successfully set desired count to ${wanted}.`,
    });
    region.activities.splice(ACTIVITIES_KEPT);
  }

  function holdAll(): void {
    for (const [name, region] of regions) for (const target of region.targets.values()) hold(name, region, target);
  }

  function start(): void {
    if (!holding) timers.add(setInterval(holdAll, HOLD_EVERY_MS));
    holding = true;
  }

  function stop(): void {
    for (const timer of timers) clearInterval(timer);
    timers.clear();
    holding = false;
  }

  function register(region: RegionRecord, input: Wire<RegisterScalableTargetRequest>, name: string): unknown {
    checkKind(input);
    const { cluster, service } = serviceOf(input.ResourceId);
    const before = region.targets.get(input.ResourceId ?? '');
    if (!before && deps.ecs.desiredCount(name, cluster, service) === undefined)
      throw invalid(`ECS service doesn't exist: ${input.ResourceId}`);
    const MinCapacity = input.MinCapacity ?? before?.MinCapacity;
    const MaxCapacity = input.MaxCapacity ?? before?.MaxCapacity;
    if (MinCapacity === undefined || MaxCapacity === undefined)
      throw invalid('MinCapacity, MaxCapacity: both are required to register a new target');
    if (MinCapacity < 0 || MinCapacity > MaxCapacity)
      throw invalid('Maximum capacity cannot be less than minimum capacity');
    const arn = `arn:aws:application-autoscaling:${name}:${world.accountId}:scalable-target/${crypto.randomUUID().replaceAll('-', '').slice(0, 20)}`;
    const target: ScalableTarget = {
      ServiceNamespace: 'ecs',
      ResourceId: input.ResourceId,
      ScalableDimension: DIMENSION,
      MinCapacity,
      MaxCapacity,
      RoleARN: `arn:aws:iam::${world.accountId}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService`,
      CreationTime: before?.CreationTime ?? new Date(),
      SuspendedState: {
        DynamicScalingInSuspended: false,
        DynamicScalingOutSuspended: false,
        ScheduledScalingSuspended: false,
        ...before?.SuspendedState,
        ...input.SuspendedState,
      },
      ScalableTargetARN: before?.ScalableTargetARN ?? arn,
    };
    region.targets.set(input.ResourceId ?? '', target);
    start();
    const timer = setTimeout(() => {
      timers.delete(timer);
      holdAll();
    }, HOLD_AFTER_MS);
    timers.add(timer);
    return { ScalableTargetARN: target.ScalableTargetARN };
  }

  function paged<T>(
    key: string,
    all: readonly T[],
    input: { MaxResults?: number | undefined; NextToken?: string | undefined },
  ) {
    const { items, next } = page(all, input.MaxResults ?? 50, input.NextToken);
    return wired({ [key]: items, ...(next && { NextToken: next }) });
  }

  const on = <Input>(run: (region: RegionRecord, input: Wire<Input>, name: string) => unknown): Operation =>
    operation<Input>((input, call) => run(regionOf(call.region), input, call.region));
  const policyKey = (input: { ResourceId?: string | undefined; PolicyName?: string | undefined }): string =>
    `${input.ResourceId} ${input.PolicyName}`;
  const missing = (what: string): AwsFault => new AwsFault('ObjectNotFoundException', `No ${what} found`);

  const operations: Readonly<Record<string, Operation>> = {
    RegisterScalableTarget: on<RegisterScalableTargetRequest>(register),
    DescribeScalableTargets: on<DescribeScalableTargetsRequest>((region, input) => {
      checkKind(input);
      const ids = input.ResourceIds ?? [];
      const wanted = [...region.targets.values()].filter((t) => ids.length === 0 || ids.includes(t.ResourceId ?? ''));
      return paged('ScalableTargets', wanted, input);
    }),
    DeregisterScalableTarget: on<DeregisterScalableTargetRequest>((region, input) => {
      checkKind(input);
      if (!region.targets.delete(input.ResourceId ?? '')) throw missing(`scalable target ${input.ResourceId}`);
    }),
    PutScalingPolicy: on<PutScalingPolicyRequest>((region, input, name) => {
      checkKind(input);
      if (!region.targets.has(input.ResourceId ?? '')) throw missing(`scalable target ${input.ResourceId}`);
      const before = region.policies.get(policyKey(input));
      const arn = `arn:aws:autoscaling:${name}:${world.accountId}:scalingPolicy:${crypto.randomUUID()}:resource/ecs/${input.ResourceId}:policyName/${input.PolicyName}`;
      const policy: ScalingPolicy = {
        ...(input as PutScalingPolicyRequest),
        PolicyType: input.PolicyType ?? 'StepScaling',
        PolicyARN: before?.PolicyARN ?? arn,
        CreationTime: before?.CreationTime ?? new Date(),
      };
      region.policies.set(policyKey(input), policy);
      return { PolicyARN: policy.PolicyARN, Alarms: [] };
    }),
    DescribeScalingPolicies: on<DescribeScalingPoliciesRequest>((region, input) => {
      checkKind(input);
      const names = input.PolicyNames ?? [];
      const wanted = [...region.policies.values()].filter(
        (policy) =>
          (!input.ResourceId || policy.ResourceId === input.ResourceId) &&
          (names.length === 0 || names.includes(policy.PolicyName ?? '')),
      );
      return paged('ScalingPolicies', wanted, input);
    }),
    DeleteScalingPolicy: on<DeleteScalingPolicyRequest>((region, input) => {
      checkKind(input);
      if (!region.policies.delete(policyKey(input))) throw missing(`scaling policy ${input.PolicyName}`);
    }),
    DescribeScalingActivities: on<DescribeScalingActivitiesRequest>((region, input) => {
      checkKind(input);
      const wanted = region.activities.filter((a) => !input.ResourceId || a.ResourceId === input.ResourceId);
      return paged('ScalingActivities', wanted, input);
    }),
  };

  world.onStop('Application Auto Scaling', stop);
  return { services: ['application-autoscaling'], handle: (call) => answer(call, operations), start, stop };
}
