/**
 * What the local world protects: a small order system. Times are compressed so that an incident is over within seconds; `npm start`
 * says so. Thresholds, code and everything not named here are the defaults a deployment to AWS has.
 */
import { defineConfig } from '../infra/config/schema.ts';
import { troubledDatabaseConfig } from './postgres/troubled.ts';
import { demoAccounts } from './services/accounts.ts';
import { demoBackups } from './services/backups.ts';
import { demoCertificates } from './services/certificate.ts';
import { demoConfigurationBackup } from './services/configuration-backup.ts';
import { demoDrills } from './services/drills.ts';
import { demoEndpoints } from './services/endpoint.ts';
import { FLEET, fleetServices } from './services/fleet.ts';
import { pairDatabases } from './services/pair-config.ts';
import { DEMO, EXECUTION_ROLE } from './services/seed.ts';
import { troubledConfig } from './services/troubled.ts';
import { balancerOf } from './stand-ins/ecs/balancer-metrics.ts';

/** Where the world started PostgreSQL; the values that stand in when nothing is running serve synthesis only. */
const database = {
  host: process.env.NIGHTSHIFT_DEMO_DATABASE_HOST ?? 'localhost',
  port: Number(process.env.NIGHTSHIFT_DEMO_DATABASE_PORT ?? 5432),
  resourceId: process.env.NIGHTSHIFT_DEMO_DATABASE_RESOURCE_ID ?? 'db-LOCALORDERSDB0000000000',
};

/** Services for the storm scenario, only when it is played; its alarms are its own. What is changed isn't handed back while it is counted. */
const fleet = fleetServices(Number(process.env[FLEET.variable] ?? 0));
const fleetConfig = Object.fromEntries(
  fleet.map((name) => [
    name,
    {
      cluster: FLEET.cluster,
      maxTasks: 2,
      stabiliseForSeconds: 600,
      createAlarms: false,
      cpuForSeconds: 10,
      memoryForSeconds: 10,
    },
  ]),
);

/** Only where a scenario asks for it: its two sites need a second loopback address. */
const endpoints = demoEndpoints(process.env);

const troubledServices = troubledConfig(process.env);
const troubledDatabases = troubledDatabaseConfig(process.env);
const accounts = demoAccounts(process.env);
/** Each of them gets into trouble by itself: that is no storm. */
const STORM_TARGETS = 10;
const inTrouble = [troubledServices, troubledDatabases, endpoints].reduce(
  (sum, each) => sum + Object.keys(each).length,
  STORM_TARGETS,
);

export default defineConfig({
  name: 'demo',
  region: 'us-east-1',
  standbyRegion: 'us-west-2',
  mode: 'auto',
  services: {
    backend: {
      cluster: 'orders',
      minTasks: 2,
      maxTasks: 10,
      cpuForSeconds: 10,
      memoryForSeconds: 10,
      // What other scenarios asked of it a minute ago says nothing of what it needs.
      idleForSeconds: 10,
      stabiliseForSeconds: 5,
      taskUnhealthyForSeconds: 5,
      maxTaskMemoryMib: 4096,
      maxTaskCpuUnits: 1024,
      taskRoles: [EXECUTION_ROLE],
      dependsOn: ['orders-db'],
      connectionsPerTask: 2,
      balancedBy: balancerOf('backend'),
    },
    ...fleetConfig,
    ...troubledServices,
    ...accounts.services,
  },
  databases: {
    'orders-db': {
      ...database,
      databaseName: 'orders',
      securityGroupId: 'sg-0123456789abcdef0',
      maxConnections: 80,
      connectionsForSeconds: 10,
      idleForSeconds: 3,
      queryLongerThanSeconds: 5,
      maxStorageGib: 100,
      instanceClasses: [{ name: 'db.t4g.micro' }, { name: 'db.t4g.small' }, { name: 'db.t4g.medium' }],
      maxReadReplicas: 1,
      costApprovals: 0,
      allowUsers: ['reporting', 'batch_allowed'],
      allowApplications: ['nightly-export'],
      recheckAfterSeconds: 5,
      ...demoBackups(process.env),
    },
    ...troubledDatabases,
    ...accounts.databases,
    ...pairDatabases(process.env),
  },
  endpoints,
  certificates: demoCertificates(process.env),
  awsHealth: process.env.NIGHTSHIFT_DEMO_AWS_HEALTH !== undefined,
  network: {
    vpcId: 'vpc-0123456789abcdef0',
    subnetIds: ['subnet-0123456789abcdef0'],
    routeTableIds: ['rtb-0123456789abcdef0'],
    dynamoDbPrefixListId: 'pl-02cd2c6b',
  },
  contacts: { pageEmails: ['on-call@example.com'] },
  // A small receiver that the world starts; it writes its URL and signing secret into the world's parameter store.
  channels: {
    team: {
      kind: 'webhook',
      urlSecretArn: 'arn:aws:ssm:us-east-1:000000000000:parameter/nightshift/demo/team-url',
      signingSecretArn: 'arn:aws:ssm:us-east-1:000000000000:parameter/nightshift/demo/team-signing-secret',
      recipient: 'demo-user',
    },
  },
  // Its reader may act by link, and is known by name.
  people: { 'demo-user': {}, 'demo-colleague': {} },
  links: { signingSecretArn: 'arn:aws:ssm:us-east-1:000000000000:parameter/nightshift/demo/link-key' },
  ...demoConfigurationBackup(process.env),
  archive: { signingSecretArn: 'arn:aws:ssm:us-east-1:000000000000:parameter/nightshift/demo/archive-key' },
  routing: [{ channels: ['team'] }],
  runbooks: {
    'scale-out-service': {
      cooldownSeconds: 25,
      perTargetPerHour: 30,
      perRunbookPerHour: 100,
      ...(fleet.length > 0 && { cooldownSeconds: 600 }),
    },
    'scale-in-service': { cooldownSeconds: 20, perTargetPerHour: 30, perRunbookPerHour: 100 },
    'roll-back-deployment': { cooldownSeconds: 20, perTargetPerHour: 30, perRunbookPerHour: 100 },
    'stop-unhealthy-task': { cooldownSeconds: 20, perTargetPerHour: 30, perRunbookPerHour: 100 },
    'restart-service': { cooldownSeconds: 20, perTargetPerHour: 30, perRunbookPerHour: 100 },
    'raise-task-resources': { cooldownSeconds: 20, perTargetPerHour: 30, perRunbookPerHour: 100 },
    'release-idle-connections': { cooldownSeconds: 20, perTargetPerHour: 30, perRunbookPerHour: 100 },
    'end-long-queries': { cooldownSeconds: 20, perTargetPerHour: 30, perRunbookPerHour: 100 },
    'vacuum-and-analyze': { cooldownSeconds: 20, perTargetPerHour: 30, perRunbookPerHour: 100 },
    'add-read-replica': { cooldownSeconds: 20, perTargetPerHour: 30, perRunbookPerHour: 100, verifyWithinSeconds: 30 },
    'snapshot-database': { cooldownSeconds: 20, perTargetPerHour: 30, perRunbookPerHour: 100, verifyWithinSeconds: 30 },
    // High risk is never auto without a line of its own.
    'grow-storage': { mode: 'auto', cooldownSeconds: 20, perTargetPerHour: 30, perRunbookPerHour: 100 },
    'scale-up-database': {
      mode: 'auto',
      cooldownSeconds: 20,
      perTargetPerHour: 30,
      perRunbookPerHour: 100,
      verifyWithinSeconds: 30,
    },
    'restart-database': { mode: 'auto', cooldownSeconds: 20, perTargetPerHour: 30, perRunbookPerHour: 100 },
    'fail-over-database': { mode: 'auto', cooldownSeconds: 20, perTargetPerHour: 30, perRunbookPerHour: 100 },
    'fail-over-dns': { mode: 'auto', cooldownSeconds: 20, perTargetPerHour: 30, perRunbookPerHour: 100 },
  },
  plans: ['service-recovery', ...accounts.plans],
  ...demoDrills(process.env),
  fleet: { changesPerHour: 200, removalsPerHour: 100 },
  ...(fleet.length === 0 && { storm: { targets: inTrouble } }),
  alarmPeriodSeconds: 10,
  metricPeriodSeconds: DEMO.metricPeriodSeconds,
  reconcileEverySeconds: 60,
  verifyWithinSeconds: 30,
  backstopMarginSeconds: 30,
  firstEvaluationHoldSeconds: 0,
  handsOffSeconds: 30,
  // The default where a fleet is: a small machine takes its time with 2,000 events.
  staleAfterSeconds: fleet.length > 0 ? 900 : 120,
});
