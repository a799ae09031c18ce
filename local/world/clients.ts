/** AWS SDK clients that reach a world through its gateway, as a person with the AWS CLI would. */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ECSClient } from '@aws-sdk/client-ecs';
import { RDSClient } from '@aws-sdk/client-rds';

export interface Clients {
  readonly cloudwatch: CloudWatchClient;
  readonly dynamodb: DynamoDBClient;
  readonly ecs: ECSClient;
  readonly rds: RDSClient;
}

/** Known in the recorded calls as the caller of what scenarios and tests do themselves. */
export const OPERATOR = 'operator';

/** @param endpoint the gateway's URL. Made once for each region; `destroy` ends their connections. */
export function makeClients(endpoint: string): { clients(region: string): Clients; destroy(): void } {
  const made = new Map<string, Clients>();
  return {
    clients(region) {
      const known = made.get(region);
      if (known) return known;
      const settings = {
        endpoint,
        region,
        userAgentAppId: OPERATOR,
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      };
      const fresh = {
        cloudwatch: new CloudWatchClient(settings),
        dynamodb: new DynamoDBClient(settings),
        ecs: new ECSClient(settings),
        rds: new RDSClient(settings),
      };
      made.set(region, fresh);
      return fresh;
    },
    destroy() {
      for (const clients of made.values()) for (const client of Object.values(clients)) client.destroy();
    },
  };
}
