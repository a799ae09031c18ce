/** The little of XML that Route 53's replies are made of: elements without attributes that matter, text, five entities. Pure. */

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

const unescapeXml = (text: string): string =>
  text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex?: string, decimal?: string, name = '') =>
    hex || decimal ? String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(decimal)) : (ENTITIES[name] ?? whole),
  );

export const escapeXml = (text: string): string =>
  text.replace(/[&<>"']/g, (found) => `&#${found.codePointAt(0) ?? 0};`);

/** What stands inside each element of that name, in their order. An element never holds one of its own name in these replies. */
export const elements = (xml: string, name: string): string[] =>
  [...xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?>([\\s\\S]*?)</${name}>`, 'g'))].map(([, inner = '']) => inner);

/** Text of the first element of that name; undefined when there is none. */
export function textOf(xml: string, name: string): string | undefined {
  const [inner] = elements(xml, name);
  return inner === undefined ? undefined : unescapeXml(inner.trim());
}
