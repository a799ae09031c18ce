/** CloudFormation's properties of a state machine as CreateStateMachine takes them (user guide, "AWS::StepFunctions::StateMachine"). Pure. */
import type { CreateStateMachineCommandInput } from '@aws-sdk/client-sfn';
import { TransformError } from './transform-error.ts';

/** Known ones; logs and traces are accepted, and have no counterpart here. */
export const STATE_MACHINE_PROPERTIES = [
  ...['StateMachineName', 'StateMachineType', 'RoleArn', 'DefinitionString', 'Definition', 'DefinitionSubstitutions'],
  ...['LoggingConfiguration', 'TracingConfiguration', 'Tags'],
];

export interface StateMachineProperties {
  readonly StateMachineName: string;
  readonly StateMachineType?: 'STANDARD' | 'EXPRESS';
  readonly RoleArn: string;
  readonly DefinitionString?: string;
  readonly Definition?: object;
  readonly DefinitionSubstitutions?: Readonly<Record<string, string | number | boolean>>;
  readonly Tags?: readonly { readonly Key: string; readonly Value: string }[];
}

/** @throws TransformError without a definition in the template. */
export function toCreateInput(properties: StateMachineProperties): CreateStateMachineCommandInput {
  const { StateMachineName, StateMachineType = 'STANDARD', RoleArn, DefinitionString, Definition, Tags } = properties;
  const text = DefinitionString ?? (Definition && JSON.stringify(Definition));
  if (!text) throw new TransformError(`${StateMachineName}: its definition has to be in the template`);
  return {
    name: StateMachineName,
    type: StateMachineType,
    roleArn: RoleArn,
    definition: substituted(text, properties.DefinitionSubstitutions ?? {}),
    ...(Tags ? { tags: Tags.map(({ Key, Value }) => ({ key: Key, value: Value })) } : {}),
  };
}

const substituted = (text: string, values: Readonly<Record<string, unknown>>): string =>
  Object.entries(values).reduce((all, [name, value]) => all.replaceAll(`\${${name}}`, String(value)), text);
