/** The notifier's code on the real emulator, with the vendors' receivers on this machine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SESv2Client } from '@aws-sdk/client-sesv2';
import { SNSClient } from '@aws-sdk/client-sns';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { Store } from '../../../functions/engine/store.ts';
import type { NotifyContext } from '../../../functions/incidents/notify/deliver.ts';
import { Deliveries } from '../../../functions/incidents/notify/deliveries.ts';
import type { ChannelConfig, Route } from '../../../functions/incidents/notify/manifest.ts';
import { readSecret, Secrets } from '../../../functions/incidents/secrets.ts';
import { startMinistack } from '../../../local/emulators/index.ts';
import { type Gateway, startGateway } from '../../../local/gateway/index.ts';
import { openWorld } from '../../../local/world/context.ts';
import { journalTable } from '../../support/engine-world.ts';
import {
  type Receiver,
  ROUTING_KEY,
  SIGNING_SECRET,
  SLACK_PATH,
  startReceiver,
  TEAMS_PATH,
} from '../../support/notify/receiver.ts';

export interface NotifyWorld {
  readonly gateway: Gateway;
  readonly emulatorUrl: string;
  readonly receiver: Receiver;
  readonly store: Store;
  /** What must never be seen anywhere but at the receiver. */
  readonly planted: readonly string[];
  /** By kind. */
  readonly channels: Readonly<Record<'slack' | 'teams' | 'pagerduty' | 'webhook', ChannelConfig>>;
  readonly clock: { now: number };
  /** A notifier, as a new process would have it; `channels` and `routing` are what a test is about. */
  notifier(channels: Readonly<Record<string, ChannelConfig>>, routing?: readonly Route[]): NotifyContext;
  items(): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export const EVERYTHING: Pick<Route, 'severities' | 'events'> = {
  severities: ['P1', 'P2', 'P3', 'P4'],
  events: ['opened', 'updated', 'escalated', 'resolved'],
};

export async function openNotifyWorld(): Promise<NotifyWorld> {
  const root = mkdtempSync(join(tmpdir(), 'nightshift-notify-test-'));
  const world = await openWorld({ name: 'notify', timeScale: 1, report: () => {}, root: join(root, 'worlds') });
  const gateway = await startGateway(world);
  const emulatorUrl = (await startMinistack(world, { endpointUrl: gateway.url })).url;
  gateway.upstreamUrl = emulatorUrl;
  const settings = {
    endpoint: gateway.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  // The clients that read secrets are made where they are used, from the environment.
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: gateway.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  const client = new DynamoDBClient(settings);
  await client.send(journalTable('journal'));
  const receiver = await startReceiver();
  const values = {
    slack: `${receiver.url}${SLACK_PATH}`,
    teams: `${receiver.url}${TEAMS_PATH}`,
    signing: SIGNING_SECRET,
    hook: `${receiver.url}/hook`,
  };
  const arns = await plant(settings, values);
  const perMinute = 100;
  const channels = {
    slack: { kind: 'slack', webhookSecretArn: arns.slack, perMinute },
    teams: { kind: 'teams', webhookSecretArn: arns.teams, perMinute },
    pagerduty: { kind: 'pagerduty', routingKeySecretArn: arns.routingKey, serviceRegion: 'us', perMinute },
    webhook: { kind: 'webhook', urlSecretArn: arns.hook, signingSecretArn: arns.signing, perMinute },
  } as const;
  const clock = { now: Date.parse('2026-11-20T03:00:00.000Z') };
  const store = new Store('journal', client);
  return {
    gateway,
    emulatorUrl,
    receiver,
    store,
    planted: [SLACK_PATH.split('/').at(-1) ?? '', 'SecretTeamsSignature0123', ROUTING_KEY, SIGNING_SECRET.slice(6)],
    channels,
    clock,
    notifier: (own, routing = [{ ...EVERYTHING, channels: Object.keys(own) }]) => ({
      config: { version: 1, deployment: 'test', channels: own, routing },
      deliveries: new Deliveries(store, client, () => clock.now),
      windows: [],
      sending: {
        secrets: new Secrets(readSecret),
        ses: new SESv2Client(settings),
        sns: new SNSClient(settings),
        linksUrl: '',
        pagerDutyUrl: { us: `${receiver.url}/v2/enqueue`, eu: `${receiver.url}/v2/enqueue` },
        fetch: globalThis.fetch,
        pause: async () => {},
        random: Math.random,
        // Signatures are judged by the receiver's own clock.
        now: Date.now,
        remaining: () => 30_000,
      },
    }),
    items: async () =>
      ((await client.send(new ScanCommand({ TableName: 'journal' }))).Items ?? []).map((item) => unmarshall(item)),
    close: async () => {
      await receiver.close();
      client.destroy();
      await world.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

type Settings = ConstructorParameters<typeof SecretsManagerClient>[0];

/** The routing key as a SecureString parameter, the rest as secrets; by name, their ARNs. */
async function plant(settings: Settings & object, values: Record<'slack' | 'teams' | 'signing' | 'hook', string>) {
  const secretsManager = new SecretsManagerClient(settings);
  const secret = async (name: keyof typeof values): Promise<string> => {
    const { ARN } = await secretsManager.send(new CreateSecretCommand({ Name: name, SecretString: values[name] }));
    if (!ARN) throw new Error(`${name} has no ARN`);
    return ARN;
  };
  const ssm = new SSMClient(settings as object);
  await ssm.send(new PutParameterCommand({ Name: '/nightshift/pagerduty', Type: 'SecureString', Value: ROUTING_KEY }));
  return {
    slack: await secret('slack'),
    teams: await secret('teams'),
    signing: await secret('signing'),
    hook: await secret('hook'),
    routingKey: 'arn:aws:ssm:us-east-1:000000000000:parameter/nightshift/pagerduty',
  };
}
