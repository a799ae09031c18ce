/** Which tasks of a service are looked at. */
import type { ECSClient } from '@aws-sdk/client-ecs';
import { describe, expect, it } from '@jest/globals';
import { readTasks } from '../../../functions/ecs/tasks.ts';
import { service } from '../../support/fixtures.ts';

/** Answers as ECS does for a service with so many pages of one task each. */
const ecsWith = (pages: number): ECSClient =>
  ({
    send: async ({ input }: { readonly input: { readonly nextToken?: string; readonly tasks?: string[] } }) => {
      if (input.tasks) return { tasks: input.tasks.map((taskArn) => ({ taskArn })) };
      const page = Number(input.nextToken ?? 0);
      return { taskArns: [`task-${page}`], ...(page + 1 < pages && { nextToken: String(page + 1) }) };
    },
  }) as unknown as ECSClient;
const arns = (tasks: Awaited<ReturnType<typeof readTasks>>) => tasks.map(({ taskArn }) => taskArn);

describe('the tasks of a service', () => {
  it('are those of the first page, where a few tell enough', async () => {
    expect(arns(await readTasks(ecsWith(3), service, 'STOPPED'))).toEqual(['task-0']);
  });

  it('are all of them where each counts: one that still stops may be behind hundreds that have stopped', async () => {
    expect(arns(await readTasks(ecsWith(3), service, 'STOPPED', 3))).toEqual(['task-0', 'task-1', 'task-2']);
  });

  it('are no answer where some could not be looked at', async () => {
    await expect(readTasks(ecsWith(4), service, 'STOPPED', 3)).rejects.toThrow(/more than 3 pages/);
  });
});
