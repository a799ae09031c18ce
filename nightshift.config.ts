/**
 * What this deployment protects. Replace the example by your own services and databases; every field is described in
 * infra/config/schema.ts and the files beside it. In mode `observe` Nightshift changes nothing: it says what it would do.
 */
import { defineConfig } from './infra/config/schema.ts';

export default defineConfig({
  name: 'main',
  region: 'us-east-1',
  standbyRegion: 'us-west-2',
  // off | observe | approve | auto. Begin with observe, read what it would have done, then promote one runbook at a time below.
  mode: 'observe',

  services: {
    backend: {
      cluster: 'orders',
      minTasks: 2,
      maxTasks: 10,
      cpuAbovePercent: 80,
      cpuForSeconds: 900,
      // While the database is in trouble, more tasks would only add connections to it.
      dependsOn: ['orders-db'],
      connectionsPerTask: 10,
      // Ends of the ARNs of what sends it requests: a change counts as proved only if its clients fare no worse than before.
      balancedBy: { loadBalancer: 'app/orders/0123456789abcdef', targetGroup: 'targetgroup/backend/0123456789abcdef' },
      // Alarms on errors, latency and unhealthy targets there, too, and on how fast an error budget burns.
      // requestAlarms: { objectivePercent: 99.9 },
      // Alarms on missing tasks, and with 'enhanced' on unhealthy ones; the cluster needs Container Insights, which costs extra.
      // containerInsights: 'enhanced',
      // With it: how far CPU may come by taking tasks away that the load doesn't need.
      // cpuBelowPercent: 40,
      // Without these, tasks never get more than they have.
      // maxTaskMemoryMib: 8192, maxTaskCpuUnits: 2048, taskRoles: ['arn:aws:iam::111122223333:role/orders-task'],
    },
  },

  databases: {
    // The key is the RDS instance identifier.
    'orders-db': {
      host: 'orders-db.abcdefghijkl.us-east-1.rds.amazonaws.com',
      databaseName: 'orders',
      user: 'nightshift',
      resourceId: 'db-ABCDEFGHIJKLMNOPQRSTUVWX01',
      securityGroupId: 'sg-0123456789abcdef0',
      maxConnections: 200,
      connectionsAboveShare: 0.8,
      releaseToShare: 0.7,
      idleForSeconds: 600,
      allowUsers: ['reporting'],
      // Without these, storage and class never change. A larger class is approved by somebody, unless costApprovals is 0.
      // maxStorageGib: 500, instanceClasses: [{ name: 'db.m7g.large' }, { name: 'db.m7g.xlarge' }],
      // A snapshot a day: docs/backups.md.
      // backup: {},
    },
  },

  // Services at several sites behind one DNS name: docs/endpoints.md.
  // endpoints: {},

  // Certificates whose expiry is watched: docs/certificates.md.
  // certificates: {},

  // Private subnets from which the databases can be reached; they need no NAT and no way to the internet.
  network: {
    vpcId: 'vpc-0123456789abcdef0',
    subnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
    routeTableIds: ['rtb-0123456789abcdef0'],
    dynamoDbPrefixListId: 'pl-02cd2c6b',
    dynamoDbEndpoint: 'create',
  },

  // Who is paged when Nightshift can't help, or is itself in trouble.
  contacts: { pageEmails: [] },
  // Who else hears what: docs/notifications.md. Secrets are named by ARN, never written here.
  // channels: { team: { kind: 'slack', webhookSecretArn: 'arn:aws:secretsmanager:...' } },
  // routing: [{ channels: ['team'] }],

  // A page of graphs of what is protected, in CloudWatch: docs/operating.md.
  // dashboard: true,
  // One of Nightshift itself: free for the account's first three, else 3 USD a month. All measures as metrics: 0.30 USD a month each.
  // selfWatch: { dashboard: true, metrics: true },

  // By the names of remediations: the folders in functions/remediations. One of high risk is `auto` only by its own line;
  // in mode `approve` two of `people` approve it.
  runbooks: {
    // 'scale-out-service': { mode: 'auto', cooldownSeconds: 600 },
  },
});
