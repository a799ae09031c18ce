import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';
import { describe, expect, it } from '@jest/globals';
import { createEcs } from '../../../local/stand-ins/ecs/ecs.ts';
import { clientConfig, keptEvents, quietWorld } from '../../unit/cloudwatch/support.ts';
import { eventually } from './support.ts';

describe('a task whose process can’t be started', () => {
  it('is a failed start of its deployment, told with the reason, and tried again later', async () => {
    const bus = keptEvents();
    // This world refuses every child.
    const ecs = createEcs(
      quietWorld(),
      { metrics: { put: () => {} }, events: bus },
      { startDelayMs: 1, healthEveryMs: 20 },
    );
    const client = new ECSClient(clientConfig(ecs));
    await client.send(new CreateClusterCommand({ clusterName: 'orders' }));
    const containerDefinitions = [{ name: 'backend', image: 'backend:1' }];
    await client.send(new RegisterTaskDefinitionCommand({ family: 'backend', containerDefinitions }));
    const service = { cluster: 'orders', serviceName: 'backend', taskDefinition: 'backend', desiredCount: 1 };
    await client.send(new CreateServiceCommand(service));
    const { services } = await eventually('the failed start is counted', async () => {
      const found = await client.send(new DescribeServicesCommand({ cluster: 'orders', services: ['backend'] }));
      return found.services?.[0]?.deployments?.[0]?.failedTasks === 1 && found;
    });
    expect(services?.[0]?.deployments).toMatchObject([
      { failedTasks: 1, runningCount: 0, rolloutState: 'IN_PROGRESS' },
    ]);
    const stopped = bus.events.map((event) => event.detail as { lastStatus?: string; stoppedReason?: string });
    expect(stopped.find((detail) => detail.lastStatus === 'STOPPED')?.stoppedReason).toMatch(/starts no children/);
    await ecs.stop();
  });
});
