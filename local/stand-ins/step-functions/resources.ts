/** The resources that a Task may name here ("Integrating services with Step Functions", "Learning to use AWS service SDK integrations"). Pure. */
import type { MachineType } from './types.ts';

/** How a task is done. */
export type Resource =
  | { readonly kind: 'function'; readonly functionArn: string }
  | { readonly kind: 'invoke' }
  | { readonly kind: 'execution'; readonly waits: 'no' | 'json' | 'text' }
  | {
      readonly kind: 'service';
      readonly service: ServiceName;
      /** As the API names it: `PutItem`. */
      readonly operation: string;
      /** Optimized integrations name errors by other prefixes than SDK integrations. */
      readonly optimized: boolean;
    };

export type ServiceName = 'dynamodb' | 'events' | 'sns' | 'sqs' | 'states';

const OPTIMIZED: Readonly<Record<string, readonly string[]>> = {
  dynamodb: ['getItem', 'putItem', 'updateItem', 'deleteItem'],
  events: ['putEvents'],
  sns: ['publish'],
  sqs: ['sendMessage'],
};
/** SDK integrations by their names, with the service each is. */
const SDK: Readonly<Record<string, ServiceName>> = {
  dynamodb: 'dynamodb',
  eventbridge: 'events',
  sns: 'sns',
  sqs: 'sqs',
  sfn: 'states',
};
/** SNS speaks a protocol of its own: only this is translated. */
const SNS_OPERATIONS = ['publish'];

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** @param resource without `.waitForTaskToken`. @returns nothing for what the local world doesn't do. */
export function parseResource(resource: string): Resource | undefined {
  if (/^arn:aws:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(:[\w$-]+)?$/.test(resource))
    return { kind: 'function', functionArn: resource };
  const [service = '', action = '', ...more] = /^arn:aws:states:::(.+)$/.exec(resource)?.[1]?.split(':') ?? [];
  if (service === 'aws-sdk') return sdkResource(action, more);
  if (service === 'lambda' && action === 'invoke' && more.length === 0) return { kind: 'invoke' };
  if (service === 'states') return executionResource([action, ...more].join(':'));
  if (more.length > 0 || !OPTIMIZED[service]?.includes(action)) return undefined;
  return { kind: 'service', service: service as ServiceName, operation: capitalised(action), optimized: true };
}

function sdkResource(name: string, [action = '', ...more]: readonly string[]): Resource | undefined {
  const service = SDK[name];
  if (!service || more.length > 0 || !/^[a-z][A-Za-z]+$/.test(action)) return undefined;
  if (service === 'sns' && !SNS_OPERATIONS.includes(action)) return undefined;
  return { kind: 'service', service, operation: capitalised(action), optimized: false };
}

function executionResource(action: string): Resource | undefined {
  switch (action) {
    case 'startExecution':
      return { kind: 'execution', waits: 'no' };
    case 'startExecution.sync':
      return { kind: 'execution', waits: 'text' };
    case 'startExecution.sync:2':
      return { kind: 'execution', waits: 'json' };
    default:
      return undefined;
  }
}

/** Why a Task may not name the resource. */
export function resourceProblem(resource: string, type: MachineType): string | undefined {
  const isCallback = resource.endsWith('.waitForTaskToken');
  if (type === 'EXPRESS' && isCallback)
    return "Express state machine does not support '.waitForTaskToken' service integration";
  if (type === 'EXPRESS' && /\.sync(:2)?$/.test(resource))
    return "Express state machine does not support '.sync' service integration";
  const known = parseResource(resource.replace(/\.waitForTaskToken$/, ''));
  const hasNoCallback = known?.kind === 'function' || (known?.kind === 'execution' && known.waits !== 'no');
  if (known && !(isCallback && hasNoCallback)) return undefined;
  return `The resource provided ${resource} is not recognized. The local world does lambda:invoke, states:startExecution, and calls of DynamoDB, EventBridge, SQS, SNS (publish) and Step Functions`;
}
