/** What each service calls "too fast" and "not allowed": names and status codes differ from service to service. */

export interface ServiceError {
  readonly code: string;
  readonly status: number;
  readonly message: string;
}

/** From the services' API references, pages "Common Errors" / "Error Responses"; the default is the SDKs' common form. */
const THROTTLED: Readonly<Record<string, readonly [code: string, status: number, message?: string]>> = {
  dynamodb: ['ThrottlingException', 400, 'Throughput exceeds the current capacity of your table or index.'],
  lambda: ['TooManyRequestsException', 429],
  scheduler: ['ThrottlingException', 429],
  rds: ['Throttling', 400],
  cloudformation: ['Throttling', 400],
  iam: ['Throttling', 400],
  sts: ['Throttling', 400],
  autoscaling: ['Throttling', 400],
  elasticloadbalancing: ['Throttling', 400],
  route53: ['Throttling', 400],
  sns: ['Throttled', 429],
  sqs: ['RequestThrottled', 400],
  ec2: ['RequestLimitExceeded', 503, 'Request limit exceeded.'],
  s3: ['SlowDown', 503, 'Please reduce your request rate.'],
};

const REFUSED: Readonly<Record<string, readonly [code: string, status: number]>> = {
  rds: ['AccessDenied', 403],
  cloudformation: ['AccessDenied', 403],
  iam: ['AccessDenied', 403],
  sts: ['AccessDenied', 403],
  autoscaling: ['AccessDenied', 403],
  elasticloadbalancing: ['AccessDenied', 403],
  route53: ['AccessDenied', 403],
  s3: ['AccessDenied', 403],
  sns: ['AuthorizationError', 403],
  sqs: ['AccessDenied', 403],
  ec2: ['UnauthorizedOperation', 403],
  lambda: ['AccessDeniedException', 403],
  scheduler: ['AccessDeniedException', 403],
};

/** IAM's prefixes differ from the signing names of a few services. */
const IAM_PREFIX: Readonly<Record<string, string>> = { monitoring: 'cloudwatch', email: 'ses' };

/** The error with which `service` throttles. */
export function throttledError(service: string): ServiceError {
  const [code, status, message] = THROTTLED[service] ?? ['ThrottlingException', 400];
  return { code, status, message: message ?? 'Rate exceeded' };
}

/** The error with which `service` refuses `operation` to a caller without the permission. */
export function refusedError(service: string, operation: string, caller: string): ServiceError {
  const [code, status] = REFUSED[service] ?? ['AccessDeniedException', 400];
  const action = `${IAM_PREFIX[service] ?? service}:${service === 'lambda' && operation === 'Invoke' ? 'InvokeFunction' : operation}`;
  const who = `arn:aws:sts::000000000000:assumed-role/${caller || 'unknown'}/local`;
  return {
    code,
    status,
    message: `User: ${who} is not authorized to perform: ${action} because no identity-based policy allows the ${action} action`,
  };
}
