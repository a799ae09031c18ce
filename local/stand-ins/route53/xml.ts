/** Documents of Route 53's REST-XML API, version 2013-04-01 (Amazon Route 53 API Reference, "Request Syntax" and "Response Syntax" of each operation). */
import { XMLBuilder, XMLParser } from 'fast-xml-parser';
import { xmlReply } from '../../gateway/reply.ts';
import { type AwsCall, AwsFault, type AwsReply } from '../../world/types.ts';
import type { RecordChange } from './changes.ts';
import { canonical, type HealthCheck, type HealthCheckConfig, type RecordSet } from './model.ts';

export const NAMESPACE = 'https://route53.amazonaws.com/doc/2013-04-01/';
const LISTS = ['Change', 'ResourceRecord'];
const parser = new XMLParser({ ignoreAttributes: true, parseTagValue: false, isArray: (name) => LISTS.includes(name) });
const builder = new XMLBuilder({ ignoreAttributes: false, suppressEmptyNode: true });

type Node = { readonly [name: string]: unknown };
const child = (node: Node, name: string): Node => (node[name] ?? {}) as Node;
const text = (node: Node, name: string): string | undefined =>
  node[name] === undefined ? undefined : String(node[name]);
const list = (node: Node, name: string): readonly Node[] => (Array.isArray(node[name]) ? (node[name] as Node[]) : []);

/** The document inside the root element. @throws AwsFault InvalidInput when the body is something else. */
export function readDocument({ body }: Pick<AwsCall, 'body'>, root: string): Node {
  let parsed: Node;
  try {
    parsed = parser.parse(body.toString('utf8'), true) as Node;
  } catch (error) {
    throw new AwsFault('InvalidInput', `Invalid XML: ${error instanceof Error ? error.message : String(error)}`);
  }
  const found = parsed[root];
  if (typeof found !== 'object' || found === null) throw new AwsFault('InvalidInput', `Expected a ${root}`);
  return found as Node;
}

export const replyWith = (call: AwsCall, root: string, content: Node, status = 200): AwsReply =>
  xmlReply(call, builder.build({ [root]: { '@_xmlns': NAMESPACE, ...content } }), { status });

/** @throws AwsFault InvalidInput for what isn't a change or isn't in the local world. */
export function readChanges(document: Node): RecordChange[] {
  const changes = list(child(child(document, 'ChangeBatch'), 'Changes'), 'Change');
  if (changes.length === 0) throw new AwsFault('InvalidInput', 'A change batch holds at least one change');
  return changes.map((change) => {
    const action = text(change, 'Action');
    if (action !== 'CREATE' && action !== 'DELETE' && action !== 'UPSERT')
      throw new AwsFault('InvalidInput', `Action ${action}: expected CREATE, DELETE or UPSERT`);
    return { action, record: readRecord(child(change, 'ResourceRecordSet')) };
  });
}

function readRecord(node: Node): RecordSet {
  const strange = Object.keys(node).find((name) =>
    /^(Region|GeoLocation|MultiValueAnswer|Cidr|TrafficPolicy)/.test(name),
  );
  if (strange) throw new AwsFault('InvalidInput', `${strange} is not yet in the local world (Route 53 stand-in)`);
  const alias = node.AliasTarget === undefined ? undefined : child(node, 'AliasTarget');
  const [name, type, ttl] = [text(node, 'Name'), text(node, 'Type'), text(node, 'TTL')];
  const values = list(child(node, 'ResourceRecords'), 'ResourceRecord').map((each) => text(each, 'Value') ?? '');
  if (!name || !type) throw new AwsFault('InvalidInput', 'A resource record set has a Name and a Type');
  if (alias ? values.length > 0 || ttl !== undefined : values.length === 0 || ttl === undefined)
    throw new AwsFault('InvalidInput', 'Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords]]');
  const [weight, failover] = [text(node, 'Weight'), text(node, 'Failover')];
  const [setIdentifier, healthCheckId] = [text(node, 'SetIdentifier'), text(node, 'HealthCheckId')];
  return {
    name: canonical(name),
    type,
    values,
    ...(ttl !== undefined && { ttlSeconds: Number(ttl) }),
    ...(alias && {
      alias: {
        zoneId: text(alias, 'HostedZoneId') ?? '',
        dnsName: canonical(text(alias, 'DNSName') ?? ''),
        evaluateTargetHealth: text(alias, 'EvaluateTargetHealth') === 'true',
      },
    }),
    ...(setIdentifier !== undefined && { setIdentifier }),
    ...(weight !== undefined && { weight: Number(weight) }),
    ...((failover === 'PRIMARY' || failover === 'SECONDARY') && { failover }),
    ...(healthCheckId !== undefined && { healthCheckId }),
  };
}

/** ResourceRecordSet, its elements in the order of the API's schema. */
export function recordNode(record: RecordSet): Node {
  const { name, type, setIdentifier, weight, failover, ttlSeconds, values, alias, healthCheckId } = record;
  return {
    Name: name,
    Type: type,
    ...(setIdentifier !== undefined && { SetIdentifier: setIdentifier }),
    ...(weight !== undefined && { Weight: weight }),
    ...(failover && { Failover: failover }),
    ...(ttlSeconds !== undefined && { TTL: ttlSeconds }),
    ...(values.length > 0 && { ResourceRecords: { ResourceRecord: values.map((Value) => ({ Value })) } }),
    ...(alias && {
      AliasTarget: {
        HostedZoneId: alias.zoneId,
        DNSName: alias.dnsName,
        EvaluateTargetHealth: alias.evaluateTargetHealth,
      },
    }),
    ...(healthCheckId !== undefined && { HealthCheckId: healthCheckId }),
  };
}

/** HealthCheckConfig of CreateHealthCheck. @throws AwsFault InvalidInput */
export function readHealthCheckConfig(node: Node): HealthCheckConfig {
  const type = text(node, 'Type');
  if (type !== 'HTTP' && type !== 'HTTPS')
    throw new AwsFault('InvalidInput', `Health checks of type ${type} are not yet in the local world`);
  const [ipAddress, domainName] = [text(node, 'IPAddress'), text(node, 'FullyQualifiedDomainName')];
  if (!ipAddress && !domainName) throw new AwsFault('InvalidInput', 'Either IPAddress or FullyQualifiedDomainName');
  return {
    type,
    port: Number(text(node, 'Port') ?? (type === 'HTTP' ? 80 : 443)),
    resourcePath: text(node, 'ResourcePath') ?? '/',
    inverted: text(node, 'Inverted') === 'true',
    disabled: text(node, 'Disabled') === 'true',
    failureThreshold: Number(text(node, 'FailureThreshold') ?? 3),
    ...(ipAddress && { ipAddress }),
    ...(domainName && { domainName }),
  };
}

/** What UpdateHealthCheck may change here. */
export function updatedConfig(config: HealthCheckConfig, node: Node): HealthCheckConfig {
  const flag = (name: string, present: boolean) => (node[name] === undefined ? present : text(node, name) === 'true');
  return {
    ...config,
    inverted: flag('Inverted', config.inverted),
    disabled: flag('Disabled', config.disabled),
    resourcePath: text(node, 'ResourcePath') ?? config.resourcePath,
    failureThreshold: Number(text(node, 'FailureThreshold') ?? config.failureThreshold),
  };
}

/** HealthCheck. */
export const healthCheckNode = ({ id, callerReference, version, config }: HealthCheck): Node => ({
  Id: id,
  CallerReference: callerReference,
  HealthCheckConfig: {
    ...(config.ipAddress && { IPAddress: config.ipAddress }),
    Port: config.port,
    Type: config.type,
    ResourcePath: config.resourcePath,
    ...(config.domainName && { FullyQualifiedDomainName: config.domainName }),
    FailureThreshold: config.failureThreshold,
    Inverted: config.inverted,
    Disabled: config.disabled,
  },
  HealthCheckVersion: version,
});
