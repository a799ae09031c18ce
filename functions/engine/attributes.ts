/**
 * DynamoDB's typed values to plain ones and back, for what the journal keeps: texts, numbers, booleans, null, lists and maps of them ("Naming rules and data types", Amazon
 * DynamoDB Developer Guide). Our own and not the SDK's `marshall`, which looks for sets, classes and sixteen kinds of bytes in each text: that was a quarter of the engine's
 * time. `test/property/engine/attributes.property.test.ts` holds it against the SDK's.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

type Attributes = Record<string, AttributeValue>;

/**
 * An item, a key or an expression's values as DynamoDB takes them. What is undefined is left out.
 * @throws TypeError for what the journal doesn't keep: bytes, sets, classes, functions, and numbers that JavaScript doesn't hold exactly.
 */
export function marshall(item: object): Attributes {
  const attributes: Attributes = {};
  const values = item as Readonly<Record<string, unknown>>;
  for (const name in values) {
    const value = values[name];
    if (value !== undefined) attributes[name] = toAttribute(value);
  }
  return attributes;
}

function toAttribute(value: unknown): AttributeValue {
  switch (typeof value) {
    case 'string':
      return { S: value };
    case 'number':
      return { N: exact(value) };
    case 'boolean':
      return { BOOL: value };
    case 'object':
      if (value === null) return { NULL: true };
      if (Array.isArray(value)) return { L: value.filter((each) => each !== undefined).map(toAttribute) };
      if (isPlain(value)) return { M: marshall(value) };
      throw new TypeError(`the journal doesn't keep a ${value.constructor?.name}: give a plain object`);
    default:
      throw new TypeError(`the journal doesn't keep a ${typeof value}`);
  }
}

/** Made by a literal or by JSON.parse, whichever realm that was in. */
const isPlain = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null;
};

function exact(value: number): string {
  if (Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return String(value);
  throw new TypeError(`the number ${value} isn't held exactly by JavaScript, or isn't one of DynamoDB's`);
}

/**
 * An item as DynamoDB gives it, in plain values.
 * @throws TypeError for a kind of value that the journal doesn't keep.
 */
export function unmarshall(attributes: Attributes): Record<string, unknown> {
  const item: Record<string, unknown> = {};
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) item[name] = fromAttribute(value);
  }
  return item;
}

function fromAttribute(value: AttributeValue): unknown {
  if (value.S !== undefined) return value.S;
  if (value.N !== undefined) return Number(value.N);
  if (value.M !== undefined) return unmarshall(value.M);
  if (value.L !== undefined) return value.L.map(fromAttribute);
  if (value.BOOL !== undefined) return value.BOOL;
  if (value.NULL !== undefined) return null;
  throw new TypeError(`the journal keeps no value of type ${Object.keys(value).join(', ')}`);
}
