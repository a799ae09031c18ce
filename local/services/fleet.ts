/** The storm scenario's fleet: many small services, of which only the first few have a task, so that a small machine bears them. */
import {
  CreateClusterCommand,
  CreateServiceCommand,
  type ECSClient,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';

export const FLEET = {
  cluster: 'fleet',
  /** Environment variable that puts so many services into the demo's configuration. */
  variable: 'NIGHTSHIFT_DEMO_FLEET',
} as const;

/** Names of the fleet's services, which are also their keys in the configuration. */
export const fleetServices = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `fleet-${String(index + 1).padStart(3, '0')}`);

/**
 * Makes the cluster and its services through ECS's API.
 * @param running how many of them, from the first on, want one task; the others want none.
 * @throws Error of the SDK when a call is refused.
 */
export async function seedFleet(ecs: ECSClient, names: readonly string[], running: number): Promise<void> {
  await ecs.send(new CreateClusterCommand({ clusterName: FLEET.cluster }));
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: FLEET.cluster,
      cpu: '256',
      memory: '512',
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      containerDefinitions: [{ name: FLEET.cluster, image: `${FLEET.cluster}:1`, essential: true }],
    }),
  );
  for (const [index, serviceName] of names.entries())
    await ecs.send(
      new CreateServiceCommand({
        cluster: FLEET.cluster,
        serviceName,
        taskDefinition: taskDefinition?.taskDefinitionArn,
        desiredCount: index < running ? 1 : 0,
        launchType: 'FARGATE',
      }),
    );
}
