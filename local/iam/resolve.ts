/**
 * CloudFormation's intrinsic functions as far as policies use them, resolved from the template alone: names in our templates are fixed, so
 * what a reference becomes is known before the deployment. Each resource type's page in the CloudFormation Template Reference, "Return values".
 */

type Properties = Readonly<Record<string, unknown>>;

export interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Properties;
}

export interface PolicyTemplate {
  readonly Resources: Readonly<Record<string, TemplateResource>>;
}

/** Where the template is deployed. */
export interface Place {
  readonly account: string;
  readonly region: string;
  readonly stackName: string;
}

/** A reference that can't be resolved; the message names it. */
export class UnresolvedError extends Error {
  override readonly name = 'UnresolvedError';
}

/** The stream's label is the time at which it was enabled; any will do, because it is only ever compared with itself. */
const STREAM_LABEL = '2026-01-01T00:00:00.000';

type Arns = (arn: (service: string, resource: string) => string, name: string, properties: Properties) => string;

/** By type: the property that holds the name, what `Ref` gives when that isn't the name, and attributes. */
const TYPES: Readonly<Record<string, { name: string; ref?: Arns; attributes: Readonly<Record<string, Arns>> }>> = {
  'AWS::DynamoDB::Table': {
    name: 'TableName',
    attributes: {
      Arn: (arn, name) => arn('dynamodb', `table/${name}`),
      StreamArn: (arn, name) => arn('dynamodb', `table/${name}/stream/${STREAM_LABEL}`),
    },
  },
  'AWS::SQS::Queue': { name: 'QueueName', attributes: { Arn: (arn, name) => arn('sqs', name) } },
  'AWS::SNS::Topic': {
    name: 'TopicName',
    ref: (arn, name) => arn('sns', name),
    attributes: { TopicArn: (arn, name) => arn('sns', name) },
  },
  'AWS::Logs::LogGroup': {
    name: 'LogGroupName',
    attributes: { Arn: (arn, name) => arn('logs', `log-group:${name}:*`) },
  },
  'AWS::Lambda::Function': {
    name: 'FunctionName',
    attributes: { Arn: (arn, name) => arn('lambda', `function:${name}`) },
  },
  'AWS::Events::EventBus': { name: 'Name', attributes: { Arn: (arn, name) => arn('events', `event-bus/${name}`) } },
  'AWS::Events::Rule': { name: 'Name', attributes: { Arn: (arn, name) => arn('events', `rule/${name}`) } },
  'AWS::StepFunctions::StateMachine': {
    name: 'StateMachineName',
    ref: (arn, name) => arn('states', `stateMachine:${name}`),
    attributes: { Arn: (arn, name) => arn('states', `stateMachine:${name}`) },
  },
  'AWS::Scheduler::ScheduleGroup': {
    name: 'Name',
    attributes: { Arn: (arn, name) => arn('scheduler', `schedule-group/${name}`) },
  },
  // Buckets have neither region nor account in their ARN ("Amazon S3 resources", Service Authorization Reference).
  'AWS::S3::Bucket': { name: 'BucketName', attributes: { Arn: (_arn, name) => `arn:aws:s3:::${name}` } },
  'AWS::IAM::Role': { name: 'RoleName', attributes: { Arn: (arn, name) => arn('iam', `role/${name}`) } },
};

/** Resolves a value of `template` to plain JSON. @throws UnresolvedError for a reference or function that isn't known here. */
export function resolver(template: PolicyTemplate, place: Place): (value: unknown) => unknown {
  const pseudo: Readonly<Record<string, string>> = {
    'AWS::AccountId': place.account,
    'AWS::Region': place.region,
    'AWS::Partition': 'aws',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': place.stackName,
  };
  const arn = (service: string, resource: string) =>
    `arn:aws:${service}:${service === 'iam' ? '' : place.region}:${place.account}:${resource}`;

  function known(id: string, what: string) {
    const resource = template.Resources[id];
    const type = TYPES[resource?.Type ?? ''];
    if (!resource || !type) throw new UnresolvedError(`${what} of ${id} (${resource?.Type ?? 'no such resource'})`);
    const properties = resource.Properties ?? {};
    const name = properties[type.name] === undefined ? `${place.stackName}-${id}` : text(properties[type.name]);
    return { type, name, properties };
  }

  function reference(id: string): string {
    const value = pseudo[id];
    if (value !== undefined) return value;
    const { type, name, properties } = known(id, 'Ref');
    return type.ref ? type.ref(arn, name, properties) : name;
  }

  function attribute(id: string, name: string): string {
    const found = known(id, `Fn::GetAtt ${name}`);
    const make = found.type.attributes[name];
    if (!make) throw new UnresolvedError(`Fn::GetAtt ${name} of ${id}`);
    return make(arn, found.name, found.properties);
  }

  function text(value: unknown): string {
    const resolved = resolve(value);
    if (typeof resolved === 'string' || typeof resolved === 'number') return String(resolved);
    throw new UnresolvedError(`expected text, found ${JSON.stringify(value)}`);
  }

  function call(name: string, argument: unknown): unknown {
    if (name === 'Ref') return reference(String(argument));
    if (name === 'Fn::GetAtt') {
      const [id = '', of = ''] = Array.isArray(argument) ? argument.map(String) : String(argument).split('.');
      return attribute(id, of);
    }
    if (name === 'Fn::Join' && Array.isArray(argument)) {
      const [separator, parts] = argument as [string, readonly unknown[]];
      return parts.map(text).join(separator);
    }
    if (name === 'Fn::Sub' && typeof argument === 'string')
      return argument.replaceAll(/\$\{([^}!.]+)(?:\.([^}]+))?\}/g, (_, id: string, of?: string) =>
        of ? attribute(id, of) : reference(id),
      );
    throw new UnresolvedError(`${name} ${JSON.stringify(argument)}`);
  }

  function resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(resolve);
    if (typeof value !== 'object' || value === null) return value;
    const [[name, argument] = ['', undefined], ...others] = Object.entries(value);
    if (others.length === 0 && (name === 'Ref' || name.startsWith('Fn::'))) return call(name, argument);
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolve(each)]));
  }
  return resolve;
}
