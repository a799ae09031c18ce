/** What a second deployment protects in the demo's standby region: the pair's standby. Only in worlds whose scenarios ask for it. */
import { defineConfig } from '../infra/config/schema.ts';
import { DEMO_PAIR, pairConfig } from './services/pair-config.ts';

export default defineConfig({
  name: DEMO_PAIR.deployments.west,
  region: 'us-west-2',
  standbyRegion: 'us-east-1',
  // Nothing but the plan, which a person starts, is to change anything.
  mode: 'observe',
  ...pairConfig(process.env),
  network: {
    vpcId: 'vpc-0fedcba9876543210',
    subnetIds: ['subnet-0fedcba9876543210'],
    routeTableIds: ['rtb-0fedcba9876543210'],
    dynamoDbPrefixListId: 'pl-00a54069',
  },
  contacts: { pageEmails: ['on-call@example.com'] },
  people: { 'demo-user': {} },
  alarmPeriodSeconds: 10,
  metricPeriodSeconds: 10,
});
