/** Building replies in the form that each protocol expects; for the gateway's own faults and for stand-ins. */
import { randomUUID } from 'node:crypto';
import type { AwsCall, AwsFault, AwsReply } from '../world/types.ts';

type Replied = Pick<AwsCall, 'protocol' | 'service' | 'operation'>;

const XML_REST = new Set(['s3', 'route53', 'cloudfront']);
/** JSON services that were query services once: clients of the old form read the code from this header (Smithy, awsQueryCompatible). */
const QUERY_COMPATIBLE = new Set(['sqs', 'monitoring']);
const JSON_1_1 = new Set([
  'ecs',
  'events',
  'application-autoscaling',
  'logs',
  'ssm',
  'secretsmanager',
  'acm',
  'kms',
  'tagging',
]);

const requestId = (): Record<string, string> => ({ 'x-amzn-requestid': randomUUID() });

function jsonType(call: Replied): string {
  if (call.protocol !== 'json') return 'application/json';
  return JSON_1_1.has(call.service) ? 'application/x-amz-json-1.1' : 'application/x-amz-json-1.0';
}

/** 200 (or `status`) with `body` as JSON; for the JSON protocols and for REST-JSON. */
export function jsonReply(call: Replied, body: unknown, status = 200): AwsReply {
  return {
    status,
    headers: { 'content-type': jsonType(call), ...requestId() },
    body: body === undefined ? '' : JSON.stringify(body),
  };
}

/** Text made safe inside XML. */
export const escapeXml = (text: string): string =>
  text.replace(/[&<>"']/g, (found) => `&#${found.codePointAt(0) ?? 0};`);

/**
 * 200 (or `status`) with an XML body. For the query protocol give what stands inside `<OperationResult>`: the envelope is added;
 * for REST-XML give the whole document without the XML declaration.
 * @param namespace the service's XML namespace, such as `http://rds.amazonaws.com/doc/2014-10-31/`.
 */
export function xmlReply(
  call: Replied,
  inner: string,
  options: { namespace?: string; status?: number } = {},
): AwsReply {
  const ids = requestId();
  const xmlns = options.namespace ? ` xmlns="${options.namespace}"` : '';
  const { operation } = call;
  const document =
    call.protocol === 'query'
      ? `<${operation}Response${xmlns}><${operation}Result>${inner}</${operation}Result><ResponseMetadata><RequestId>${ids['x-amzn-requestid']}</RequestId></ResponseMetadata></${operation}Response>`
      : inner;
  return {
    status: options.status ?? 200,
    headers: { 'content-type': 'text/xml', ...ids },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${document}`,
  };
}

type Faulty = Pick<AwsFault, 'code' | 'message' | 'status'>;

function xmlFault(call: Replied, fault: Faulty): string {
  const { code } = fault;
  const message = escapeXml(fault.message);
  const id = randomUUID();
  if (call.service === 's3')
    return `<Error><Code>${code}</Code><Message>${message}</Message><RequestId>${id}</RequestId></Error>`;
  if (call.service === 'ec2')
    return `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>${id}</RequestID></Response>`;
  const type = fault.status >= 500 ? 'Receiver' : 'Sender';
  return `<ErrorResponse><Error><Type>${type}</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>${id}</RequestId></ErrorResponse>`;
}

/**
 * The error in the form that the call's protocol has for it, so that an SDK client raises an exception of that name.
 * @param extra further members of the error, for the JSON protocols (such as `CancellationReasons`).
 */
export function faultReply(call: Replied, fault: Faulty, extra: Record<string, unknown> = {}): AwsReply {
  if (call.protocol === 'query' || (call.protocol === 'rest' && XML_REST.has(call.service))) {
    const body = `<?xml version="1.0" encoding="UTF-8"?>\n${xmlFault(call, fault)}`;
    return { status: fault.status, headers: { 'content-type': 'text/xml', ...requestId() }, body };
  }
  const sender = fault.status >= 500 ? 'Receiver' : 'Sender';
  const headers = {
    'content-type': jsonType(call),
    'x-amzn-errortype': fault.code,
    ...(QUERY_COMPATIBLE.has(call.service) ? { 'x-amzn-query-error': `${fault.code};${sender}` } : {}),
    ...requestId(),
  };
  const body =
    call.protocol === 'json'
      ? { __type: fault.code, message: fault.message, Message: fault.message, ...extra }
      : { Type: sender === 'Sender' ? 'User' : 'Service', message: fault.message, Message: fault.message, ...extra };
  return { status: fault.status, headers, body: JSON.stringify(body) };
}
