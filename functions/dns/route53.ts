/**
 * Three operations of Amazon Route 53 (REST-XML, version 2013-04-01), signed by hand. Its control plane is one, in us-east-1 ("AWS service endpoints": the scope of
 * a signature to route53.amazonaws.com is us-east-1, wherever the caller is).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { classifyAwsError } from '../engine/errors.ts';
import { signedHeaders } from '../engine/signing.ts';
import type { RecordNamed, RecordState } from './record.ts';
import { elements, escapeXml, textOf } from './xml.ts';

const VERSION = '2013-04-01';
const NAMESPACE = `https://route53.amazonaws.com/doc/${VERSION}/`;
const REGION = 'us-east-1';
const READ = { tries: 3, timeoutMs: 3_000 } as const;
/** At most as long as `CHANGING_CALL_BUDGET_MS`. */
const CHANGE = { tries: 2, timeoutMs: 5_000 } as const;
const BASE_MS = 100;

interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
}

/** @throws EngineError by `classifyAwsError`, whose cause is named as Route 53 names the error. */
async function ask(
  action: `route53:${string}`,
  request: Request,
  { tries, timeoutMs }: { readonly tries: number; readonly timeoutMs: number } = READ,
): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await askOnce(request, timeoutMs);
    } catch (error) {
      const classified = classifyAwsError(action, error);
      if (!classified.retryable || attempt === tries) throw classified;
      await sleep(Math.random() * BASE_MS * 2 ** attempt);
    }
  }
}

async function askOnce({ method, path, body }: Request, timeoutMs: number): Promise<string> {
  const { env } = process;
  const base = env.AWS_ENDPOINT_URL_ROUTE_53 ?? env.AWS_ENDPOINT_URL ?? 'https://route53.amazonaws.com';
  const url = new URL(`${base.replace(/\/$/, '')}/${VERSION}/${path}`);
  const content = body === undefined ? {} : { headers: { 'content-type': 'application/xml' }, body };
  const headers = await signedHeaders({ service: 'route53', region: REGION, method, url, ...content }, env);
  const signal = AbortSignal.timeout(timeoutMs);
  const reply = await fetch(url, { method, headers, signal, ...(body !== undefined && { body }) });
  const text = await reply.text();
  if (!reply.ok) throw errorOf(reply.status, text);
  return text;
}

/**
 * "InvalidChangeBatch" has a form of its own, with messages; every other error is an ErrorResponse with a Code. "PriorRequestNotComplete" (400): another change
 * of the zone is under way, so it is worth another try.
 */
function errorOf(status: number, text: string): Error {
  const name = /<InvalidChangeBatch[\s>]/.test(text)
    ? 'InvalidChangeBatch'
    : (textOf(text, 'Code') ?? `Status${status}`);
  const httpStatusCode = name === 'PriorRequestNotComplete' ? 503 : status;
  return Object.assign(new Error(textOf(text, 'Message') ?? name), { name, $metadata: { httpStatusCode } });
}

export type RecordReading =
  | { readonly kind: 'missing' }
  /** It has a routing policy, a health check of its own or what else makes it more than one answer for everybody. */
  | { readonly kind: 'not-simple'; readonly why: string }
  | { readonly kind: 'record'; readonly record: RecordState };

/** "ListResourceRecordSets": those of the name and type, and what follows them; the first is looked at. @throws EngineError */
export async function readRecord(zoneId: string, { recordName, recordType }: RecordNamed): Promise<RecordReading> {
  const query = new URLSearchParams({ maxitems: '1', name: recordName, type: recordType });
  const reply = await ask('route53:ListResourceRecordSets', {
    method: 'GET',
    path: `hostedzone/${zoneId}/rrset?${query}`,
  });
  const [found] = elements(reply, 'ResourceRecordSet');
  const isIt =
    found !== undefined &&
    textOf(found, 'Type') === recordType &&
    unescapeName(textOf(found, 'Name') ?? '') === `${recordName.toLowerCase().replace(/\.$/, '')}.`;
  if (!isIt) return { kind: 'missing' };
  const policy = ['SetIdentifier', 'HealthCheckId', 'TrafficPolicyInstanceId'].find((name) => textOf(found, name));
  if (policy) return { kind: 'not-simple', why: `it has a ${policy}` };
  const [alias] = elements(found, 'AliasTarget');
  if (alias === undefined)
    return {
      kind: 'record',
      record: {
        ttlSeconds: Number(textOf(found, 'TTL')),
        values: elements(found, 'ResourceRecord').map((each) => textOf(each, 'Value') ?? ''),
      },
    };
  return {
    kind: 'record',
    record: {
      aliasZoneId: textOf(alias, 'HostedZoneId') ?? '',
      dnsName: textOf(alias, 'DNSName') ?? '',
      evaluateTargetHealth: textOf(alias, 'EvaluateTargetHealth') === 'true',
    },
  };
}

/** "DNS domain name format": characters besides letters, digits and hyphens come as octal escapes (`\052` is `*`). */
const unescapeName = (name: string): string =>
  name.toLowerCase().replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

export type Replaced =
  | { readonly kind: 'replaced'; readonly changeId: string }
  | { readonly kind: 'differs'; readonly why: string };

/**
 * Puts one record in the place of another, in one batch: the exact old one is deleted and the new one created, or nothing happens ("ChangeResourceRecordSets": all
 * changes of a batch are made or none is). So nobody else's change is overwritten, and repeating it after its answer was lost changes nothing.
 * @returns `differs` when the old record isn't as it was said to be.
 * @throws EngineError
 */
export async function replaceRecord(
  zoneId: string,
  named: RecordNamed,
  before: RecordState,
  after: RecordState,
): Promise<Replaced> {
  const changes = [change('DELETE', named, before), change('CREATE', named, after)].join('');
  const body = `<?xml version="1.0" encoding="UTF-8"?><ChangeResourceRecordSetsRequest xmlns="${NAMESPACE}"><ChangeBatch><Comment>Nightshift</Comment><Changes>${changes}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>`;
  try {
    const path = `hostedzone/${zoneId}/rrset/`;
    const reply = await ask('route53:ChangeResourceRecordSets', { method: 'POST', path, body }, CHANGE);
    return { kind: 'replaced', changeId: (textOf(reply, 'Id') ?? '').replace('/change/', '') };
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    if (cause instanceof Error && cause.name === 'InvalidChangeBatch') return { kind: 'differs', why: cause.message };
    throw error;
  }
}

function change(action: 'DELETE' | 'CREATE', { recordName, recordType }: RecordNamed, record: RecordState): string {
  const content =
    'values' in record
      ? `<TTL>${record.ttlSeconds}</TTL><ResourceRecords>${record.values
          .map((value) => `<ResourceRecord><Value>${escapeXml(value)}</Value></ResourceRecord>`)
          .join('')}</ResourceRecords>`
      : `<AliasTarget><HostedZoneId>${escapeXml(record.aliasZoneId)}</HostedZoneId><DNSName>${escapeXml(record.dnsName)}</DNSName><EvaluateTargetHealth>${record.evaluateTargetHealth}</EvaluateTargetHealth></AliasTarget>`;
  return `<Change><Action>${action}</Action><ResourceRecordSet><Name>${escapeXml(recordName)}</Name><Type>${recordType}</Type>${content}</ResourceRecordSet></Change>`;
}

/** What Route 53's checkers say of a health check: how many see the endpoint well, of those who told something lately. */
export interface CheckerVotes {
  readonly healthy: number;
  readonly all: number;
}

/** A report that is older tells nothing of now: checkers check every 10 or 30 seconds. */
const RECENT_MS = 180_000;

/**
 * "GetHealthCheckStatus": what each checker saw last. It isn't inverted and not the health check's own verdict, and is meant for few questions: here it is asked
 * once for each site when an alarm fires.
 * @throws EngineError
 */
export async function readVotes(healthCheckId: string, now: number): Promise<CheckerVotes> {
  const reply = await ask('route53:GetHealthCheckStatus', {
    method: 'GET',
    path: `healthcheck/${healthCheckId}/status`,
  });
  const recent = elements(reply, 'StatusReport').filter(
    (report) => now - Date.parse(textOf(report, 'CheckedTime') ?? '') < RECENT_MS,
  );
  const healthy = recent.filter((report) => textOf(report, 'Status')?.startsWith('Success')).length;
  return { healthy, all: recent.length };
}
