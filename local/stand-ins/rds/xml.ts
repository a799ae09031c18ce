/** Replies of RDS's query protocol (AWS Query Protocol, version 2014-10-31): parameters come as a form, replies go as XML. */
import { XMLBuilder } from 'fast-xml-parser';
import { xmlReply } from '../../gateway/reply.ts';
import type { AwsCall, AwsReply } from '../../world/types.ts';

const NAMESPACE = 'http://rds.amazonaws.com/doc/2014-10-31/';
const builder = new XMLBuilder();

/** What XML can be written from; `undefined` fields are left out, dates are ISO 8601. */
export type XmlValue = string | number | boolean | Date | undefined | readonly XmlValue[] | XmlObject;
export interface XmlObject {
  readonly [name: string]: XmlValue;
}

/** An AWS list: `list('Tag', tags)` inside `TagList` is `<TagList><Tag>..</Tag><Tag>..</Tag></TagList>`. */
export const list = (member: string, items: readonly XmlValue[]): XmlObject => ({ [member]: items });

/** The reply that the SDK reads, with `result` inside `<OperationResult>`. */
export const resultReply = (call: AwsCall, result: XmlObject): AwsReply =>
  xmlReply(call, builder.build(plain(result)), { namespace: NAMESPACE });

function plain(value: XmlValue): unknown {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value as XmlObject)
      .filter(([, inner]) => inner !== undefined)
      .map(([name, inner]) => [name, plain(inner)]),
  );
}

/** Form parameters by AWS's rules. */
export class Form {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return value === undefined ? undefined : String(value);
  }

  flag(name: string): boolean | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : value === 'true';
  }

  number(name: string): number | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : Number(value);
  }

  /** Members of a list, each as a form of its own: `list('Tags.Tag')` reads `Tags.Tag.1.Key`, `Tags.Tag.1.Value`, ... */
  list(prefix: string): Form[] {
    const members = new Map<number, Record<string, unknown>>();
    for (const [name, value] of Object.entries(this.#values)) {
      const [index, ...rest] = name.startsWith(`${prefix}.`) ? name.slice(prefix.length + 1).split('.') : [];
      if (index === undefined || !/^\d+$/.test(index)) continue;
      const member = members.get(Number(index)) ?? {};
      member[rest.join('.')] = value;
      members.set(Number(index), member);
    }
    return [...members.entries()].sort(([a], [b]) => a - b).map(([, member]) => new Form(member));
  }

  /** Members of a list of strings. */
  texts(prefix: string): string[] {
    return this.list(prefix).map((member) => member.text('') ?? '');
  }
}
