/**
 * Stands in for functions/engine/attributes.ts in simulated runs: the same rules for what the journal keeps, without the SDK's questions about what it never keeps,
 * and the SDK itself for anything else. A property test holds the two against each other (test/property/simulation), one run in `SDK_EVERY` goes by the
 * SDK alone, and so does every run that is told (docs/decisions/0297).
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import * as engine from '../../functions/engine/attributes.ts';

type Attributes = Record<string, AttributeValue>;

let bySdk = false;

/** From now on everything goes by the SDK, or only what isn't plain. */
export function goBySdk(on: boolean): void {
  bySdk = on;
}

/** Anything but texts, whole numbers, truth values, null, and lists and plain objects of them: the SDK says what becomes of it. */
const NOT_PLAIN = Symbol('not plain');
/** Names that mean something else to JavaScript. */
const isOdd = (name: string): boolean => name === '__proto__' || name === 'constructor';

export function marshall(item: object): Attributes {
  const quick = bySdk ? NOT_PLAIN : attributesOf(item);
  return quick === NOT_PLAIN ? engine.marshall(item) : quick;
}

export function unmarshall(attributes: Attributes): Record<string, unknown> {
  const quick = bySdk ? NOT_PLAIN : itemOf(attributes);
  return quick === NOT_PLAIN ? engine.unmarshall(attributes) : quick;
}

const isPlainObject = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

function attributesOf(item: object): Attributes | typeof NOT_PLAIN {
  if (!isPlainObject(item)) return NOT_PLAIN;
  const attributes: Attributes = {};
  for (const name in item) {
    const attribute = attributeOf((item as Record<string, unknown>)[name]);
    if (attribute === NOT_PLAIN || isOdd(name)) return NOT_PLAIN;
    if (attribute !== undefined) attributes[name] = attribute;
  }
  return attributes;
}

function attributeOf(value: unknown): AttributeValue | undefined | typeof NOT_PLAIN {
  switch (typeof value) {
    case 'string':
      return { S: value };
    case 'number':
      return Number.isSafeInteger(value) ? { N: String(value) } : NOT_PLAIN;
    case 'boolean':
      return { BOOL: value };
    case 'undefined':
      return undefined;
    case 'object': {
      if (value === null) return { NULL: true };
      if (Array.isArray(value)) return listOf(value);
      const M = attributesOf(value);
      return M === NOT_PLAIN ? M : { M };
    }
    default:
      return NOT_PLAIN;
  }
}

function listOf(values: readonly unknown[]): AttributeValue | typeof NOT_PLAIN {
  const L: AttributeValue[] = [];
  for (const value of values) {
    const attribute = attributeOf(value);
    if (attribute === NOT_PLAIN) return NOT_PLAIN;
    if (attribute !== undefined) L.push(attribute);
  }
  return { L };
}

function itemOf(attributes: Attributes): Record<string, unknown> | typeof NOT_PLAIN {
  const item: Record<string, unknown> = {};
  for (const name in attributes) {
    const value = plainOf(attributes[name]);
    if (value === NOT_PLAIN || isOdd(name)) return NOT_PLAIN;
    item[name] = value;
  }
  return item;
}

function plainOf(attribute: AttributeValue | undefined): unknown {
  if (attribute?.S !== undefined) return attribute.S;
  if (attribute?.N !== undefined) return Number.isSafeInteger(Number(attribute.N)) ? Number(attribute.N) : NOT_PLAIN;
  if (attribute?.M !== undefined) return itemOf(attribute.M);
  if (attribute?.L !== undefined) {
    const values = attribute.L.map(plainOf);
    return values.includes(NOT_PLAIN) ? NOT_PLAIN : values;
  }
  if (attribute?.BOOL !== undefined) return attribute.BOOL;
  return attribute?.NULL ? null : NOT_PLAIN;
}
