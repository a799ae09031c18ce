/** Which API operations can change state: by the verb they begin with, and by name where the verb misleads. */

/** Verbs of reading; everything else counts as changing, so that an unknown operation is never taken for harmless. */
const READING_VERBS = [
  'BatchGet',
  'BatchDescribe',
  'Check',
  'Count',
  'Describe',
  'Download',
  'Estimate',
  'Filter',
  'Get',
  'Head',
  'List',
  'Lookup',
  'Query',
  'Scan',
  'Search',
  'Select',
  'Simulate',
  'Test',
  'TransactGet',
  'Validate',
  'View',
];

/** Operations whose verb says the opposite of what they do. */
const EXCEPTIONS: Readonly<Record<string, boolean>> = {
  // STS and SSO hand out identities; nothing of the customer's changes.
  'sts:AssumeRole': false,
  'sts:AssumeRoleWithWebIdentity': false,
  // A failover that is only rehearsed is still a failover.
  'rds:TestFailover': true,
  'elasticache:TestFailover': true,
  // Receiving hides a message from others for a while, but takes nothing away.
  'sqs:ReceiveMessage': false,
  'dynamodb:PartiQLSelect': false,
  // May hold INSERT, UPDATE or DELETE.
  'dynamodb:ExecuteStatement': true,
  // A function may do anything, but the change is the function's own call.
  'lambda:Invoke': false,
  'kms:Decrypt': false,
  'kms:Encrypt': false,
  'kms:GenerateDataKey': false,
  'states:ValidateStateMachineDefinition': false,
  'states:TestState': false,
  // Telling about things: recorded, but not a change of what is protected.
  'logs:StartQuery': false,
};

/**
 * Whether `operation` (as in `AwsCall.operation`) of `service` can change state. Unknown verbs count as changing; a REST call whose
 * operation isn't known (`METHOD /path`) is judged by its method.
 */
export function isChanging(service: string, operation: string): boolean {
  const exception = EXCEPTIONS[`${service}:${operation}`];
  if (exception !== undefined) return exception;
  const method = /^([A-Z]+) \//.exec(operation)?.[1];
  if (method) return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS';
  return !READING_VERBS.some((verb) => operation.startsWith(verb));
}
