import { describe, expect, it } from '@jest/globals';
import { manifest as scaleOut } from '../../../functions/remediations/scale-out-service/manifest.ts';
import { ConfigurationError } from '../../../infra/config/faults.ts';
import { parseConfig } from '../../../infra/config/parse.ts';

const KEY = 'arn:aws:ssm:eu-west-1:111122223333:parameter/nightshift/link-key';
const SECRET = 'arn:aws:ssm:eu-west-1:111122223333:parameter/nightshift/team';
const team = { kind: 'slack', webhookSecretArn: SECRET, recipient: 'jane' };
const parse = (change: object, manifest: object = scaleOut) =>
  parseConfig(
    {
      region: 'eu-west-1',
      standbyRegion: 'eu-central-1',
      services: { backend: { cluster: 'orders', maxTasks: 4 } },
      contacts: { pageEmails: ['on-call@example.com'] },
      ...change,
    },
    [{ ...scaleOut, ...manifest }],
  );
const faultsWith = (change: object, manifest: object = {}): string[] => {
  try {
    parse(change, manifest);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults.map(({ path, expected }) => `${path}: ${expected}`);
    throw error;
  }
};
const people = { jane: { identities: ['jane.doe'] }, john: {} };
const links = { signingSecretArn: KEY };

describe('people and links', () => {
  it('reach the functions with every default filled in', () => {
    const { runtime, config } = parse({ people, links, channels: { jane: team }, routing: [{ channels: ['jane'] }] });
    expect(runtime.people).toEqual({ jane: { identities: ['jane.doe'] }, john: { identities: [] } });
    expect(runtime.approvals).toEqual({ validForSeconds: 3600 });
    expect(config.links).toMatchObject({
      validForSeconds: 43_200,
      takeOverSeconds: 7200,
      requestsPerSecond: 10,
      burst: 20,
    });
  });

  it.each([
    [
      'a recipient who isn’t one of people',
      { people, links, channels: { jane: { ...team, recipient: 'jnae' } }, routing: [{ channels: ['jane'] }] },
      "channels.jane.recipient: as one of people: unknown; did you mean 'jane'?",
    ],
    [
      'a recipient without links',
      { people, channels: { jane: team }, routing: [{ channels: ['jane'] }] },
      'channels.jane.recipient: needs `links`',
    ],
    [
      'one identity of two people',
      { people: { jane: { identities: ['admin'] }, john: { identities: ['admin'] } } },
      "people.john.identities[0]: it is jane's already",
    ],
    [
      'one person’s name as another’s identity',
      { people: { jane: { identities: ['john'] }, john: {} } },
      "people.jane.identities[0]: it is john's already",
    ],
    [
      'a secret of another region',
      { links: { signingSecretArn: KEY.replace('eu-west-1', 'us-east-1') } },
      "links.signingSecretArn: allowed is an ARN of this deployment's region (eu-west-1)",
    ],
    [
      'a mail to several with one person’s links',
      {
        people,
        links,
        channels: {
          jane: {
            kind: 'email',
            from: 'a@example.com',
            to: ['b@example.com', 'c@example.com'],
            identityArn: 'arn:aws:ses:eu-west-1:111122223333:identity/example.com',
            recipient: 'jane',
          },
        },
        routing: [{ channels: ['jane'] }],
      },
      'this channel has 2 addresses',
    ],
    [
      'a PagerDuty alert, which a whole team reads, with one person’s links',
      {
        people,
        links,
        channels: { jane: { kind: 'pagerduty', routingKeySecretArn: SECRET, recipient: 'jane' } },
        routing: [{ channels: ['jane'] }],
      },
      'recipient',
    ],
    ['a name that the journal can’t keep apart', { people: { 'Jane Doe': {} } }, 'people'],
  ])('%s is a fault', (_what, change, expected) => {
    expect(faultsWith(change).join('\n')).toContain(expected);
  });

  it('two people must be known where two approve what costs', () => {
    const host = 'orders.abc.eu-west-1.rds.amazonaws.com';
    const database = {
      host,
      user: 'nightshift',
      resourceId: 'db-ABCDEFGHIJKLMNOPQRSTUVWXY2',
      securityGroupId: 'sg-0123456789abcdef0',
    };
    const larger = {
      ...database,
      maxConnections: 80,
      instanceClasses: [{ name: 'db.m7g.large' }, { name: 'db.m7g.xlarge' }],
    };
    const network = {
      vpcId: 'vpc-0123456789abcdef0',
      subnetIds: ['subnet-0123456789abcdef0'],
      routeTableIds: ['rtb-0123456789abcdef0'],
      dynamoDbPrefixListId: 'pl-0123456789abcdef0',
    };
    const withApprovals = (costApprovals: number, more: object = {}) =>
      faultsWith({ databases: { orders: { ...larger, costApprovals } }, network, ...more }).filter((each) =>
        each.includes('costApprovals'),
      );
    expect(withApprovals(2)).toEqual([
      'databases.orders.costApprovals: at most 1 as long as people has 0: two approve',
    ]);
    expect(withApprovals(1)).toEqual([]);
    expect(withApprovals(2, { people })).toEqual([]);
    const readable = { ...database, maxConnections: 80, maxReadReplicas: 1, costApprovals: 2 };
    expect(faultsWith({ databases: { orders: readable }, network }).join()).toContain('databases.orders.costApprovals');
  });

  it('two people must be known where two must approve', () => {
    const high = { risk: 'high' };
    expect(faultsWith({ mode: 'approve' }, high).join()).toContain('at least two: changes of scale-out-service');
    expect(faultsWith({ mode: 'approve', people }, high)).toEqual([]);
    expect(faultsWith({ mode: 'observe' }, high)).toEqual([]);
    expect(faultsWith({ mode: 'approve' })).toEqual([]);
    expect(faultsWith({ mode: 'approve', contacts: { pageEmails: [] } }).join()).toContain(
      'scale-out-service asks somebody',
    );
    expect(faultsWith({ mode: 'auto' }, { approval: { people: 2 } }).join()).toContain('at least two');
    expect(faultsWith({ mode: 'auto', people }, { approval: { people: 2 } })).toEqual([]);
    expect(faultsWith({ mode: 'observe' }, { approval: { people: 2 } })).toEqual([]);
  });
});
