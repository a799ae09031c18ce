/** The plan's own handler code against services, records, alarms and parameters: what somebody changed is put back, and nothing else. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PutScalingPolicyCommand, RegisterScalableTargetCommand } from '@aws-sdk/client-application-auto-scaling';
import { DescribeAlarmsCommand, DisableAlarmActionsCommand } from '@aws-sdk/client-cloudwatch';
import { DescribeServicesCommand, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { ChangeResourceRecordSetsCommand, ListResourceRecordSetsCommand } from '@aws-sdk/client-route-53';
import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { PlanCode } from '../../../functions/recovery/around.ts';
import { takeOrder } from '../../../functions/recovery/handler.ts';
import { readRun } from '../../../functions/recovery/items.ts';
import { type ConfigurationWorld, openConfigurationWorld, PLANTED } from '../../support/configuration-world.ts';
import { playPlan } from '../../support/plan-play.ts';

jest.setTimeout(90_000);
type Input = { readonly what: string };
let world: ConfigurationWorld;
let code: PlanCode<Input>;
let folder = '';
beforeAll(async () => {
  world = await openConfigurationWorld();
  ({ code } = (await import('../../../functions/recovery/restore-configuration/handler.ts')) as never);
  folder = String((await world.backUp()).report.folder);
});
afterAll(() => world?.close());

let runs = 0;
/** Everything that the plan asked of AWS beside the journal. */
const asked = new Set<string>();

async function restore(input: object, before: (step: string) => void | Promise<void> = () => {}) {
  const run = `restore-${++runs}`;
  let requests = 0;
  const { store, config, w } = world;
  const around = () => ({
    ...{ code, store, config, now: Date.now, random: Math.random, remaining: () => 60_000 },
    requestId: `${run}-${requests++}`,
  });
  const playing = {
    take: (order: Parameters<typeof takeOrder>[1]) => takeOrder(around(), order),
    wait: () => sleep(20),
  };
  const { next } = w.gateway.callsSince(Number.MAX_SAFE_INTEGER);
  const how = await playPlan(playing, code.manifest, run, input, before);
  const { calls } = w.gateway.callsSince(next);
  for (const { service, operation } of calls)
    if (service !== 'dynamodb') asked.add(`${service === 'monitoring' ? 'cloudwatch' : service}:${operation}`);
  const changing = calls
    .filter((call) => call.changing && call.service !== 'dynamodb')
    .map(({ operation }) => operation);
  const item = await readRun(store, code.manifest.name, run);
  const notes = Object.fromEntries(
    Object.entries(item?.steps ?? {}).map(([step, { forward }]) => [step, forward?.note]),
  );
  return { how, item, changing, notes, why: item?.why };
}

const present = async () => {
  const command = new DescribeServicesCommand({ cluster: 'orders', services: ['backend'] });
  return (await world.clients.ecs.send(command)).services?.[0];
};
const revision = async () => (await present())?.taskDefinition?.split('/').at(-1);
const parameter = async () =>
  (await world.clients.ssm.send(new GetParameterCommand({ Name: '/orders/token', WithDecryption: true }))).Parameter;

async function records(name: string) {
  const { ResourceRecordSets = [] } = await world.clients.route53.send(
    new ListResourceRecordSetsCommand({ HostedZoneId: world.zone, StartRecordName: name, StartRecordType: 'A' }),
  );
  return ResourceRecordSets.filter(({ Name }) => Name === `${name}.`).flatMap(({ ResourceRecords = [] }) =>
    ResourceRecords.map(({ Value }) => Value),
  );
}

const setRecord = (name: string, action: 'UPSERT' | 'DELETE', value: string) =>
  world.clients.route53.send(
    new ChangeResourceRecordSetsCommand({
      HostedZoneId: world.zone,
      ChangeBatch: {
        Changes: [
          {
            Action: action,
            ResourceRecordSet: { Name: name, Type: 'A', TTL: 60, ResourceRecords: [{ Value: value }] },
          },
        ],
      },
    }),
  );

describe('restore-configuration', () => {
  it('[4/restore-configuration, D93, D126] puts a service back as it was, by the revision and scaling that are there, and to what it was when a later step fails', async () => {
    const { ecs, scaling } = world.clients;
    await world.release('broken by hand');
    await ecs.send(new UpdateServiceCommand({ cluster: 'orders', service: 'backend', taskDefinition: 'backend:2' }));
    const target = {
      ...({ ServiceNamespace: 'ecs', ScalableDimension: 'ecs:service:DesiredCount' } as const),
      ResourceId: 'service/orders/backend',
    };
    await scaling.send(new RegisterScalableTargetCommand({ ...target, MinCapacity: 1, MaxCapacity: 40 }));
    await scaling.send(
      new PutScalingPolicyCommand({
        ...{ ...target, PolicyName: 'cpu', PolicyType: 'TargetTrackingScaling' },
        TargetTrackingScalingPolicyConfiguration: {
          TargetValue: 95,
          PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' },
        },
      }),
    );
    const rehearsed = await restore({ what: 'service/orders/backend', rehearse: true });
    expect([rehearsed.item?.verdict, rehearsed.changing]).toEqual(['rehearsed', []]);
    expect(rehearsed.notes['put-back']).toMatch(/would put back .*backend:2 -> \S+backend:1/);
    const failed = await restore({ what: 'service/orders/backend' }, (step) => {
      if (step !== 'prove') return;
      const [name, kind] = ['refused', 'refused'] as const;
      world.w.gateway.faults.add({ name, kind, match: { service: 'ecs', operation: 'DescribeServices' }, times: 1 });
    });
    expect(failed.item?.verdict).toBe('backed-out');
    expect(failed.changing).toEqual([
      ...['UpdateService', 'RegisterScalableTarget', 'PutScalingPolicy'],
      ...['RegisterScalableTarget', 'PutScalingPolicy', 'UpdateService'],
    ]);
    expect(await revision()).toBe('backend:2');
    const ended = await restore({ what: 'service/orders/backend', backup: folder });
    expect([ended.how, ended.item?.verdict, ended.changing]).toEqual([
      ...['done', 'recovered', ['UpdateService', 'RegisterScalableTarget', 'PutScalingPolicy']],
    ]);
    expect(await revision()).toBe('backend:1');
    expect(ended.notes['put-scaling-back']).toContain('is as in the backup');
  });

  it('puts a record back by the exact one that is there, makes a missing one again, and refuses what is no longer as shown', async () => {
    const what = `record/${world.zone}/h1.example.com/A`;
    await setRecord('h1.example.com', 'UPSERT', '198.51.100.1');
    // What a rehearsal says is what a run can be bound to.
    const [, shown = ''] = /shown=(\S+)/.exec((await restore({ what, rehearse: true })).notes.look ?? '') ?? [];
    await setRecord('h1.example.com', 'UPSERT', '198.51.100.2');
    const other = await restore({ what, shown });
    expect([other.item?.verdict, other.changing]).toEqual(['backed-out', []]);
    expect(other.why).toContain('no longer as it was shown');
    await setRecord('h1.example.com', 'UPSERT', '198.51.100.1');
    expect((await restore({ what, shown })).item?.verdict).toBe('recovered');
    expect(await records('h1.example.com')).toEqual(['192.0.2.1']);
    await setRecord('h2.example.com', 'DELETE', '192.0.2.1');
    const again = await restore({ what: `record/${world.zone}/h2.example.com/A` });
    expect([again.item?.verdict, again.changing]).toEqual(['recovered', ['ChangeResourceRecordSets']]);
    expect(await records('h2.example.com')).toEqual(['192.0.2.1']);
  });

  it('puts back an alarm whose actions somebody switched off', async () => {
    const { cloudwatch } = world.clients;
    await cloudwatch.send(new DisableAlarmActionsCommand({ AlarmNames: ['backend-cpu'] }));
    const ended = await restore({ what: 'alarm/backend-cpu' });
    expect([ended.item?.verdict, ended.changing]).toEqual(['recovered', ['PutMetricAlarm']]);
    const { MetricAlarms } = await cloudwatch.send(new DescribeAlarmsCommand({ AlarmNames: ['backend-cpu'] }));
    expect(MetricAlarms?.[0]).toMatchObject({ ActionsEnabled: true, Threshold: 80 });
  });

  it('[D120] puts back a parameter’s earlier value as a new version, which stands in nothing that is written down', async () => {
    const { ssm } = world.clients;
    await ssm.send(
      new PutParameterCommand({ Name: '/orders/token', Type: 'SecureString', Value: 'wrong', Overwrite: true }),
    );
    const ended = await restore({ what: 'parameter//orders/token' });
    expect([ended.item?.verdict, ended.changing]).toEqual(['recovered', ['PutParameter']]);
    expect(await parameter()).toMatchObject({ Value: PLANTED, Version: 3 });
    expect(JSON.stringify(ended.item)).not.toContain(PLANTED);
    const again = await restore({ what: 'parameter//orders/token' });
    expect([again.item?.verdict, again.changing]).toEqual(['recovered', []]);
  });

  it('refuses what no backup knows, and what isn’t protected, before anything is changed', async () => {
    const unknown = await restore({ what: 'alarm/never-seen' });
    expect([unknown.item?.verdict, unknown.changing]).toEqual(['backed-out', []]);
    expect(unknown.why).toContain("isn't in the backup");
    await expect(restore({ what: 'service/orders/other' })).rejects.toThrow("isn't protected");
    await expect(restore({ what: 'bucket/x' })).rejects.toThrow('nothing that can be put back');
  });

  it('asks AWS for no more and no less than its role allows', () => {
    const allowed = new Set<string>(code.manifest.permissions.flatMap(({ actions }) => actions));
    expect([...asked].sort()).toEqual([...allowed].sort());
  });
});
