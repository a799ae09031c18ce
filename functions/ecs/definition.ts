/** A task definition with its tags. */
import { DescribeTaskDefinitionCommand, type ECSClient, type Tag, type TaskDefinition } from '@aws-sdk/client-ecs';
import { classifyAwsError } from '../engine/errors.ts';

export interface Definition {
  readonly definition: TaskDefinition;
  readonly tags: Readonly<Record<string, string>>;
}

/** @throws EngineError when it can't be read, also when there is no such definition. */
export async function readDefinition(ecs: ECSClient, taskDefinition: string): Promise<Definition> {
  try {
    const reply = await ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition, include: ['TAGS'] }));
    const pairs = (reply.tags ?? []).map(({ key = '', value = '' }: Tag) => [key, value]);
    return { definition: reply.taskDefinition ?? {}, tags: Object.fromEntries(pairs) };
  } catch (error) {
    throw classifyAwsError(`describe task definition ${taskDefinition}`, error);
  }
}
