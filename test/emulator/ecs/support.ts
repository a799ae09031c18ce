/** A real world with CloudWatch and ECS behind the real gateway, for tests that start processes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { ECSClient } from '@aws-sdk/client-ecs';
import { startGateway } from '../../../local/gateway/index.ts';
import { createApplicationAutoScaling } from '../../../local/stand-ins/application-auto-scaling/application-auto-scaling.ts';
import { createCloudWatch } from '../../../local/stand-ins/cloudwatch/cloudwatch.ts';
import type { EcsOptions } from '../../../local/stand-ins/ecs/ecs.ts';
import { createEcs } from '../../../local/stand-ins/ecs/ecs.ts';
import { openWorld } from '../../../local/world/context.ts';
import type { AwsEvent } from '../../../local/world/types.ts';

export const REGION = 'eu-west-1';

export async function openTestWorld(options: EcsOptions = {}) {
  const root = mkdtempSync(join(tmpdir(), 'nightshift-ecs-'));
  const world = await openWorld({ name: 'ecs-test', timeScale: 1, report: () => {}, region: REGION, root });
  const events: AwsEvent[] = [];
  const sink = {
    publish: async (event: AwsEvent) => {
      events.push(event);
      return { id: String(events.length) };
    },
  };
  const gateway = await startGateway(world);
  const cloudwatch = createCloudWatch(world, { events: sink });
  const ecs = createEcs(world, { metrics: cloudwatch, events: sink }, options);
  const autoScaling = createApplicationAutoScaling(world, { ecs });
  for (const standIn of [cloudwatch, ecs, autoScaling]) gateway.register(standIn);
  ecs.start();
  autoScaling.start();
  const config = {
    endpoint: gateway.url,
    region: REGION,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    userAgentAppId: 'tester',
  };
  const clients = { ecs: new ECSClient(config), cloudwatch: new CloudWatchClient(config) };
  return {
    world,
    gateway,
    cloudwatch,
    ecs,
    events,
    config,
    clients,
    async close() {
      for (const client of Object.values(clients)) client.destroy();
      cloudwatch.stop();
      autoScaling.stop();
      await ecs.stop();
      await gateway.close();
      await world.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export type TestWorld = Awaited<ReturnType<typeof openTestWorld>>;

/** Waits until `check` gives something; fails with what was waited for. */
export async function eventually<T>(
  what: string,
  check: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs = 20_000,
): Promise<T> {
  const endMs = Date.now() + withinMs;
  while (Date.now() < endMs) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited ${withinMs} ms for: ${what}`);
}
