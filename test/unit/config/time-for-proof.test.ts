import { expect, it } from '@jest/globals';
import { manifest as release } from '../../../functions/remediations/release-idle-connections/manifest.ts';
import { manifest as scaleUp } from '../../../functions/remediations/scale-up-database/manifest.ts';
import { parseConfig } from '../../../infra/config/parse.ts';

const manifests = [release, scaleUp];
/** What a remediation has of its own, in seconds. */
function own(remediation: string, verifyWithinSeconds: number, set?: number): number | undefined {
  const runbooks = set === undefined ? {} : { [remediation]: { verifyWithinSeconds: set } };
  const database = {
    host: 'orders-db.example.com',
    resourceId: 'db-ABCDEFGHIJKL01234',
    securityGroupId: 'sg-0123456789abcdef0',
    maxConnections: 200,
  };
  const network = {
    vpcId: 'vpc-0123456789abcdef0',
    subnetIds: ['subnet-0123456789abcdef0'],
    routeTableIds: ['rtb-0123456789abcdef0'],
    dynamoDbPrefixListId: 'pl-02cd2c6b',
  };
  const { runtime } = parseConfig(
    {
      ...{ region: 'eu-west-1', standbyRegion: 'eu-central-1', verifyWithinSeconds, runbooks, network },
      databases: { 'orders-db': database },
    },
    manifests,
  );
  return runtime.runbooks[remediation]?.verifyWithinSeconds;
}

it.each<[string, number, number | undefined, number | undefined]>([
  ['release-idle-connections', 600, undefined, undefined],
  ['release-idle-connections', 600, 60, 60],
  ['scale-up-database', 600, undefined, 3_600],
  ['scale-up-database', 7_200, undefined, undefined],
  ['scale-up-database', 600, 600, undefined],
  ['scale-up-database', 600, 900, 900],
])('%s has in a deployment of %i s, set to %s, %s s of its own for proof', (name, deployment, set, expected) => {
  expect(own(name, deployment, set)).toBe(expected);
});
