/**
 * The transformation of a template for the local world: listed resource types are taken out of a copy, and the references in their
 * properties become stack outputs, so that they can be made afterwards with the values the deployment gave them.
 */
import { DEFERRED_TYPES } from './deferred-types.ts';
import { withKnownNames } from './known-names.ts';
import { TransformError } from './transform-error.ts';

export { TransformError } from './transform-error.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<Record<string, JsonObject>>;
  readonly [section: string]: unknown;
}
interface Resource {
  readonly Type: string;
  readonly Properties?: JsonObject;
  readonly DependsOn?: string | readonly string[];
  readonly Condition?: string;
  readonly [attribute: string]: unknown;
}

/** A resource taken out. References in `properties` are `{ [OUTPUT]: <name of a stack output> }`. */
export interface DeferredResource {
  readonly logicalId: string;
  readonly type: string;
  readonly properties: JsonObject;
}

export interface Transformed {
  readonly template: Template;
  readonly created: readonly DeferredResource[];
  readonly leftOut: readonly DeferredResource[];
}

/** Key of a placeholder for a stack output. */
export const OUTPUT = 'NightshiftOutput';
/** CloudFormation's limit for a template ("CloudFormation quotas"). */
const MOST_OUTPUTS = 200;

/**
 * @throws TransformError when something that stays refers to something taken out, or the other way round by what isn't understood.
 */
export function transformTemplate(synthesized: Template): Transformed {
  const template = withKnownNames(synthesized);
  const entries = Object.entries(template.Resources);
  const removed = new Set(entries.filter(([, { Type }]) => DEFERRED_TYPES[Type]).map(([logicalId]) => logicalId));
  const outputs = new Outputs(removed);
  const deferred = entries.flatMap(([logicalId, resource]) =>
    removed.has(logicalId) ? [deferOne(logicalId, resource, outputs)] : [],
  );
  const kept = Object.fromEntries(
    entries
      .filter(([logicalId]) => !removed.has(logicalId))
      .map(([logicalId, each]) => [logicalId, keep(logicalId, each, removed)]),
  );
  for (const [name, output] of Object.entries(template.Outputs ?? {}))
    refuseReferences(`output ${name}`, output, removed);
  return {
    template: { ...template, Resources: kept, Outputs: { ...template.Outputs, ...outputs.made() } },
    created: deferred.filter(({ type }) => DEFERRED_TYPES[type]?.how === 'created'),
    leftOut: deferred.filter(({ type }) => DEFERRED_TYPES[type]?.how === 'left-out'),
  };
}

function deferOne(logicalId: string, resource: Resource, outputs: Outputs): DeferredResource {
  const { Type: type, Properties = {}, Condition } = resource;
  if (Condition)
    throw new TransformError(
      `${logicalId} (${type}): it depends on the condition ${Condition}, which isn't evaluated here.`,
    );
  // What is left out is never made, so what it refers to need not be known.
  const properties = DEFERRED_TYPES[type]?.how === 'left-out' ? {} : objectOf(outputs.replaceIn(logicalId, Properties));
  return { logicalId, type, properties };
}

function keep(logicalId: string, resource: Resource, removed: ReadonlySet<string>): Resource {
  const { DependsOn, ...rest } = resource;
  refuseReferences(`resource ${logicalId}`, rest.Properties ?? {}, removed);
  const dependsOn = [DependsOn ?? []].flat().filter((id) => !removed.has(id));
  return dependsOn.length > 0 ? { ...rest, DependsOn: dependsOn } : rest;
}

/** Each distinct reference becomes one output. */
class Outputs {
  readonly #removed: ReadonlySet<string>;
  readonly #names = new Map<string, { readonly name: string; readonly value: JsonObject }>();

  constructor(removed: ReadonlySet<string>) {
    this.#removed = removed;
  }

  replaceIn(where: string, value: Json): Json {
    if (isList(value)) return value.map((each) => this.replaceIn(where, each));
    if (!isObject(value)) return value;
    if (!isIntrinsic(value))
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, this.replaceIn(where, each)]));
    refuseReferences(`resource ${where}`, value, this.#removed);
    return { [OUTPUT]: this.#nameOf(value) };
  }

  #nameOf(value: JsonObject): string {
    const key = JSON.stringify(value);
    const known = this.#names.get(key);
    if (known) return known.name;
    const name = `NightshiftDeferred${this.#names.size}`;
    this.#names.set(key, { name, value });
    if (this.#names.size > MOST_OUTPUTS)
      throw new TransformError(
        `more than ${MOST_OUTPUTS} references in resources that are made afterwards; CloudFormation allows no more outputs.`,
      );
    return name;
  }

  made(): Record<string, JsonObject> {
    return Object.fromEntries([...this.#names.values()].map(({ name, value }) => [name, { Value: value }]));
  }
}

/** Fills in what the deployment put out. @throws TransformError for an output that is missing. */
export function resolveOutputs(value: Json, outputs: Readonly<Record<string, string>>): Json {
  if (isList(value)) return value.map((each) => resolveOutputs(each, outputs));
  if (!isObject(value)) return value;
  const name = value[OUTPUT];
  if (typeof name !== 'string')
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolveOutputs(each, outputs)]));
  const found = outputs[name];
  if (found === undefined) throw new TransformError(`the stack put out no ${name}`);
  return found;
}

function refuseReferences(where: string, value: Json, removed: ReadonlySet<string>): void {
  for (const id of referencesIn(value))
    if (removed.has(id))
      throw new TransformError(`${where} refers to ${id}, which the local world makes only after the deployment.`);
}

/** Logical ids that a value refers to by Ref, Fn::GetAtt and Fn::Sub. */
function referencesIn(value: Json): string[] {
  if (isList(value)) return value.flatMap(referencesIn);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'Ref' && typeof inner === 'string') return [inner];
    if (key === 'Fn::GetAtt')
      return [typeof inner === 'string' ? (inner.split('.')[0] ?? '') : isList(inner) ? String(inner[0]) : ''];
    if (key === 'Fn::Sub') return [...substituted(inner), ...referencesIn(inner)];
    return referencesIn(inner);
  });
}

function substituted(sub: Json): string[] {
  const text = isList(sub) ? sub[0] : sub;
  if (typeof text !== 'string') return [];
  return [...text.matchAll(/\$\{([^!}.]+)[^}]*\}/g)].map((match) => match[1] ?? '');
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);
const isObject = (value: Json): value is JsonObject => typeof value === 'object' && value !== null && !isList(value);
const isIntrinsic = (value: JsonObject): boolean => {
  const [key, ...others] = Object.keys(value);
  return others.length === 0 && key !== undefined && (key === 'Ref' || key.startsWith('Fn::'));
};
function objectOf(value: Json): JsonObject {
  if (!isObject(value)) throw new TransformError(`expected an object, found ${JSON.stringify(value)}`);
  return value;
}
