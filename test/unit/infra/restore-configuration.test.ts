/** What `restore-configuration` may touch, as the configuration names it. */
import { describe, expect, it } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib/core';
import { manifest } from '../../../functions/recovery/restore-configuration/manifest.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import type { ConfigInput } from '../../../infra/config/schema.ts';
import { statementsFor } from '../../../infra/constructs/permissions.ts';

function statementsOf(configurationBackup: ConfigInput['configurationBackup']) {
  const env = { region: 'eu-west-1', account: '111122223333' };
  const stack = new Stack(new App({ analyticsReporting: false }), 'S', { env });
  const { config } = parseConfig(
    {
      ...{ region: 'eu-west-1', standbyRegion: 'eu-central-1', configurationBackup },
      services: { api: { cluster: 'orders', maxTasks: 4 } },
    },
    [],
  );
  const statements = statementsFor(stack, manifest.permissions, config);
  return (action: string) => statements.find(({ actions }) => actions.includes(action))?.toStatementJson();
}

describe('the role of restore-configuration', () => {
  it('changes protected services, named zones and named parameters, and reads backups of this deployment', () => {
    const of = statementsOf({ zones: ['Z0123456789'], parameters: ['/orders/'] });
    expect(of('ecs:UpdateService').Resource).toMatch(/:ecs:eu-west-1:111122223333:service\/orders\/api$/);
    expect(of('ssm:PutParameter').Resource).toMatch(/:ssm:eu-west-1:111122223333:parameter\/orders\/\*$/);
    expect(of('s3:GetObject').Resource).toMatch(/:s3:::nightshift-main-111122223333-eu-west-1\/configuration\/\*$/);
    expect(of('s3:PutObject')).toBeUndefined();
    expect(of('application-autoscaling:PutScalingPolicy').Condition).toMatchObject({
      StringEquals: { 'application-autoscaling:service-namespace': 'ecs' },
    });
  });

  it('never overwrites whatever a record is: it deletes the exact one and creates another', () => {
    const of = statementsOf({ zones: ['Z0123456789'] });
    expect(of('route53:ChangeResourceRecordSets')).toMatchObject({
      Resource: expect.stringMatching(/:route53:::hostedzone\/Z0123456789$/),
      Condition: {
        'ForAllValues:StringLike': { 'route53:ChangeResourceRecordSetsActions': ['DELETE', 'CREATE'] },
      },
    });
  });

  it('has nothing of zones and parameters that nobody names', () => {
    const of = statementsOf({});
    expect(of('route53:ChangeResourceRecordSets')).toBeUndefined();
    expect(of('ssm:PutParameter')).toBeUndefined();
  });
});
