/** Puts one configured thing back as a backup has it. Who calls it has looked directly before that it is still as it was. */
import {
  ApplicationAutoScalingClient,
  PutScalingPolicyCommand,
  RegisterScalableTargetCommand,
} from '@aws-sdk/client-application-auto-scaling';
import { CloudWatchClient, PutMetricAlarmCommand } from '@aws-sdk/client-cloudwatch';
import { ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import {
  type Change,
  ChangeResourceRecordSetsCommand,
  InvalidChangeBatch,
  type ResourceRecordSet,
  Route53Client,
} from '@aws-sdk/client-route-53';
import { GetParameterCommand, ParameterVersionNotFound, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { classified } from '../dns/route53.ts';
import { DESIRED_COUNT } from '../ecs/scalable.ts';
import { changingClientDefaults, clientDefaults } from '../engine/clients.ts';
import { ActionFailedError, ChangedBySomeoneElseError, classifyAwsError } from '../engine/errors.ts';
import { fieldChanges } from './diff.ts';
import { type ConfigItem, nameOf, type Settings } from './item.ts';

const ecs = new ECSClient(changingClientDefaults());
const scaling = new ApplicationAutoScalingClient(changingClientDefaults());
const cloudwatch = new CloudWatchClient(changingClientDefaults());
const route53 = new Route53Client(changingClientDefaults());
const ssm = new SSMClient(changingClientDefaults());
const reading = new SSMClient(clientDefaults());

/**
 * Absolute: repeated, it ends in the same state; of a record AWS itself compares with `before`.
 * @param before as it is now; null: it isn't there.
 * @throws ChangedBySomeoneElseError when AWS finds it otherwise; EngineError.
 */
export async function putBack(
  { kind, id }: Pick<ConfigItem, 'kind' | 'id'>,
  before: Settings | null,
  after: Settings,
): Promise<void> {
  const name = nameOf({ kind, id });
  try {
    switch (kind) {
      case 'service':
        return await putService(id, before ?? {}, after);
      case 'scaling':
        return await putScaling(id, before ?? {}, after);
      case 'record':
        return await putRecord(id, before, after);
      case 'alarm':
        await cloudwatch.send(new PutMetricAlarmCommand({ ...after, AlarmName: id } as never));
        return;
      case 'parameter':
        return await putParameter(id, after);
      case 'certificate':
      case 'rule':
      case 'state-machine':
      case 'uncovered':
        throw new ActionFailedError(`${name}: a backup holds too little of it to put it back`);
      default:
        return kind satisfies never;
    }
  } catch (error) {
    throw kind === 'record' ? classified(`put back ${name}`, error) : classifyAwsError(`put back ${name}`, error);
  }
}

/** Only what differs is asked for: a revision that is asked for again makes no deployment, a number of tasks might undo what others set meanwhile. */
async function putService(id: string, before: Settings, after: Settings): Promise<void> {
  const [cluster, service] = id.split('/');
  const differing = fieldChanges(before, after).map(({ field }) => field);
  const asked = Object.fromEntries(Object.entries(after).filter(([field]) => differing.includes(field)));
  await ecs.send(new UpdateServiceCommand({ cluster, service, ...asked }));
}

async function putScaling(id: string, before: Settings, after: Settings): Promise<void> {
  const target = { ...DESIRED_COUNT, ResourceId: `service/${id}` } as const;
  const { policies = {}, ...limits } = after;
  await scaling.send(new RegisterScalableTargetCommand({ ...target, ...limits }));
  const present = (before.policies ?? {}) as Settings;
  for (const [PolicyName, policy] of Object.entries(policies as Settings)) {
    const was = (present[PolicyName] ?? {}) as Settings;
    if (fieldChanges(was, policy as Settings).length === 0) continue;
    await scaling.send(new PutScalingPolicyCommand({ ...target, PolicyName, ...(policy as object) }));
  }
}

/** "ChangeResourceRecordSets": the exact old one is deleted and the new one created in one batch, or nothing happens. */
async function putRecord(id: string, before: Settings | null, after: Settings): Promise<void> {
  const asChange = (Action: 'DELETE' | 'CREATE', settings: Settings): Change => ({
    Action,
    ResourceRecordSet: withoutEmpty(settings) as unknown as ResourceRecordSet,
  });
  const Changes = [...(before ? [asChange('DELETE', before)] : []), asChange('CREATE', after)];
  const [HostedZoneId] = id.split('/');
  try {
    await route53.send(
      new ChangeResourceRecordSetsCommand({ HostedZoneId, ChangeBatch: { Comment: 'Nightshift', Changes } }),
    );
  } catch (error) {
    if (!(error instanceof InvalidChangeBatch)) throw error;
    const why = error.messages?.join('; ') || error.message;
    throw new ChangedBySomeoneElseError(
      `record/${id}`,
      'the record as it was',
      why,
      'Route 53 refused the whole batch',
    );
  }
}

/** An alias has no list of values. */
const withoutEmpty = (settings: Settings): Settings =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => !(Array.isArray(value) && value.length === 0)));

/** The value goes from one call of Parameter Store into the next, and nowhere else. */
async function putParameter(id: string, { Version, Type, KeyId, Tier, DataType }: Settings): Promise<void> {
  const Value = await textOf(`${id}:${Version}`);
  if (Value === undefined)
    throw new ActionFailedError(`parameter/${id}: Parameter Store no longer has version ${Version}`);
  const kept = { Type, ...(KeyId !== undefined && { KeyId }), ...(Tier !== undefined && { Tier }) };
  const asked = { Name: id, Value, Overwrite: true, ...kept, ...(DataType !== undefined && { DataType }) };
  try {
    await ssm.send(new PutParameterCommand(asked as never));
  } catch (error) {
    throw classifyAwsError(`put back parameter/${id}`, withoutText(error));
  }
}

/** A refusal may quote what was refused, which here is a value: only its name and status are told. */
export function withoutText(error: unknown): Error {
  const { name = 'Error', $metadata } = error as { readonly name?: string; readonly $metadata?: object };
  return Object.assign(new Error('its text isn’t told, because it may hold the value'), { name, $metadata });
}

/** @param name with a version behind a colon ("Working with parameter versions", AWS Systems Manager User Guide). */
async function textOf(name: string): Promise<string | undefined> {
  try {
    return (await reading.send(new GetParameterCommand({ Name: name, WithDecryption: true }))).Parameter?.Value;
  } catch (error) {
    if (error instanceof ParameterVersionNotFound) return undefined;
    throw classifyAwsError(`read the parameter ${name}`, error);
  }
}

/** Whether a parameter has the value of that version; neither leaves this function. @throws EngineError */
export async function hasValueOf(id: string, version: number): Promise<boolean> {
  const [present, wanted] = [await textOf(id), await textOf(`${id}:${version}`)];
  return wanted !== undefined && present === wanted;
}
