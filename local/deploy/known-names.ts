/**
 * References to state machines, written out before the transformation: machines are made after the deployment, but functions and policies that stay in
 * the template name them. Their ARNs follow from their names, so that nothing has to wait for them.
 */
import type { Json, JsonObject, Template } from './transform.ts';
import { TransformError } from './transform-error.ts';

const STATE_MACHINE = 'AWS::StepFunctions::StateMachine';
const NAME_PROPERTY = 'StateMachineName';

/**
 * Each machine gets a name (its logical id, where it has none) and each reference to one becomes its ARN or name.
 * @throws TransformError when a machine's name is itself a reference.
 */
export function withKnownNames(template: Template): Template {
  const names = new Map(
    Object.entries(template.Resources)
      .filter(([, { Type }]) => Type === STATE_MACHINE)
      .map(([logicalId, { Properties = {} }]) => [logicalId, nameOf(logicalId, Properties)] as const),
  );
  if (names.size === 0) return template;
  const named = Object.entries(template.Resources).map(([logicalId, resource]) => {
    const name = names.get(logicalId);
    const { Properties = {} } = resource;
    return [
      logicalId,
      name ? { ...resource, Properties: { ...Properties, [NAME_PROPERTY]: name } } : resource,
    ] as const;
  });
  // Conditions and parameters can't refer to resources.
  const Resources = writtenOut(Object.fromEntries(named) as unknown as JsonObject, names);
  const Outputs = template.Outputs && writtenOut(template.Outputs, names);
  return { ...template, Resources, ...(Outputs ? { Outputs } : {}) } as Template;
}

function nameOf(logicalId: string, properties: JsonObject): string {
  const name = properties[NAME_PROPERTY] ?? logicalId;
  if (typeof name === 'string') return name;
  throw new TransformError(
    `${logicalId} (${STATE_MACHINE}): its name has to be plain text, not ${JSON.stringify(name)}`,
  );
}

/** As CloudFormation fills it in (user guide, "AWS::StepFunctions::StateMachine", return values). */
const arnOf = (name: string): string =>
  ['arn', 'AWS::Partition', 'states', 'AWS::Region', 'AWS::AccountId', 'stateMachine', name]
    .map((part) => (part.startsWith('AWS::') ? `\${${part}}` : part))
    .join(':');

type Names = ReadonlyMap<string, string>;

function writtenOut(value: Json, names: Names): Json {
  if (Array.isArray(value)) return value.map((each: Json) => writtenOut(each, names));
  if (typeof value !== 'object' || value === null) return value;
  const object = value as JsonObject;
  const reference = referenceIn(object, names);
  if (reference !== undefined) return reference;
  return Object.fromEntries(
    Object.entries(object).map(([key, each]) => [
      key,
      key === 'Fn::Sub' ? substituted(each, names) : writtenOut(each, names),
    ]),
  );
}

/** What stands for `Ref` and `Fn::GetAtt` of a machine; nothing for anything else. */
function referenceIn(value: JsonObject, names: Names): Json | undefined {
  const { Ref, 'Fn::GetAtt': attribute } = value;
  const [logicalId, wanted] =
    typeof Ref === 'string' ? [Ref, 'Arn'] : typeof attribute === 'string' ? attribute.split('.') : asPair(attribute);
  const name = names.get(logicalId ?? '');
  if (name === undefined) return undefined;
  if (wanted === 'Arn') return { 'Fn::Sub': arnOf(name) };
  return wanted === 'Name' ? name : undefined;
}

const asPair = (attribute: Json | undefined): string[] => (Array.isArray(attribute) ? attribute.map(String) : []);

/** `\${Machine}` and `\${Machine.Arn}` inside a text. */
function substituted(sub: Json, names: Names): Json {
  if (Array.isArray(sub)) return sub.map((each: Json) => substituted(each, names));
  if (typeof sub !== 'string') return writtenOut(sub, names);
  return sub.replace(/\$\{([^!}.]+)(?:\.(\w+))?\}/g, (found, logicalId: string, attribute = 'Arn') => {
    const name = names.get(logicalId);
    if (name === undefined) return found;
    return attribute === 'Arn' ? arnOf(name) : attribute === 'Name' ? name : found;
  });
}
