/**
 * One thing that the emulator's Parameter Store lacks: an earlier version by its number behind a colon ("Working with parameter versions", AWS Systems Manager User Guide: `GetParameter` with
 * `Name: name:version`). Everything else is the emulator's.
 */
import type { Gateway } from '../../gateway/gateway-types.ts';
import { jsonReply } from '../../gateway/reply.ts';
import { type AwsCall, AwsFault, type AwsReply, type StandIn } from '../../world/types.ts';

interface History {
  readonly Parameters?: readonly { readonly Version?: number }[];
  readonly NextToken?: string;
}

export function createSsm(gateway: Pick<Gateway, 'askEmulator'>): StandIn {
  return {
    services: ['ssm'],
    async handle(call: AwsCall): Promise<AwsReply | undefined> {
      const [, Name, version] = /^(.+):(\d+)$/.exec(String(call.params.Name ?? '')) ?? [];
      if (call.operation !== 'GetParameter' || Name === undefined) return undefined;
      const WithDecryption = call.params.WithDecryption === true;
      const history = await versionsOf(gateway, call.region, { Name, WithDecryption });
      const found = history.find((each) => each.Version === Number(version));
      if (!found)
        throw new AwsFault(
          'ParameterVersionNotFound',
          `Systems Manager could not find version ${version} of ${Name}. Verify the version and try again.`,
        );
      return jsonReply(call, { Parameter: { ...found, Selector: `:${version}` } });
    },
  };
}

async function versionsOf(gateway: Pick<Gateway, 'askEmulator'>, region: string, wanted: object) {
  const all: { readonly Version?: number }[] = [];
  let NextToken: string | undefined;
  do {
    const reply = (await gateway.askEmulator({
      ...{ service: 'ssm', region, target: 'AmazonSSM.GetParameterHistory' },
      body: { ...wanted, ...(NextToken !== undefined && { NextToken }) },
    })) as History;
    all.push(...(reply.Parameters ?? []));
    NextToken = reply.NextToken;
  } while (NextToken !== undefined);
  return all;
}
