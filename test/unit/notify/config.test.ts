import { describe, expect, it } from '@jest/globals';
import { manifest as announcer } from '../../../functions/incidents/announcer/manifest.ts';
import { manifest as notify } from '../../../functions/incidents/notify/manifest.ts';
import { manifest as publisher } from '../../../functions/incidents/publisher/manifest.ts';
import { entriesOf } from '../../../infra/build-app.ts';
import { ConfigurationError } from '../../../infra/config/faults.ts';
import { notifyConfigOf } from '../../../infra/config/notifications.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import type { ConfigInput } from '../../../infra/config/schema.ts';
import example from '../../../nightshift.config.ts';

const secret = (name: string, region = 'us-east-1') =>
  `arn:aws:secretsmanager:${region}:111122223333:secret:${name}-AbCdEf`;
const channels = {
  team: { kind: 'slack', webhookSecretArn: secret('team') },
  'on-call': { kind: 'pagerduty', routingKeySecretArn: 'arn:aws:ssm:us-east-1:111122223333:parameter/nightshift/key' },
} as const;
const routing: ConfigInput['routing'] = [{ channels: ['team', 'on-call'] }];
const parse = (change: object) => parseConfig({ ...example, channels, routing, ...change }, []);

/** Every fault of a configuration, one line each; none when it is accepted. */
function faults(change: object): string[] {
  try {
    parse(change);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults.map(({ path, expected }) => `${path}: ${expected}`);
    throw error;
  }
}

describe('channels and routing', () => {
  it('may be left out: then nothing is deployed for them', () => {
    const { config, runtime } = parseConfig({ ...example, runbooks: {} }, []);
    expect(notifyConfigOf(config)).toBeUndefined();
    const unit = <M>(manifest: M) => ({ manifest, folder: '', handler: '' });
    const units = {
      remediations: [],
      jobs: [],
      heartbeats: [],
      authority: [],
      plans: [],
      incidentFunctions: [unit(announcer), unit(notify), unit(publisher)],
    };
    expect(entriesOf({ config, runtime, units }).map(({ name }) => name)).toEqual(['announcer', 'publisher']);
    const told = entriesOf({ ...parse({}), units });
    expect(told.map(({ name }) => name)).toEqual(['announcer', 'notify', 'publisher']);
    expect(Object.keys(told[1]?.files ?? {})).toEqual(['channels.json']);
  });

  it('reach the notifier with every default filled in and nothing that only grants permissions', () => {
    const { config } = parse({
      channels: { team: { ...channels.team, secretKeyArn: 'arn:aws:kms:us-east-1:111122223333:key/abc' } },
      routing: [{ channels: ['team'] }],
      contacts: { commander: 'on-call lead', bridge: 'https://meet.example.com/ops' },
    });
    expect(notifyConfigOf(config)).toEqual({
      version: 1,
      deployment: 'main',
      channels: { team: { ...channels.team, perMinute: 10 } },
      routing: [
        {
          severities: ['P1', 'P2', 'P3', 'P4'],
          events: ['opened', 'approval', 'escalated', 'resolved'],
          channels: ['team'],
        },
      ],
      commander: 'on-call lead',
      bridge: 'https://meet.example.com/ops',
    });
  });

  it.each([
    ['a channel that no route names', { routing: [{ channels: ['on-call'] }] }, 'channels.team: no route names it'],
    [
      'a route to nowhere',
      { routing: [{ channels: ['team', 'on-call', 'taem'] }] },
      "routing[0].channels[2]: as a channel: unknown; did you mean 'team'?",
    ],
    [
      'updates for PagerDuty',
      { routing: [{ channels: ['team', 'on-call'], events: ['opened', 'updated', 'resolved'] }] },
      "PagerDuty has no word for 'updated'",
    ],
    [
      'alerts that nothing ends',
      { routing: [{ channels: ['team', 'on-call'], events: ['escalated'] }] },
      'channels.on-call: no route tells it of',
    ],
    [
      'a target that is not protected',
      { routing: [{ channels: ['team', 'on-call'], targets: ['rds-instance/other*'] }] },
      'routing[0].targets[0]: fits no target',
    ],
    [
      "another region's secret",
      { channels: { ...channels, team: { kind: 'slack', webhookSecretArn: secret('team', 'eu-west-1') } } },
      "this deployment's region (us-east-1)",
    ],
    [
      'a secret instead of its ARN',
      {
        channels: { ...channels, team: { kind: 'slack', webhookSecretArn: 'https://hooks.slack.com/services/T/B/x' } },
      },
      'channels.team.webhookSecretArn: expected the ARN of a Secrets Manager secret',
    ],
    [
      'an unknown kind',
      { channels: { ...channels, team: { kind: 'fax' } } },
      'allowed is one of slack, teams, pagerduty, webhook, email, sns',
    ],
    [
      'an unknown field',
      { channels: { ...channels, team: { ...channels.team, webhookUrl: 'x' } } },
      'channels.team.webhookUrl: unknown',
    ],
    [
      'an unknown happening',
      { routing: [{ channels: ['team', 'on-call'], events: ['exploded'] }] },
      'allowed is one of opened, updated, approval, escalated, acknowledged, resolved',
    ],
  ])('%s is a fault', (_, change, expected) => {
    expect(faults(change).join('\n')).toContain(expected);
  });

  it('never repeat a secret that was written where its ARN belongs', () => {
    const url = 'https://hooks.slack.com/services/T/B/SecretSecret';
    const change = { channels: { ...channels, team: { kind: 'slack', webhookSecretArn: url } } };
    expect(() => parse(change)).toThrow('channels.team.webhookSecretArn: "(not shown)"');
    expect(() => parse(change)).not.toThrow('SecretSecret');
  });

  it('are accepted with targets that are protected', () => {
    expect(
      faults({
        routing: [{ channels: ['team', 'on-call'], targets: ['ecs-service/orders/*', 'rds-instance/orders-db'] }],
      }),
    ).toEqual([]);
  });
});
