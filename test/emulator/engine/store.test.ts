import { type BatchGetItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NEW_TARGET, targetKey } from '../../../functions/engine/items.ts';
import { Store } from '../../../functions/engine/store.ts';
import { putTarget } from '../../../functions/engine/writes.ts';
import { type EngineWorld, openEngineWorld } from '../../support/engine-world.ts';

let world: EngineWorld;
beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world?.close());

/** Refuses what DynamoDB refuses: "BatchGetItem", Amazon DynamoDB API Reference. */
class StrictClient extends DynamoDBClient {
  constructor() {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    super({ endpoint: world.gateway.url, region: 'us-east-1', credentials });
    this.middlewareStack.add(
      (next) => async (args) => {
        const { RequestItems } = args.input as BatchGetItemCommand['input'];
        const keys = (RequestItems?.journal?.Keys ?? []).map((key) => JSON.stringify(key));
        if (keys.length > 100) throw new Error('too many items requested for the BatchGetItem call');
        if (new Set(keys).size < keys.length) throw new Error('provided list of item keys contains duplicates');
        return next(args);
      },
      { step: 'initialize' },
    );
  }
}

describe('reading many items at once', () => {
  it('asks for each once and for no more than 100 in a call, and returns all that exist', async () => {
    const names = Array.from({ length: 130 }, (_, index) => `ecs-service/orders/many-${index}`);
    for (const name of names) await world.store.transact([putTarget('journal', name, 0, NEW_TARGET)]);
    const store = new Store('journal', new StrictClient());
    const found = await store.readAll([...names, ...names, 'ecs-service/orders/none'].map(targetKey));
    expect(found.size).toBe(130);
  });
});
