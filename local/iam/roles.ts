/** The roles of a synthesized template with their policies, resolved: what the local world enforces and what `npm run iam-check` compares. */
import { type Conditions, checkConditions, type Statement, UnsupportedPolicyError } from './evaluate.ts';
import { type Place, type PolicyTemplate, resolver, type TemplateResource } from './resolve.ts';

export interface Role {
  readonly logicalId: string;
  /** Names of the functions that run with it, and `stateMachine:<name>` of state machines; none for a role that only another service of AWS assumes. */
  readonly functions: readonly string[];
  /** Services that may assume it, such as `lambda.amazonaws.com`. */
  readonly assumedBy: readonly string[];
  readonly statements: readonly Statement[];
}

const list = (value: unknown): readonly unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];
const texts = (value: unknown): string[] => list(value).map(String);

interface Document {
  readonly Statement?: unknown;
}

interface RawStatement {
  readonly Effect?: unknown;
  readonly Action?: unknown;
  readonly Resource?: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const READ = ['Sid', 'Effect', 'Action', 'Resource', 'Condition'];

function statementOf(where: string, raw: RawStatement): Statement {
  const other = Object.keys(raw).find((key) => !READ.includes(key));
  if (other) throw new UnsupportedPolicyError(`${where}: ${other} isn't evaluated; write Action and Resource`);
  if (raw.Effect !== 'Allow' && raw.Effect !== 'Deny')
    throw new UnsupportedPolicyError(`${where}: Effect is ${JSON.stringify(raw.Effect)}, expected Allow or Deny`);
  const conditions: Conditions = Object.fromEntries(
    Object.entries(raw.Condition ?? {}).map(([operator, keys]) => [
      operator,
      Object.fromEntries(Object.entries(keys).map(([key, values]) => [key, texts(values)])),
    ]),
  );
  checkConditions(where, conditions);
  return { effect: raw.Effect, actions: texts(raw.Action), resources: texts(raw.Resource), conditions };
}

const statementsOf = (where: string, document: unknown): Statement[] =>
  list((document as Document | undefined)?.Statement).map((each) => statementOf(where, each as RawStatement));

/**
 * Every role of the template, with its inline policies and those attached to it.
 * @throws UnsupportedPolicyError, UnresolvedError for what can't be read: nothing is left out silently.
 */
export function rolesOf(template: PolicyTemplate, place: Place): Role[] {
  const resolve = resolver(template, place);
  const entries = Object.entries(template.Resources);
  const ofType = (...types: string[]) => entries.filter(([, { Type }]) => types.includes(Type));
  const refersTo = (value: unknown, logicalId: string): boolean => {
    const { Ref, 'Fn::GetAtt': attribute } = (value ?? {}) as { Ref?: string; 'Fn::GetAtt'?: readonly string[] };
    return Ref === logicalId || attribute?.[0] === logicalId;
  };
  const policies = ofType('AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy');
  const functions = ofType('AWS::Lambda::Function');
  const machines = ofType('AWS::StepFunctions::StateMachine');
  const roleOf = ([logicalId, role]: [string, TemplateResource]): Role => {
    const { ManagedPolicyArns, Policies, AssumeRolePolicyDocument } = role.Properties ?? {};
    if (list(ManagedPolicyArns).length > 0)
      throw new UnsupportedPolicyError(`${logicalId}: policies managed by AWS aren't read: name each action instead`);
    const inline = list(resolve(Policies)) as readonly { PolicyDocument?: unknown }[];
    const attached = policies.filter(([, { Properties }]) =>
      list(Properties?.Roles).some((each) => refersTo(each, logicalId)),
    );
    const trust = list((resolve(AssumeRolePolicyDocument) as Document | undefined)?.Statement);
    return {
      logicalId,
      functions: [
        ...functions
          .filter(([, { Properties }]) => refersTo(Properties?.Role, logicalId))
          .map(([, { Properties }]) => String(resolve(Properties?.FunctionName))),
        ...machines
          .filter(([, { Properties }]) => refersTo(Properties?.RoleArn, logicalId))
          .map(([id, { Properties }]) => `stateMachine:${resolve(Properties?.StateMachineName ?? id)}`),
      ],
      assumedBy: trust.flatMap((each) => texts((each as { Principal?: { Service?: unknown } }).Principal?.Service)),
      statements: [
        ...inline.flatMap(({ PolicyDocument }) => statementsOf(logicalId, PolicyDocument)),
        ...attached.flatMap(([id, { Properties }]) => statementsOf(id, resolve(Properties?.PolicyDocument))),
      ],
    };
  };
  return ofType('AWS::IAM::Role').map(roleOf);
}
