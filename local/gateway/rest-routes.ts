/**
 * Operations of the REST services, by method and path, as far as the local world meets them (each service's API reference gives them on the
 * operation's page, "Request Syntax"). An unknown one is called `METHOD /path`.
 */

interface Route {
  readonly method: string;
  /** `{Name}` takes one segment, `{Name+}` the rest. */
  readonly pattern: RegExp;
  readonly names: readonly string[];
  readonly operation: string;
}

export interface RouteMatch {
  readonly operation: string;
  /** Path parameters, decoded. */
  readonly params: Readonly<Record<string, string>>;
}

function route(line: string): Route {
  const [method = '', template = '', operation = ''] = line.split(/\s+/);
  const names: string[] = [];
  const source = template.replace(/\{(\w+)(\+?)\}/g, (_, name: string, rest: string) => {
    names.push(name);
    return rest ? '(.+)' : '([^/]+)';
  });
  return { method, pattern: new RegExp(`^${source}/?$`), names, operation };
}

const LAMBDA = `
POST   /2015-03-31/functions/{FunctionName}/invocations InvokeFunction
POST   /2014-11-13/functions/{FunctionName}/invoke-async InvokeAsync
POST   /2021-11-15/functions/{FunctionName}/response-streaming-invocations InvokeWithResponseStream
GET    /2015-03-31/functions ListFunctions
POST   /2015-03-31/functions CreateFunction
GET    /2015-03-31/functions/{FunctionName} GetFunction
DELETE /2015-03-31/functions/{FunctionName} DeleteFunction
GET    /2015-03-31/functions/{FunctionName}/configuration GetFunctionConfiguration
PUT    /2015-03-31/functions/{FunctionName}/configuration UpdateFunctionConfiguration
PUT    /2015-03-31/functions/{FunctionName}/code UpdateFunctionCode
GET    /2015-03-31/functions/{FunctionName}/versions ListVersionsByFunction
POST   /2015-03-31/functions/{FunctionName}/versions PublishVersion
GET    /2015-03-31/functions/{FunctionName}/aliases ListAliases
POST   /2015-03-31/functions/{FunctionName}/aliases CreateAlias
GET    /2015-03-31/functions/{FunctionName}/aliases/{Name} GetAlias
PUT    /2015-03-31/functions/{FunctionName}/aliases/{Name} UpdateAlias
DELETE /2015-03-31/functions/{FunctionName}/aliases/{Name} DeleteAlias
GET    /2015-03-31/functions/{FunctionName}/policy GetPolicy
POST   /2015-03-31/functions/{FunctionName}/policy AddPermission
DELETE /2015-03-31/functions/{FunctionName}/policy/{StatementId} RemovePermission
GET    /2019-09-25/functions/{FunctionName}/event-invoke-config GetFunctionEventInvokeConfig
PUT    /2019-09-25/functions/{FunctionName}/event-invoke-config PutFunctionEventInvokeConfig
POST   /2019-09-25/functions/{FunctionName}/event-invoke-config UpdateFunctionEventInvokeConfig
DELETE /2019-09-25/functions/{FunctionName}/event-invoke-config DeleteFunctionEventInvokeConfig
GET    /2019-09-25/functions/{FunctionName}/event-invoke-config/list ListFunctionEventInvokeConfigs
GET    /2019-09-30/functions/{FunctionName}/concurrency GetFunctionConcurrency
PUT    /2017-10-31/functions/{FunctionName}/concurrency PutFunctionConcurrency
DELETE /2017-10-31/functions/{FunctionName}/concurrency DeleteFunctionConcurrency
GET    /2016-08-19/account-settings GetAccountSettings
GET    /2015-03-31/event-source-mappings ListEventSourceMappings
POST   /2015-03-31/event-source-mappings CreateEventSourceMapping
GET    /2015-03-31/event-source-mappings/{UUID} GetEventSourceMapping
PUT    /2015-03-31/event-source-mappings/{UUID} UpdateEventSourceMapping
DELETE /2015-03-31/event-source-mappings/{UUID} DeleteEventSourceMapping
GET    /2017-03-31/tags/{Resource+} ListTags
POST   /2017-03-31/tags/{Resource+} TagResource
DELETE /2017-03-31/tags/{Resource+} UntagResource
GET    /2021-10-31/functions/{FunctionName}/url GetFunctionUrlConfig
POST   /2021-10-31/functions/{FunctionName}/url CreateFunctionUrlConfig`;

const SCHEDULER = `
GET    /schedules ListSchedules
GET    /schedules/{Name} GetSchedule
POST   /schedules/{Name} CreateSchedule
PUT    /schedules/{Name} UpdateSchedule
DELETE /schedules/{Name} DeleteSchedule
GET    /schedule-groups ListScheduleGroups
GET    /schedule-groups/{Name} GetScheduleGroup
POST   /schedule-groups/{Name} CreateScheduleGroup
DELETE /schedule-groups/{Name} DeleteScheduleGroup
GET    /tags/{ResourceArn+} ListTagsForResource
POST   /tags/{ResourceArn+} TagResource
DELETE /tags/{ResourceArn+} UntagResource`;

const ROUTE53 = `
GET    /2013-04-01/hostedzone ListHostedZones
POST   /2013-04-01/hostedzone CreateHostedZone
GET    /2013-04-01/hostedzone/{Id} GetHostedZone
DELETE /2013-04-01/hostedzone/{Id} DeleteHostedZone
POST   /2013-04-01/hostedzone/{Id} UpdateHostedZoneComment
GET    /2013-04-01/hostedzone/{Id}/rrset ListResourceRecordSets
POST   /2013-04-01/hostedzone/{Id}/rrset ChangeResourceRecordSets
GET    /2013-04-01/hostedzonesbyname ListHostedZonesByName
GET    /2013-04-01/hostedzonecount GetHostedZoneCount
GET    /2013-04-01/change/{Id} GetChange
GET    /2013-04-01/healthcheck ListHealthChecks
POST   /2013-04-01/healthcheck CreateHealthCheck
GET    /2013-04-01/healthcheckcount GetHealthCheckCount
GET    /2013-04-01/healthcheck/{HealthCheckId} GetHealthCheck
POST   /2013-04-01/healthcheck/{HealthCheckId} UpdateHealthCheck
DELETE /2013-04-01/healthcheck/{HealthCheckId} DeleteHealthCheck
GET    /2013-04-01/healthcheck/{HealthCheckId}/status GetHealthCheckStatus
GET    /2013-04-01/healthcheck/{HealthCheckId}/lastfailurereason GetHealthCheckLastFailureReason
GET    /2013-04-01/testdnsanswer TestDNSAnswer
GET    /2013-04-01/tags/{ResourceType}/{ResourceId} ListTagsForResource
POST   /2013-04-01/tags/{ResourceType}/{ResourceId} ChangeTagsForResource
POST   /2013-04-01/tags/{ResourceType} ListTagsForResources`;

const parse = (table: string): readonly Route[] => table.trim().split('\n').map(route);

const ROUTES: Readonly<Record<string, readonly Route[]>> = {
  lambda: parse(LAMBDA).map((entry) =>
    entry.operation === 'InvokeFunction' ? { ...entry, operation: 'Invoke' } : entry,
  ),
  scheduler: parse(SCHEDULER),
  route53: parse(ROUTE53),
};

/** The operation and path parameters of a REST call, or nothing when the service or the path isn't in the table. */
export function matchRoute(service: string, method: string, url: URL): RouteMatch | undefined {
  if (service === 's3') return s3(method, url);
  for (const candidate of ROUTES[service] ?? []) {
    const found = candidate.method === method && candidate.pattern.exec(url.pathname);
    if (!found) continue;
    const params = candidate.names.map((name, index) => [name, decodeURIComponent(found[index + 1] ?? '')]);
    return { operation: candidate.operation, params: Object.fromEntries(params) };
  }
  return undefined;
}

const S3_OBJECT: Readonly<Record<string, string>> = {
  GET: 'GetObject',
  HEAD: 'HeadObject',
  PUT: 'PutObject',
  DELETE: 'DeleteObject',
};
const S3_BUCKET: Readonly<Record<string, string>> = {
  GET: 'ListObjectsV2',
  HEAD: 'HeadBucket',
  PUT: 'CreateBucket',
  DELETE: 'DeleteBucket',
};

/** S3's operations hang on the method, on whether there is a key, and on a sub-resource in the query (path style only). */
function s3(method: string, url: URL): RouteMatch | undefined {
  const [bucket = '', ...rest] = decodeURIComponent(url.pathname.slice(1)).split('/');
  const key = rest.join('/');
  if (!bucket) return { operation: 'ListBuckets', params: {} };
  const params = { Bucket: bucket, ...(key && { Key: key }) };
  const sub = [...url.searchParams.keys()].find((name) =>
    /^(acl|policy|versioning|lifecycle|tagging|uploads|uploadId|delete|encryption|location|versions|replication|notification|retention|legal-hold|object-lock|publicAccessBlock|ownershipControls|cors|logging)$/.test(
      name,
    ),
  );
  if (sub) return { operation: `${method} /${key ? '{Key}' : '{Bucket}'}?${sub}`, params };
  const operation = (key ? S3_OBJECT : S3_BUCKET)[method];
  return operation ? { operation, params } : undefined;
}
