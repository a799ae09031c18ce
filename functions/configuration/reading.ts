/** Reads what is configured in AWS: page by page, at no more than the fleet's rate. What is refused is named, and the rest is read; what may pass is thrown, so that it is tried again. */
import { ACMClient, DescribeCertificateCommand, GetCertificateCommand } from '@aws-sdk/client-acm';
import {
  ApplicationAutoScalingClient,
  DescribeScalableTargetsCommand,
  DescribeScalingPoliciesCommand,
  type ScalingPolicy,
} from '@aws-sdk/client-application-auto-scaling';
import { CloudWatchClient, DescribeAlarmsCommand, type MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { DescribeServicesCommand, DescribeTaskDefinitionCommand, ECSClient, type Service } from '@aws-sdk/client-ecs';
import {
  EventBridgeClient,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  type Rule,
  type Target,
} from '@aws-sdk/client-eventbridge';
import {
  ListResourceRecordSetsCommand,
  type ResourceRecordSet,
  Route53Client,
  type RRType,
} from '@aws-sdk/client-route-53';
import {
  DescribeStateMachineCommand,
  ListStateMachinesCommand,
  SFNClient,
  type StateMachineListItem,
} from '@aws-sdk/client-sfn';
import { DescribeParametersCommand, type ParameterMetadata, SSMClient } from '@aws-sdk/client-ssm';
import { DESIRED_COUNT, resourceId } from '../ecs/scalable.ts';
import { clientDefaults } from '../engine/clients.ts';
import type { RuntimeConfig, ServiceConfig } from '../engine/config.ts';
import { ActionFailedError, PermissionError } from '../engine/errors.ts';
import type { Pacer } from '../engine/pacer.ts';
import type { Side } from './diff.ts';
import { type ConfigItem, type ItemKind, inOrder, type Unread } from './item.ts';
import { attempt, PacedReading } from './paced.ts';
import { isBackedUpAlarm, type Part, serviceId } from './parts.ts';
import {
  alarmItem,
  certificateItem,
  parameterItem,
  recordItem,
  ruleItem,
  scalingItem,
  serviceItem,
  stateMachineItem,
} from './shapes.ts';

interface Clients {
  readonly ecs: ECSClient;
  readonly scaling: ApplicationAutoScalingClient;
  readonly cloudwatch: CloudWatchClient;
  readonly acm: ACMClient;
  readonly route53: Route53Client;
  readonly ssm: SSMClient;
  readonly events: EventBridgeClient;
  readonly states: SFNClient;
}

/** @param settings region, endpoint and credentials, where they aren't the function's own. */
export function openClients(settings: object = {}): Clients {
  const all = { ...clientDefaults(), ...settings };
  return {
    ecs: new ECSClient(all),
    scaling: new ApplicationAutoScalingClient(all),
    cloudwatch: new CloudWatchClient(all),
    acm: new ACMClient(all),
    route53: new Route53Client(all),
    ssm: new SSMClient(all),
    events: new EventBridgeClient(all),
    states: new SFNClient(all),
  };
}

export class ConfigurationReader {
  readonly #clients: Clients;
  readonly #reading: PacedReading;
  readonly #config: RuntimeConfig;

  constructor(clients: Clients, pacer: Pick<Pacer, 'take'>, config: RuntimeConfig) {
    this.#clients = clients;
    this.#reading = new PacedReading(pacer);
    this.#config = config;
  }

  /** @throws EngineError (retryable) for what may pass; what is refused is in `unread`. */
  async read(part: Part): Promise<Side> {
    const unread: Unread[] = [];
    const items = await this.#readPart(part, unread);
    return { items: inOrder(items), unread };
  }

  async #readPart(part: Part, unread: Unread[]): Promise<ConfigItem[]> {
    switch (part.kind) {
      case 'services': {
        const items: ConfigItem[] = [];
        for (const service of part.services) items.push(...(await this.service(service, unread)));
        return items;
      }
      case 'zone':
        return (await attempt(unread, 'record', `${part.zone}/`, () => this.records(part.zone))) ?? [];
      case 'alarms':
        return (await attempt(unread, 'alarm', '', () => this.#alarms())) ?? [];
      case 'certificates': {
        const items: ConfigItem[] = [];
        for (const { arn } of Object.values(this.#config.certificates)) {
          const found = await attempt(unread, 'certificate', arn, () => this.#certificate(arn));
          if (found) items.push(found);
        }
        return items;
      }
      case 'parameters':
        return this.#byPrefix('parameter', this.#backup.parameters, unread, (prefix) => this.#parameters(prefix));
      case 'rules':
        return this.#byPrefix('rule', this.#backup.rules, unread, (prefix) => this.#rules(prefix), 'default/');
      case 'state-machines':
        return (await attempt(unread, 'state-machine', '', () => this.#stateMachines(unread))) ?? [];
      default:
        return part satisfies never;
    }
  }

  get #backup() {
    const { configurationBackup } = this.#config;
    if (!configurationBackup) throw new ActionFailedError('configurationBackup: not in the configuration any more');
    return configurationBackup;
  }

  async #byPrefix(
    kind: ItemKind,
    prefixes: readonly string[],
    unread: Unread[],
    read: (prefix: string) => Promise<ConfigItem[]>,
    before = '',
  ): Promise<ConfigItem[]> {
    const found = new Map<string, ConfigItem>();
    for (const prefix of prefixes)
      for (const item of (await attempt(unread, kind, before + prefix, () => read(prefix))) ?? [])
        found.set(item.id, item);
    return [...found.values()];
  }

  /** A service with its task definition and its scaling; nothing of one that isn't there. */
  async service(target: ServiceConfig, unread: Unread[]): Promise<ConfigItem[]> {
    const id = serviceId(target);
    const found = await attempt(unread, 'service', id, () => this.#describeService(target));
    const scaling = await attempt(unread, 'scaling', id, () => this.#scaling(target));
    return [...(found ?? []), ...(scaling ?? [])];
  }

  async #describeService(target: ServiceConfig): Promise<ConfigItem[]> {
    const { cluster, service } = target;
    const found = await this.#reading.ask<Service | undefined>(`describe service ${serviceId(target)}`, async () => {
      const command = new DescribeServicesCommand({ cluster, services: [service] });
      try {
        return (await this.#clients.ecs.send(command)).services?.find(({ status }) => status === 'ACTIVE');
      } catch (error) {
        if (error instanceof Error && error.name === 'ClusterNotFoundException') return undefined;
        throw error;
      }
    });
    if (!found) return [];
    const { taskDefinition } = found;
    const definition =
      taskDefinition === undefined
        ? undefined
        : await this.#reading.ask(`describe ${taskDefinition}`, async () => {
            const command = new DescribeTaskDefinitionCommand({ taskDefinition });
            return (await this.#clients.ecs.send(command)).taskDefinition;
          });
    return [serviceItem(serviceId(target), found, definition)];
  }

  async #scaling(target: ServiceConfig): Promise<ConfigItem[]> {
    const what = `the scaling of ${serviceId(target)}`;
    const scalable = await this.#reading.ask(`describe ${what}`, async () => {
      const command = new DescribeScalableTargetsCommand({ ...DESIRED_COUNT, ResourceIds: [resourceId(target)] });
      return (await this.#clients.scaling.send(command)).ScalableTargets?.[0];
    });
    if (!scalable) return [];
    const policies = await this.#reading.pages<ScalingPolicy>(`list the policies of ${what}`, async (NextToken) => {
      const reply = await this.#clients.scaling.send(
        new DescribeScalingPoliciesCommand({
          ...{ ...DESIRED_COUNT, ResourceId: resourceId(target) },
          ...(NextToken !== undefined && { NextToken }),
        } as never),
      );
      return { items: reply.ScalingPolicies ?? [], next: reply.NextToken };
    });
    return [scalingItem(serviceId(target), scalable, policies)];
  }

  /** Every record of a zone ("ListResourceRecordSets": what is truncated goes on at name, type and identifier). */
  async records(zone: string): Promise<ConfigItem[]> {
    type Start = { readonly [key: string]: string | undefined };
    const found = await this.#reading.pages<ResourceRecordSet, Start>(`list the records of ${zone}`, async (start) => {
      const reply = await this.#clients.route53.send(
        new ListResourceRecordSetsCommand({ HostedZoneId: zone, ...start } as never),
      );
      const next = {
        StartRecordName: reply.NextRecordName,
        StartRecordType: reply.NextRecordType,
        StartRecordIdentifier: reply.NextRecordIdentifier,
      };
      return { items: reply.ResourceRecordSets ?? [], next: reply.IsTruncated ? next : undefined };
    });
    return found.map((record) => recordItem(zone, record));
  }

  /** One record set by its id; undefined: there is none. Those of one name and type are at most a hundred. @throws EngineError */
  async record(id: string): Promise<ConfigItem | undefined> {
    const [zone = '', name = '', type] = id.split('/');
    const found = await this.#reading.ask(`list the records ${id}`, async () => {
      const start = { StartRecordName: name, StartRecordType: type as RRType };
      const command = new ListResourceRecordSetsCommand({ HostedZoneId: zone, MaxItems: 100, ...start });
      return (await this.#clients.route53.send(command)).ResourceRecordSets ?? [];
    });
    return found.map((record) => recordItem(zone, record)).find((item) => item.id === id);
  }

  async #alarms(): Promise<ConfigItem[]> {
    const found = await this.#reading.pages<MetricAlarm>('list the alarms', async (NextToken) => {
      const reply = await this.#clients.cloudwatch.send(
        new DescribeAlarmsCommand({ AlarmTypes: ['MetricAlarm'], MaxRecords: 100, NextToken }),
      );
      return { items: reply.MetricAlarms ?? [], next: reply.NextToken };
    });
    return found.filter((alarm) => isBackedUpAlarm(alarm, this.#config)).map(alarmItem);
  }

  /** One alarm by its name; undefined: there is none. @throws EngineError */
  alarm(name: string): Promise<ConfigItem | undefined> {
    return this.#reading.ask(`describe the alarm ${name}`, async () => {
      const command = new DescribeAlarmsCommand({ AlarmTypes: ['MetricAlarm'], AlarmNames: [name] });
      const [found] = (await this.#clients.cloudwatch.send(command)).MetricAlarms ?? [];
      return found && alarmItem(found);
    });
  }

  /**
   * Its names, dates and validation records; of an imported one its public part too ("GetCertificate": the certificate and its chain, never a key). One that ACM issued can be had from
   * there only, so its text helps nobody.
   */
  async #certificate(arn: string): Promise<ConfigItem> {
    const { acm } = this.#clients;
    const found = await this.#reading.ask(`describe the certificate ${arn}`, async () => {
      const { Certificate } = await acm.send(new DescribeCertificateCommand({ CertificateArn: arn }));
      return Certificate ?? {};
    });
    if (found.Type !== 'IMPORTED') return certificateItem(arn, found);
    try {
      const kept = await this.#reading.ask(`get the public part of ${arn}`, () =>
        acm.send(new GetCertificateCommand({ CertificateArn: arn })),
      );
      return certificateItem(arn, found, kept);
    } catch (error) {
      // Allowed of those with `importFrom` only: of another one that a person imported the rest is kept.
      if (error instanceof PermissionError) return certificateItem(arn, found);
      throw error;
    }
  }

  /** Names, versions and kinds: `DescribeParameters` tells no value. */
  async #parameters(prefix: string, option: 'BeginsWith' | 'Equals' = 'BeginsWith'): Promise<ConfigItem[]> {
    const found = await this.#reading.pages<ParameterMetadata>(`list the parameters ${prefix}`, async (NextToken) => {
      const ParameterFilters = [{ Key: 'Name', Option: option, Values: [prefix] }];
      const reply = await this.#clients.ssm.send(
        new DescribeParametersCommand({ ParameterFilters, MaxResults: 50, NextToken }),
      );
      return { items: reply.Parameters ?? [], next: reply.NextToken };
    });
    return found.map(parameterItem);
  }

  /** One parameter by its name; undefined: there is none. @throws EngineError */
  async parameter(name: string): Promise<ConfigItem | undefined> {
    return (await this.#parameters(name, 'Equals')).find(({ id }) => id === name);
  }

  async #rules(prefix: string): Promise<ConfigItem[]> {
    const rules = await this.#reading.pages<Rule>(`list the rules ${prefix}`, async (NextToken) => {
      const reply = await this.#clients.events.send(new ListRulesCommand({ NamePrefix: prefix, NextToken }));
      return { items: reply.Rules ?? [], next: reply.NextToken };
    });
    const items: ConfigItem[] = [];
    for (const rule of rules) {
      const targets = await this.#reading.pages<Target>(`list the targets of ${rule.Name}`, async (NextToken) => {
        const reply = await this.#clients.events.send(new ListTargetsByRuleCommand({ Rule: rule.Name, NextToken }));
        return { items: reply.Targets ?? [], next: reply.NextToken };
      });
      items.push(ruleItem(rule, targets));
    }
    return items;
  }

  async #stateMachines(unread: Unread[]): Promise<ConfigItem[]> {
    const listed = await this.#reading.pages<StateMachineListItem>('list the state machines', async (nextToken) => {
      const reply = await this.#clients.states.send(new ListStateMachinesCommand({ maxResults: 1000, nextToken }));
      return { items: reply.stateMachines ?? [], next: reply.nextToken };
    });
    const prefixes = this.#backup.stateMachines;
    const items: ConfigItem[] = [];
    for (const { name = '', stateMachineArn } of listed) {
      if (!prefixes.some((prefix) => name.startsWith(prefix))) continue;
      const found = await attempt(unread, 'state-machine', name, () =>
        this.#reading.ask(`describe the state machine ${name}`, () =>
          this.#clients.states.send(new DescribeStateMachineCommand({ stateMachineArn })),
        ),
      );
      if (found) items.push(stateMachineItem(found));
    }
    return items;
  }
}
